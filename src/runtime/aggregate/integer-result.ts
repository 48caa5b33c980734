import type { Column } from '../../flow/column.ts'
import { NUMBER_RANGE } from '../../flow/value.ts'
import { RuntimeError } from '../error.ts'

/** The first whole number that has no double of its own: sums are held as `high * LIMB + low`, low within (-LIMB, LIMB). */
export const LIMB = 2 ** 53
const BIG_LIMB = 2n ** 53n

/** Writes an exact integer into a row; throws `overflow` when the type of the column cannot hold it. */
export function writeInteger(name: string, output: Column, row: number, high: number, low: number): void {
  if (output.valid) output.valid[row] = 1
  switch (output.type) {
    case 'u64':
    case 'i64': {
      const value = high === 0 ? BigInt(low) : BigInt(high) * BIG_LIMB + BigInt(low)
      const fits = output.type === 'u64' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)
      if (fits !== value) throw overflow(name, output.type, value)
      output.values[row] = value
      break
    }
    case 'address':
    case 'prefix':
    case 'text':
    case 'bytes':
      throw new RuntimeError('bad-program', `aggregate: result ${name} expected a number type, got ${output.type}`)
    default: {
      const [least, most] = NUMBER_RANGE[output.type]
      if (high !== 0 || low < least || low > most)
        throw overflow(name, output.type, BigInt(high) * BIG_LIMB + BigInt(low))
      output.values[row] = low
    }
  }
}

function overflow(name: string, type: string, value: bigint): RuntimeError {
  return new RuntimeError('overflow', `aggregate: result ${name} expected a value of type ${type}, got ${value}`)
}
