import type { TableArrays } from './table.ts'
import { describe, findEntry, numbersAt } from './table.ts'

/** What twins of kernels without 64-bit integers work in. */
export type FoldArrays = Omit<TableArrays, 'integers'>

/** How the rows of an entry are counted: not at all, by a double before its sums, or in the high bits of its last sum, which is a 64-bit integer then. */
export const COUNTS = { none: 0, apart: 1, packed: 2 } as const
/** Packed sums stay below 2^40, and their rows below 2^24. */
export const PACKED_SUM = 2 ** 40
export const PACKED_ROWS = 2 ** 24

/** Mixes a 32-bit word into a hash. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85eb_ca6b)
  return mixed ^ (mixed >>> 15)
}

/** Spreads a mixed hash over all 32 bits. */
export function finishHash(hash: number): number {
  let mixed = Math.imul(hash, 0xc2b2_ae35)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0x27d4_eb2f)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Twin of `foldRows`. */
export function foldRows(
  arrays: TableArrays,
  keys: number,
  rows: number,
  skipped: number,
  table: number,
  values: number,
  sums: number,
  counts: number,
): number {
  const { words, doubles, integers, bytes } = arrays
  const width = describe(words, table)[5]
  for (let i = 0; i < rows; i++) {
    if (skipped !== 0 && bytes[skipped + i] !== 0) continue
    let at = (findEntry(arrays, table, keys / 4 + i * width) + numbersAt(width)) / 8
    if (counts === COUNTS.apart) doubles[at++]! += 1
    for (let s = 0; s < sums; s++, at++) {
      const value = doubles[words[values / 4 + s]! / 8 + i]!
      if (counts === COUNTS.packed && s === sums - 1) integers[at]! += BigInt(value) + BigInt(PACKED_SUM)
      else doubles[at]! += value
    }
  }
  return describe(words, table)[3]
}

/** Twin of `foldUnpack`. */
export function foldUnpack(
  { bytes, doubles, integers }: TableArrays,
  entries: number,
  count: number,
  stride: number,
  numbers: number,
): void {
  for (let i = count - 1; i >= 0; i--) {
    const [from, to] = [entries + i * stride, entries + i * (stride + 8)]
    const packed = Number(integers[(from + stride) / 8 - 1]!)
    const rows = Math.floor(packed / PACKED_SUM)
    const sum = Number(integers[(from + stride) / 8 - 1]! % BigInt(PACKED_SUM))
    bytes.copyWithin(to + numbers + 8, from + numbers, from + stride - 8)
    bytes.copyWithin(to, from, from + numbers)
    doubles[(to + numbers) / 8] = rows
    doubles[(to + stride) / 8] = sum
  }
}
