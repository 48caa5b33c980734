// Groups: the entries of a fold table (fold.ts) once the table is full of them. They are given to partitions and added up again by the reduce side; groups-sort.ts and
// groups-write.ts sort them and write them as bytes. All of them at a time and in place: what a group costs here, every group of a large result costs.

import { add, finish, mix } from './fold'
import { BYTE, U16, U32, U64, writtenBytes } from './groups-write'
import { AHEAD, baseOf, closeTable, findEntry, hashAhead, hashWords, keyBytesOf, lookAhead, maskOf, openTable, slotsOf, strideOf } from './table'

// @ts-ignore: decorator
@inline
export function move(to: usize, from: usize, stride: u32): void {
  for (let at: usize = 0; at < <usize>stride; at += 8) store<u64>(to + at, load<u64>(from + at))
}

const PARTITION_SEED: u32 = 0x7f4a7c15

/** Entries whose keys are hashed together, step by step of a program. */
const TOGETHER: u32 = 64
/** Their hashes, and the bytes of each that have not been hashed yet, low. */
const HASHES: usize = memory.data(256)
const BYTES: usize = memory.data(512)

// @ts-ignore: decorator
@inline
function pushBytes<T>(entry: usize, rows: usize, stride: usize, flip: u64): void {
  for (let i: usize = 0; i < rows; i++, entry += stride)
    store<u64>(BYTES + (i << 3), (load<u64>(BYTES + (i << 3)) << (sizeof<T>() << 3)) | <u64>(load<T>(entry) ^ <T>flip))
}

function pushByte(byte: u64, rows: usize): void {
  for (let i: usize = 0; i < rows; i++) store<u64>(BYTES + (i << 3), (load<u64>(BYTES + (i << 3)) << 8) | byte)
}

/** Hashes four bytes, behind which `bits` bits wait. */
function hashBytes(rows: usize, bits: u64): void {
  for (let i: usize = 0; i < rows; i++)
    store<u32>(HASHES + (i << 2), mix(load<u32>(HASHES + (i << 2)), <u32>(load<u64>(BYTES + (i << 3)) >> bits)))
}

/**
 * Leaves the hashes of the keys that a program writes (groups-write.ts): `hashBytes` of src/runtime/aggregate/hash.ts. All keys of a program have as many bytes, so that each of its steps is one
 * loop over the entries, and nothing is stored only to be loaded in other pieces.
 */
function hashKeys(entries: usize, rows: usize, stride: usize, program: usize, steps: u32): void {
  const seed = PARTITION_SEED ^ writtenBytes(program, steps)
  for (let i: usize = 0; i < rows; i++) {
    store<u32>(HASHES + (i << 2), seed)
    store<u64>(BYTES + (i << 3), 0)
  }
  let bits: u64 = 0
  for (let step = program; step < program + (<usize>steps << 2); step += 4) {
    const code = load<u32>(step)
    const kind = code >> 24
    const flip = <u64>0 - <u64>((code >> 16) & 1)
    const operand = <usize>(code & 0xffff)
    const from = entries + operand
    if (kind == U64) {
      pushBytes<u32>(from + 4, rows, stride, flip)
      hashBytes(rows, bits)
    }
    if (kind >= U32) pushBytes<u32>(from, rows, stride, flip)
    else if (kind == U16) pushBytes<u16>(from, rows, stride, flip)
    else if (kind == BYTE) pushByte(<u64>(<u8>operand ^ <u8>flip), rows)
    else pushBytes<u8>(from, rows, stride, flip)
    bits += kind >= U32 ? 32 : kind == U16 ? 16 : 8
    if (bits < 32) continue
    bits -= 32
    hashBytes(rows, bits)
  }
  const rest = ((<u64>1) << bits) - 1
  for (let i: usize = 0; i < rows; i++) {
    const at = HASHES + (i << 2)
    store<u32>(at, finish(mix(load<u32>(at), <u32>(load<u64>(BYTES + (i << 3)) & rest))))
  }
}

/**
 * Copies entries to `dst`, by partition; `program` writes the canonical encoding of a key. `ends` gets the end of each partition, in entries, and `totals` the
 * sum of all sums and counts of its entries, rounded: no sum of the partition is much above it. `chosen` has room for two bytes an entry.
 */
export function groupsPartition(
  entries: usize,
  count: u32,
  stride: u32,
  numbers: u32,
  program: usize,
  steps: u32,
  partitions: u32,
  ends: usize,
  totals: usize,
  chosen: usize,
  dst: usize,
): void {
  memory.fill(ends, 0, <usize>partitions << 2)
  memory.fill(totals, 0, <usize>partitions << 3)
  let entry = entries
  for (let i: u32 = 0; i < count; i++, entry += stride) {
    if (i % TOGETHER == 0) hashKeys(entry, min(TOGETHER, count - i), stride, program, steps)
    const partition = <u32>((<u64>load<u32>(HASHES + (<usize>(i % TOGETHER) << 2)) * <u64>partitions) >> 32)
    store<u16>(chosen + (<usize>i << 1), partition)
    const counter = ends + (<usize>partition << 2)
    store<u32>(counter, load<u32>(counter) + 1)
    const total = totals + (<usize>partition << 3)
    let sum = load<f64>(total)
    for (let at: usize = numbers; at < <usize>stride; at += 8) sum += load<f64>(entry + at)
    store<f64>(total, sum)
  }
  startsOf(ends, partitions)
  entry = entries
  for (let i: usize = 0; i < count; i++, entry += stride) {
    const counter = ends + (<usize>load<u16>(chosen + (i << 1)) << 2)
    const place = load<u32>(counter)
    store<u32>(counter, place + 1)
    move(dst + <usize>place * stride, entry, stride)
  }
}

