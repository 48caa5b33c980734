/** Refuses an option that a benchmark does not know, before it measures for an hour. */
export function knowOptions(...names: readonly string[]): void {
  const unknown = process.argv.slice(2).find((word) => word.startsWith('--') && !names.includes(word.slice(2)))
  if (unknown === undefined) return
  process.stderr.write(`bench: expected ${names.map((name) => `--${name} VALUE`).join(', ')}, got ${unknown}\n`)
  process.exit(2)
}

/** The value after `--name` on the command line of a benchmark. */
export function textOption(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback)
}

export const numberOption = (name: string, fallback: number): number => Number(textOption(name, String(fallback)))

/** Datagrams a second, rising, after `--rates`. */
export const ratesOption = (fallback: string): number[] => textOption('rates', fallback).split(',').map(Number)
