import type { FoldArrays } from './fold.ts'

/** TypeScript twins of the kernels that aggregate by keys of 8 or 16 bits; see assembly/direct.ts for the layout. */

/** Twin of `foldDirect`. */
export function foldDirect(
  { words, doubles, bytes }: FoldArrays,
  keys: number,
  keyBytes: number,
  rows: number,
  skipped: number,
  counts: number,
  table: number,
  values: number,
  sums: number,
): number {
  let made = 0
  for (let i = 0; i < rows; i++) {
    if (skipped !== 0 && bytes[skipped + i] !== 0) continue
    const at = keys + i * keyBytes
    const key = keyBytes === 1 ? bytes[at]! : bytes[at]! + bytes[at + 1]! * 256
    if (words[counts / 4 + key] === 0) made++
    words[counts / 4 + key]! += 1
    for (let s = 0; s < sums; s++) doubles[table / 8 + key * sums + s]! += doubles[words[values / 4 + s]! / 8 + i]!
  }
  return made
}

/** Twin of `foldPacked`. */
export function foldPacked(
  { words, doubles, bytes }: FoldArrays,
  keys: number,
  keyBytes: number,
  rows: number,
  skipped: number,
  table: number,
  values: number,
): void {
  for (let i = 0; i < rows; i++) {
    if (skipped !== 0 && bytes[skipped + i] !== 0) continue
    const at = keys + i * keyBytes
    const place = table / 8 + (keyBytes === 1 ? bytes[at]! : bytes[at]! + bytes[at + 1]! * 256) * 2
    doubles[place]! += doubles[words[values / 4]! / 8 + i]!
    doubles[place + 1]! += doubles[words[values / 4 + 1]! / 8 + i]! + 2 ** 32
  }
}

/** Twin of `settleDirect`. */
export function settleDirect(
  { words, doubles }: FoldArrays,
  from: number,
  capacity: number,
  counts: number,
  table: number,
): number {
  let made = 0
  for (let key = 0; key < capacity; key++) {
    const place = from / 8 + key * 2
    const rows = Math.floor(doubles[place + 1]! / 2 ** 32)
    if (rows === 0) continue
    if (words[counts / 4 + key] === 0) made++
    words[counts / 4 + key]! += rows
    doubles[table / 8 + key * 2]! += doubles[place]!
    doubles[table / 8 + key * 2 + 1]! += doubles[place + 1]! - rows * 2 ** 32
    doubles.fill(0, place, place + 2)
  }
  return made
}

/** Twin of `directEntries`. */
export function directEntries(
  { words, doubles }: FoldArrays,
  counts: number,
  table: number,
  capacity: number,
  sums: number,
  stride: number,
  dst: number,
): number {
  let made = 0
  for (let key = 0; key < capacity; key++) {
    const count = words[counts / 4 + key]!
    if (count === 0) continue
    const entry = dst + made++ * stride
    const sumsAt = stride - sums * 8
    words[entry / 4] = key
    words[entry / 4 + 1] = 0
    if (sumsAt > 8) doubles[entry / 8 + 1] = count
    for (let s = 0; s < sums; s++) doubles[(entry + sumsAt) / 8 + s] = doubles[table / 8 + key * sums + s]!
  }
  return made
}
