// Groups: the entries of a fold table (fold.ts) once the table is full of them. They are moved together, given to partitions and added up again by the reduce side; groups-sort.ts and
// groups-write.ts sort them and write them as bytes. All of them at a time and in place: what a group costs here, every group of a large result costs.

import { AHEAD, finish, hashWords, isCached, mix, touch } from './fold'
import { write } from './groups-write'

// @ts-ignore: decorator
@inline
export function move(to: usize, from: usize, stride: u32): void {
  for (let at: usize = 0; at < <usize>stride; at += 8) store<u64>(to + at, load<u64>(from + at))
}

/** Moves the entries of a table in use to its start and returns how many there are. */
export function groupsCompact(table: usize, capacity: u32, stride: u32, countAt: u32): u32 {
  const end = table + <usize>capacity * stride
  let to = table
  for (let from = table; from < end; from += stride) {
    if (load<f64>(from + countAt) == 0) continue
    if (from != to) move(to, from, stride)
    to += stride
  }
  return <u32>((to - table) / stride)
}

const PARTITION_SEED: u32 = 0x7f4a7c15

/** The partition of a key in canonical encoding: `partitionOf` of src/runtime/aggregate/hash.ts. */
// @ts-ignore: decorator
@inline
function partitionOf(key: usize, end: usize, partitions: u32): u32 {
  let hash = PARTITION_SEED ^ <u32>(end - key)
  let at = key
  for (; at + 4 <= end; at += 4) hash = mix(hash, bswap<u32>(load<u32>(at)))
  let rest: u32 = 0
  for (; at < end; at++) rest = (rest << 8) | load<u8>(at)
  hash = finish(mix(hash, rest))
  return <u32>((<u64>hash * <u64>partitions) >> 32)
}

/**
 * Copies entries to `dst`, by partition; `program` writes the canonical encoding of a key. `ends` gets the end of each partition, in entries, and `totals` the
 * sum of all sums and counts of its entries, rounded: no sum of the partition is much above it. `key` has room for the longest key, `chosen` for two bytes an entry.
 */
export function groupsPartition(
  entries: usize,
  count: u32,
  stride: u32,
  countAt: u32,
  program: usize,
  steps: u32,
  key: usize,
  partitions: u32,
  ends: usize,
  totals: usize,
  chosen: usize,
  dst: usize,
): void {
  memory.fill(ends, 0, <usize>partitions << 2)
  memory.fill(totals, 0, <usize>partitions << 3)
  let entry = entries
  for (let i: usize = 0; i < count; i++, entry += stride) {
    const partition = partitionOf(key, write(entry, program, steps, key), partitions)
    store<u16>(chosen + (i << 1), partition)
    const counter = ends + (<usize>partition << 2)
    store<u32>(counter, load<u32>(counter) + 1)
    const total = totals + (<usize>partition << 3)
    let sum = load<f64>(total)
    for (let at: usize = countAt; at < <usize>stride; at += 8) sum += load<f64>(entry + at)
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

/** Whether two entries have one key. `W`: u8 for keys of 8 bytes, u16 for 16, u32 for others. */
// @ts-ignore: decorator
@inline
function sameKey<W>(a: usize, b: usize, countAt: u32): bool {
  if (sizeof<W>() == 1) return load<u64>(a) == load<u64>(b)
  if (sizeof<W>() == 2) return load<u64>(a) == load<u64>(b) && load<u64>(a, 8) == load<u64>(b, 8)
  let at: usize = 0
  while (at < <usize>countAt && load<u64>(a + at) == load<u64>(b + at)) at += 8
  return at == <usize>countAt
}

/** Adds an entry to that of its key, or to a free one. Returns how many keys are new. */
// @ts-ignore: decorator
@inline
function addOne<W>(src: usize, hash: u32, table: usize, mask: u32, stride: u32, countAt: u32): u32 {
  let slot = hash & mask
  let entry = table + <usize>slot * stride
  while (load<f64>(entry + countAt) != 0) {
    if (sameKey<W>(entry, src, countAt)) {
      for (let at: usize = countAt; at < <usize>stride; at += 8)
        store<f64>(entry + at, load<f64>(entry + at) + load<f64>(src + at))
      return 0
    }
    slot = (slot + 1) & mask
    entry = table + <usize>slot * stride
  }
  move(entry, src, stride)
  return 1
}

// @ts-ignore: decorator
@inline
function addAll<W>(src: usize, count: u32, width: u32, table: usize, mask: u32, stride: u32, countAt: u32, passMask: u32, pass: u32): u32 {
  let made: u32 = 0
  const cached = isCached(mask, stride)
  for (let first: u32 = 0; first < count; first += AHEAD) {
    const entries = src + <usize>first * stride
    const rows = min(AHEAD, count - first)
    if (!cached) touch(entries, stride, width, rows, table, mask, stride)
    const end = entries + <usize>rows * stride
    for (let entry = entries; entry < end; entry += stride) {
      const hash = hashWords(entry, <usize>width << 2)
      if (((hash >> 24) & passMask) == pass) made += addOne<W>(entry, hash, table, mask, stride, countAt)
    }
  }
  return made
}

/**
 * Adds `count` entries to a table of `mask + 1` that has room for all, if the high byte of their hash under `passMask` is `pass`: a share of the keys.
 * Returns how many keys are new.
 */
export function groupsAdd(src: usize, count: u32, width: u32, table: usize, mask: u32, stride: u32, passMask: u32, pass: u32): u32 {
  const countAt = ((width << 2) + 7) & ~7
  if (countAt == 8) return addAll<u8>(src, count, width, table, mask, stride, countAt, passMask, pass)
  if (countAt == 16) return addAll<u16>(src, count, width, table, mask, stride, countAt, passMask, pass)
  return addAll<u32>(src, count, width, table, mask, stride, countAt, passMask, pass)
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

/** Turns the doubles of every entry from `countAt` on, whole numbers from 0 to 2^53, into 64-bit integers. */
export function groupsIntegers(entries: usize, count: u32, stride: u32, countAt: u32): void {
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride)
    for (let at: usize = countAt; at < <usize>stride; at += 8)
      store<u64>(entry + at, <u64>load<f64>(entry + at))
}

/**
 * Makes an entry of each row, without adding up what has the same key: key `i` is `width` words at `keys`, its value of sum `s` the double at `values[s] + 8 * i`, `values` being
 * addresses. Rows whose byte in `skipped` (when not 0) is not 0 are passed over. Returns how many there are.
 */
export function groupsAppend(keys: usize, width: u32, rows: u32, skipped: usize, values: usize, sums: u32, stride: u32, dst: usize): u32 {
  const keyBytes = <usize>width << 2
  const countAt = (keyBytes + 7) & ~7
  let entry = dst
  for (let i: u32 = 0; i < rows; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    if (width & 1) store<u64>(entry + countAt - 8, 0)
    for (let at: usize = 0; at < keyBytes; at += 4) store<u32>(entry + at, load<u32>(keys + <usize>i * keyBytes + at))
    store<f64>(entry + countAt, 1)
    for (let s: u32 = 0; s < sums; s++)
      store<f64>(entry + countAt + 8 + <usize>(s << 3), load<f64>(<usize>load<u32>(values + (s << 2)) + (<usize>i << 3)))
    entry += stride
  }
  return <u32>((entry - dst) / stride)
}