/** Turns counts into starts. */
export function startsOf(counts: usize, length: u32): void {
  let start: u32 = 0
  for (let i: u32 = 0; i < length; i++) {
    const at = counts + (<usize>i << 2)
    const count = load<u32>(at)
    store<u32>(at, start)
    start += count
  }
}

/** The loop for keys of `W` words (u16: 2, u32: any other number); those whose high byte of the hash is not `pass` under `passMask` are passed over. */
// @ts-ignore: decorator
@inline
function addAll<W>(src: usize, count: u32, table: usize, passMask: u32, pass: u32): void {
  const slots = slotsOf(table)
  const mask = maskOf(table)
  const base = baseOf(table)
  const stride = strideOf(table)
  const keyBytes = keyBytesOf(table)
  const numbers: usize = (keyBytes + 7) & ~7
  for (let first: u32 = 0; first < count; first += AHEAD) {
    const rows = min(AHEAD, count - first)
    let from = src + <usize>first * stride
    lookAhead(from, stride, rows, table)
    for (let i: u32 = 0; i < rows; i++, from += stride) {
      const hash = hashAhead(i)
      if (((hash >> 24) & passMask) != pass) continue
      const entry = findEntry<W>(from, keyBytes, hash, slots, mask, base, stride)
      for (let at = numbers; at < stride; at += 8) add(entry + at, load<f64>(from + at))
    }
  }
}

/**
 * Adds `count` entries to those of a table (table.ts) that has room for all, if the high byte of their hash under `passMask` is `pass`: a share of the keys.
 * Returns how many entries the table has.
 */
export function groupsAdd(src: usize, count: u32, table: usize, passMask: u32, pass: u32): u32 {
  openTable(table)
  if (keyBytesOf(table) == 8) addAll<u16>(src, count, table, passMask, pass)
  else addAll<u32>(src, count, table, passMask, pass)
  return closeTable(table)
}

/**
 * Copies entries to `dst` by share of their keys, the high byte of their hash under `mask`; `ends` gets the end of each share, in entries. The keys of a share that is small enough are added up in a table that stays in
 * fast caches.
 */
export function groupsSplit(entries: usize, count: u32, width: u32, stride: u32, mask: u32, ends: usize, dst: usize): void {
  memory.fill(ends, 0, (<usize>mask + 1) << 2)
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride) {
    const counter = ends + (<usize>((hashWords(entry, <usize>width << 2) >> 24) & mask) << 2)
    store<u32>(counter, load<u32>(counter) + 1)
  }
  startsOf(ends, mask + 1)
  for (let entry = entries; entry < end; entry += stride) {
    const counter = ends + (<usize>((hashWords(entry, <usize>width << 2) >> 24) & mask) << 2)
    const place = load<u32>(counter)
    store<u32>(counter, place + 1)
    move(dst + <usize>place * stride, entry, stride)
  }
}

/** Turns the doubles of every entry from `numbers` on, whole numbers from 0 to 2^53, into 64-bit integers. */
export function groupsIntegers(entries: usize, count: u32, stride: u32, numbers: u32): void {
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride)
    for (let at: usize = numbers; at < <usize>stride; at += 8)
      store<u64>(entry + at, <u64>load<f64>(entry + at))
}

/**
 * Makes an entry of each row, without adding up what has the same key: key `i` is `width` words at `keys`, its value of sum `s` the double at `values[s] + 8 * i`, `values` being
 * addresses. Rows whose byte in `skipped` (when not 0) is not 0 are passed over. Entries have a count where `stride` has room for one. Returns how many there are.
 */
export function groupsAppend(keys: usize, width: u32, rows: u32, skipped: usize, values: usize, sums: u32, stride: u32, dst: usize): u32 {
  const keyBytes = <usize>width << 2
  const numbers = (keyBytes + 7) & ~7
  const sumsAt = <usize>stride - (<usize>sums << 3)
  let entry = dst
  for (let i: u32 = 0; i < rows; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    if (width & 1) store<u64>(entry + numbers - 8, 0)
    for (let at: usize = 0; at < keyBytes; at += 4) store<u32>(entry + at, load<u32>(keys + <usize>i * keyBytes + at))
    if (sumsAt > numbers) store<f64>(entry + numbers, 1)
    for (let s: u32 = 0; s < sums; s++)
      store<f64>(entry + sumsAt + <usize>(s << 3), load<f64>(<usize>load<u32>(values + (s << 2)) + (<usize>i << 3)))
    entry += stride
  }
  return <u32>((entry - dst) / stride)
}
