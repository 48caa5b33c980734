import type { Column } from '../../flow/column.ts'
import { RuntimeError } from '../error.ts'

/** The values of a column that kernels sum: unsigned numbers. */
export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** The values of such a column. */
export function numbersOf(column: Column): Numbers {
  switch (column.type) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53':
    case 'boolean':
      return column.values
    default:
      throw new RuntimeError('bad-program', `aggregate: sum expected unsigned numbers, got ${column.type}`)
  }
}

/** The sum of the first values, each partial sum rounded. */
export function sumOf(values: { readonly [row: number]: number }, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += values[i]!
  return sum
}
