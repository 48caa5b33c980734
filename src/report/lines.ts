import { displayWidth } from './width.ts'

/** Lays `name  value` pairs under each other: the form of everything that is one thing with many properties. */
export function propertyLines(pairs: readonly (readonly [name: string, value: string])[], indent = ''): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => displayWidth(name)))
  return pairs.map(([name, value]) => `${indent}${name}${' '.repeat(width - displayWidth(name))}  ${value}`.trimEnd())
}
