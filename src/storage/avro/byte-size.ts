import type { AvroType } from './type.ts'

const MAX_SIZE = 0x7fffffff

/** The number of bytes that every value of a type takes (capped at 2^31-1), or undefined when they differ. Types that differ take a byte at least. */
export function byteSize(type: AvroType): number | undefined {
  return sizeOf(type, new Map())
}

function sizeOf(type: AvroType, known: Map<AvroType, number | undefined>): number | undefined {
  switch (type.type) {
    case 'null':
      return 0
    case 'boolean':
      return 1
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return Math.min(type.size, MAX_SIZE)
    case 'record': {
      if (known.has(type)) return known.get(type)
      // A record inside itself has no fixed size, unless it has none at all; then no value of it exists.
      known.set(type, undefined)
      let sum: number | undefined = 0
      for (const field of type.fields) {
        const size = sizeOf(field.type, known)
        sum = sum === undefined || size === undefined ? undefined : Math.min(sum + size, MAX_SIZE)
      }
      known.set(type, sum)
      return sum
    }
    default:
      return undefined
  }
}
