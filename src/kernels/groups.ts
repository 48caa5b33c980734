import type { TableArrays } from './table.ts'
import { describe, findEntry, hashWordsAt, numbersAt } from './table.ts'

/** TypeScript twins of the groups kernels, over the same memory layout; see assembly/groups.ts. */

/** What a step of a program writes; see assembly/groups.ts. */
export const WRITE = { byte: 0, u8: 1, u16: 2, u32: 4, u64: 8 } as const
/** Set in a step or a digit: its bits are flipped. */
export const FLIP = 1 << 16

/** One step of a program that writes bytes of an entry: `operand` is an offset within the entry, or the byte itself. */
export const writeStep = (kind: keyof typeof WRITE, operand: number, flip = false): number =>
  (WRITE[kind] << 24) | (flip ? FLIP : 0) | operand

/** Bytes that a program writes. */
export const writtenLength = (program: readonly number[]): number =>
  program.reduce((sum, step) => sum + Math.max(1, step >>> 24), 0)

/** Writes the bytes of one entry as a program says, and returns their end. */
export function writeEntry(
  { bytes, words }: TableArrays,
  entry: number,
  program: number,
  steps: number,
  out: Uint8Array,
  dst: number,
): number {
  let at = dst
  for (let i = 0; i < steps; i++) {
    const code = words[program / 4 + i]!
    const kind = code >>> 24
    const flip = code & FLIP ? 0xff : 0
    const operand = code & 0xffff
    if (kind === WRITE.byte) out[at++] = operand ^ flip
    else for (let byte = kind - 1; byte >= 0; byte--) out[at++] = bytes[entry + operand + byte]! ^ flip
  }
  return at
}

/** Twin of `groupsAdd`. */
export function groupsAdd(
  arrays: TableArrays,
  src: number,
  count: number,
  table: number,
  passMask: number,
  pass: number,
): number {
  const { words, doubles } = arrays
  const [, , , , stride, width] = describe(words, table)
  for (let from = src; from < src + count * stride; from += stride) {
    if (((hashWordsAt(words, from / 4, width) >>> 24) & passMask) !== pass) continue
    const entry = findEntry(arrays, table, from / 4)
    for (let at = numbersAt(width); at < stride; at += 8) doubles[(entry + at) / 8]! += doubles[(from + at) / 8]!
  }
  return describe(words, table)[3]
}

/** Twin of `groupsSplit`. */
export function groupsSplit(
  { bytes, words }: TableArrays,
  entries: number,
  count: number,
  width: number,
  stride: number,
  mask: number,
  ends: number,
  dst: number,
): void {
  let to = 0
  for (let share = 0; share <= mask; share++) {
    for (let i = 0; i < count; i++) {
      const from = entries + i * stride
      if (((hashWordsAt(words, from / 4, width) >>> 24) & mask) !== share) continue
      bytes.copyWithin(dst + to * stride, from, from + stride)
      to++
    }
    words[ends / 4 + share] = to
  }
}

/** Twin of `groupsIntegers`. */
export function groupsIntegers(
  { doubles, integers }: TableArrays,
  entries: number,
  count: number,
  stride: number,
  numbers: number,
): void {
  for (let i = 0; i < count; i++)
    for (let at = numbers; at < stride; at += 8) {
      const place = (entries + i * stride + at) / 8
      integers[place] = BigInt(doubles[place]!)
    }
}

/** Twin of `groupsAppend`. */
export function groupsAppend(
  { bytes, words, doubles }: TableArrays,
  keys: number,
  width: number,
  rows: number,
  skipped: number,
  values: number,
  sums: number,
  stride: number,
  dst: number,
): number {
  let entry = dst
  for (let i = 0; i < rows; i++) {
    if (skipped !== 0 && bytes[skipped + i] !== 0) continue
    bytes.fill(0, entry, entry + stride)
    bytes.copyWithin(entry, keys + i * width * 4, keys + (i + 1) * width * 4)
    const sumsAt = stride - sums * 8
    if (sumsAt > numbersAt(width)) doubles[(entry + numbersAt(width)) / 8] = 1
    for (let s = 0; s < sums; s++) doubles[(entry + sumsAt) / 8 + s] = doubles[words[values / 4 + s]! / 8 + i]!
    entry += stride
  }
  return (entry - dst) / stride
}

/** Twin of `groupsSort`. */
export function groupsSort(
  { bytes, words }: TableArrays,
  entries: number,
  count: number,
  stride: number,
  digits: number,
  length: number,
): void {
  const rows = Array.from({ length: count }, (_, i) => bytes.slice(entries + i * stride, entries + (i + 1) * stride))
  const order = words.subarray(digits / 4, digits / 4 + length)
  rows.sort((a, b) => compareDigits(a, b, order))
  for (const [i, row] of rows.entries()) bytes.set(row, entries + i * stride)
}

/** Twin of `groupsBefore`. */
export function groupsBefore(
  { bytes, words }: TableArrays,
  entries: number,
  count: number,
  stride: number,
  digits: number,
  length: number,
  bound: number,
): number {
  const order = words.subarray(digits / 4, digits / 4 + length)
  let kept = 0
  for (let i = 0; i < count; i++) {
    const from = entries + i * stride
    if (compareDigits(bytes.subarray(from), bytes.subarray(bound), order) < 0)
      bytes.copyWithin(entries + kept++ * stride, from, from + stride)
  }
  return kept
}

/** Counters of `groupsAtLeast`, that keys share by hash. */
const COUNTERS = 8192

/** Twin of `groupsAtLeast`. */
export function groupsAtLeast(
  { bytes, words, doubles }: TableArrays,
  entries: number,
  count: number,
  width: number,
  stride: number,
  number: number,
  least: number,
): number {
  const sums = new Float64Array(COUNTERS)
  const counterOf = (i: number): number => hashWordsAt(words, (entries + i * stride) / 4, width) % COUNTERS
  const counters = Array.from({ length: count }, (_, i) => counterOf(i))
  for (const [i, counter] of counters.entries()) sums[counter]! += doubles[(entries + i * stride + number) / 8]!
  let kept = 0
  for (const [i, counter] of counters.entries()) {
    if (sums[counter]! < least) continue
    bytes.copyWithin(entries + kept++ * stride, entries + i * stride, entries + (i + 1) * stride)
  }
  return kept
}

function compareDigits(a: Uint8Array, b: Uint8Array, digits: Uint32Array): number {
  for (const digit of digits) {
    const difference = a[digit & 0xffff]! - b[digit & 0xffff]!
    if (difference !== 0) return digit & FLIP ? -difference : difference
  }
  return 0
}

/** Twin of `groupsWrite`. */
export function groupsWrite(
  arrays: TableArrays,
  entries: number,
  count: number,
  stride: number,
  program: number,
  steps: number,
  dst: number,
): number {
  let at = dst
  for (let i = 0; i < count; i++) at = writeEntry(arrays, entries + i * stride, program, steps, arrays.bytes, at)
  return at
}
