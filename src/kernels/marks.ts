import type { FoldArrays } from './fold.ts'

/** TypeScript twins of the kernels that carry out filters; see assembly/marks.ts. Bits behind the last row, which mean nothing, are zero. */

/** Twin of `markRange`. */
export function markRange(
  { words, doubles, bytes }: FoldArrays,
  values: number,
  size: number,
  low: number,
  high: number,
  rows: number,
  marks: number,
): void {
  bytes.fill(0, marks, marks + Math.ceil(rows / 8))
  for (let row = 0; row < rows; row++) {
    const at = values + row * size
    const narrow = size === 1 ? bytes[at]! : bytes[at]! + bytes[at + 1]! * 256
    const value = size === 8 ? doubles[at / 8]! : size === 4 ? words[at / 4]! : narrow
    if (value >= low && value <= high) bytes[marks + (row >>> 3)]! |= 1 << (row & 7)
  }
}

/** Twin of `joinMarks`. */
export function joinMarks({ bytes }: FoldArrays, first: number, second: number, how: number, rows: number): void {
  for (let i = 0; i < Math.ceil(rows / 8); i++) {
    if (how === 0) bytes[first + i]! &= bytes[second + i]!
    else if (how === 1) bytes[first + i]! |= bytes[second + i]!
    else bytes[first + i] = ~bytes[first + i]!
  }
}

/** Twin of `markedRows`. */
export function markedRows({ words, bytes }: FoldArrays, marks: number, rows: number, dst: number): number {
  let count = 0
  for (let row = 0; row < rows; row++)
    if ((bytes[marks + (row >>> 3)]! >>> (row & 7)) & 1) words[dst / 4 + count++] = row
  return count
}
