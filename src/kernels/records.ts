import type { FoldArrays } from './fold.ts'

/** TypeScript twins of the kernels that write a fold table as records, over the same memory; assembly/records.ts says what a program is. */

const MAX_VARINT = 8

/** Twin of `writeRecords`: the bytes, and how many entries they hold. */
export function writeRecords(
  { words, doubles, bytes }: FoldArrays,
  slots: number,
  count: number,
  table: number,
  stride: number,
  doublesAt: number,
  program: number,
  dst: number,
  capacity: number,
): { readonly length: number; readonly written: number } {
  const at = program / 4
  const keyParts = words[at]!
  const payloadParts = words[at + 1]!
  let p = dst
  for (let i = 0; i < count; i++) {
    const entry = table + words[slots / 4 + i]! * stride
    const start = p
    p = putKey({ words, doubles, bytes }, start + 2, entry, at + 2, keyParts)
    const payload = p
    for (let k = 0; k < payloadParts; k++) {
      const part = words[at + 2 + keyParts * 3 + k]! | 0
      if (part < 0) bytes[p++] = 0
      p = putVarint(bytes, p, doubles[(entry + doublesAt) / 8 + (part < 0 ? -part - 1 : part)]!)
    }
    if (p > dst + capacity) return { length: start - dst, written: i }
    bytes[start] = payload - start - 2
    bytes[start + 1] = p - payload
  }
  return { length: p - dst, written: count }
}

function putKey({ words, bytes }: FoldArrays, start: number, entry: number, program: number, parts: number): number {
  let p = start
  for (let k = 0; k < parts; k++) {
    const word = words[entry / 4 + words[program + k * 3]!]!
    const front = words[program + k * 3 + 2]! | 0
    if (front >= 0) bytes[p++] = front
    for (let shift = (words[program + k * 3 + 1]! - 1) * 8; shift >= 0; shift -= 8) bytes[p++] = word >>> shift
  }
  return p
}

function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let p = start
  let rest = value
  for (let i = 1; i < MAX_VARINT && rest >= 128; i++) {
    bytes[p++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  bytes[p++] = rest
  return p
}
