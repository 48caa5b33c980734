import { UsageError } from './errors.ts'

/** Reads an option's text with a parser of a component; what it throws becomes an error that names the option. */
export function readOption<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (error) {
    throw new UsageError(`--${name}`, error)
  }
}

/** A whole number in a range, from an option that yargs has read as a number. */
export function wholeNumber(name: string, value: number, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`
    throw new UsageError(`--${name}: expected a whole number, ${range}, got ${value}`)
  }
  return value
}
