import type { Column } from '../../flow/column.ts'
import type { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'

/**
 * The states of one aggregate for every group of a table, in typed arrays. States merge to the same state in any order and grouping, so that splits, retries and
 * spills cannot show in a result.
 */
export interface Accumulator {
  /** Bytes held with room for so many groups. */
  sizeWith(groups: number): number
  /** Makes room for so many groups; new ones are empty. */
  reserve(groups: number): void
  /** Empties every group. */
  clear(): void
  /** Adds row `i` of the input to group `groups[i]`; absent values are passed over. */
  add(groups: Uint32Array, input: Column | undefined, length: number): void
  /** Appends the state of a group. */
  write(group: number, out: ByteBuffer): void
  /** Merges a written state into a group. */
  merge(group: number, from: ByteReader): void
  /** Writes the results of groups 0 .. length - 1 into the rows of a column; throws `overflow` for one that does not fit. */
  results(output: Column, length: number): void
}

/** Length of an array that has to hold `needed` entries: doubled, so that growth is rare. */
export const grownLength = (length: number, needed: number): number =>
  needed <= length ? length : Math.max(needed, length * 2)

/** A longer copy of an array of numbers. */
export function grow(array: Float64Array<ArrayBuffer>, needed: number): Float64Array<ArrayBuffer> {
  if (needed <= array.length) return array
  const grown = new Float64Array(grownLength(array.length, needed))
  grown.set(array)
  return grown
}
