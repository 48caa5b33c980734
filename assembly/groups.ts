// Groups: the entries of a fold table (fold.ts) once the table is full of them. They are moved together, given to partitions, added up again by the
// reduce side, sorted and written as bytes, all of them at a time and in place: what a group costs here, every group of a large result costs.

import { finish, hashWords, mix } from './fold'

// @ts-ignore: decorator
@inline
function move(to: usize, from: usize, stride: u32): void {
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

const BYTE: u32 = 0
const U8: u32 = 1
const U16: u32 = 2
const U32: u32 = 4

/**
 * Writes bytes of one entry as a program says, and returns their end. A step is a word: bits 24-31 what is written (a byte that is given; the low one or two bytes, the four
 * or the eight bytes of the little-endian number at an offset, big-endian), bit 16 whether its bits are flipped, bits 0-15 the byte or the offset.
 */
// @ts-ignore: decorator
@inline
function write(entry: usize, program: usize, steps: u32, dst: usize): usize {
  let at = dst
  const end = program + <usize>(steps << 2)
  for (let step = program; step < end; step += 4) {
    const code = load<u32>(step)
    const kind = code >> 24
    const flip = <u64>0 - <u64>((code >> 16) & 1)
    const operand = <usize>(code & 0xffff)
    if (kind == BYTE) {
      store<u8>(at, <u8>(<u64>operand ^ flip))
      at += 1
    } else if (kind == U32) {
      store<u32>(at, bswap<u32>(load<u32>(entry + operand) ^ <u32>flip))
      at += 4
    } else if (kind == U8) {
      store<u8>(at, load<u8>(entry + operand) ^ <u8>flip)
      at += 1
    } else if (kind == U16) {
      store<u16>(at, bswap<u16>(load<u16>(entry + operand) ^ <u16>flip))
      at += 2
    } else {
      store<u64>(at, bswap<u64>(load<u64>(entry + operand) ^ flip))
      at += 8
    }
  }
  return at
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
 * sum of all sums and counts of its entries, rounded: no sum of the partition is much above it. `key` has room for the longest key.
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
  dst: usize,
): void {
  memory.fill(ends, 0, <usize>partitions << 2)
  memory.fill(totals, 0, <usize>partitions << 3)
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride) {
    const partition = partitionOf(key, write(entry, program, steps, key), partitions)
    const counter = ends + (<usize>partition << 2)
    store<u32>(counter, load<u32>(counter) + 1)
    const total = totals + (<usize>partition << 3)
    let sum = load<f64>(total)
    for (let at: usize = countAt; at < <usize>stride; at += 8) sum += load<f64>(entry + at)
    store<f64>(total, sum)
  }
  startsOf(ends, partitions)
  for (let entry = entries; entry < end; entry += stride) {
    const partition = partitionOf(key, write(entry, program, steps, key), partitions)
    const counter = ends + (<usize>partition << 2)
    const place = load<u32>(counter)
    store<u32>(counter, place + 1)
    move(dst + <usize>place * stride, entry, stride)
  }
}

/** Turns counts into starts. */
function startsOf(counts: usize, length: u32): void {
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
  const end = src + <usize>count * stride
  for (let entry = src; entry < end; entry += stride) {
    const hash = hashWords(entry, <usize>width << 2)
    if (((hash >> 24) & passMask) == pass) made += addOne<W>(entry, hash, table, mask, stride, countAt)
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

/** Turns the doubles of every entry from `countAt` on, whole numbers from 0 to 2^53, into 64-bit integers. */
export function groupsIntegers(entries: usize, count: u32, stride: u32, countAt: u32): void {
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride)
    for (let at: usize = countAt; at < <usize>stride; at += 8)
      store<u64>(entry + at, <u64>load<f64>(entry + at))
}

/** Where the entries being sorted lie, as many bytes again, and what orders them. */
let home: usize = 0
let away: usize = 0
let size: u32 = 0
let digitsAt: usize = 0
let digitCount: u32 = 0
let countsAt: usize = 0

/** Ranges up to this size are sorted by insertion, and up to that in the fast caches, least significant digit first. */
const SMALL: u32 = 24
const CACHED: u32 = 1 << 14
/** Places of counters for the latter: those below are for the levels above. */
const LEVELS: u32 = 62

// @ts-ignore: decorator
@inline
function digitOf(entry: usize, digit: u32): u32 {
  return <u32>load<u8>(entry + <usize>(digit & 0xffff)) ^ (digit >> 16 ? 0xff : 0)
}

// @ts-ignore: decorator
@inline
function count(from: usize, end: usize, digit: u32, counts: usize): void {
  memory.fill(counts, 0, 1024)
  for (let entry = from; entry < end; entry += size) {
    const at = counts + (<usize>digitOf(entry, digit) << 2)
    store<u32>(at, load<u32>(at) + 1)
  }
}

// @ts-ignore: decorator
@inline
function distribute(from: usize, end: usize, digit: u32, counts: usize, to: usize): void {
  startsOf(counts, 256)
  for (let entry = from; entry < end; entry += size) {
    const at = counts + (<usize>digitOf(entry, digit) << 2)
    const place = load<u32>(at)
    store<u32>(at, place + 1)
    move(to + <usize>place * size, entry, size)
  }
}

function isBefore(a: usize, b: usize, depth: u32): bool {
  for (let i = depth; i < digitCount; i++) {
    const digit = load<u32>(digitsAt + (<usize>i << 2))
    const left = digitOf(a, digit)
    const right = digitOf(b, digit)
    if (left != right) return left < right
  }
  return false
}

function insertionSort(from: usize, rows: u32, depth: u32): void {
  const spare = countsAt + <usize>(LEVELS << 10)
  const end = from + <usize>rows * size
  for (let entry = from + size; entry < end; entry += size) {
    if (!isBefore(entry, entry - size, depth)) continue
    move(spare, entry, size)
    let at = entry
    while (at > from && isBefore(spare, at - size, depth)) {
      move(at, at - size, size)
      at -= size
    }
    move(at, spare, size)
  }
}

/** Sorts a range in passes over the digits that differ, the last first; returns whether it lies at `to` in the end. */
function sortCached(start: usize, rows: u32, depth: u32, other: usize): bool {
  let from = start
  let to = other
  const counts = countsAt + <usize>((LEVELS + 1) << 10)
  for (let i = digitCount; i > depth; i--) {
    const digit = load<u32>(digitsAt + (<usize>(i - 1) << 2))
    const end = from + <usize>rows * size
    count(from, end, digit, counts)
    if (load<u32>(counts + (<usize>digitOf(from, digit) << 2)) == rows) continue
    distribute(from, end, digit, counts, to)
    const swap = from
    from = to
    to = swap
  }
  return from != start
}

/** Sorts a range of entries by the digits from `depth` on: it lies away or at home, and is left at home. Large ranges are divided by one digit after the other. */
function sortRange(first: u32, rows: u32, depth: u32, isAway: bool): void {
  const offset = <usize>first * size
  const bytes = <usize>rows * size
  const from = (isAway ? away : home) + offset
  const to = (isAway ? home : away) + offset
  if (rows <= SMALL) insertionSort(from, rows, depth)
  else if (rows <= CACHED || depth >= LEVELS) {
    if (sortCached(from, rows, depth, to) != isAway) memory.copy(home + offset, away + offset, bytes)
    return
  } else if (depth < digitCount) {
    const digit = load<u32>(digitsAt + (<usize>depth << 2))
    const counts = countsAt + <usize>(depth << 10)
    count(from, from + bytes, digit, counts)
    if (load<u32>(counts + (<usize>digitOf(from, digit) << 2)) == rows) {
      sortRange(first, rows, depth + 1, isAway)
      return
    }
    distribute(from, from + bytes, digit, counts, to)
    let start: u32 = 0
    for (let bucket: usize = 0; bucket < 1024; bucket += 4) {
      const end = load<u32>(counts + bucket)
      if (end > start) sortRange(first + start, end - start, depth + 1, !isAway)
      start = end
    }
    return
  }
  if (isAway) memory.copy(home + offset, from, bytes)
}

/**
 * Sorts entries by bytes, the first of `digits` first: a digit is the offset of a byte within the entry, with bit 16 set for descending order. `scratch` has room for as
 * many entries, `counts` for 64 KB.
 */
export function groupsSort(entries: usize, rows: u32, stride: u32, digits: usize, length: u32, scratch: usize, counts: usize): void {
  home = entries
  away = scratch
  size = stride
  digitsAt = digits
  digitCount = length
  countsAt = counts
  sortRange(0, rows, 0, false)
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

/** Writes the bytes of entries, one after the other, as a program says (see `write`). Returns their end. */
export function groupsWrite(entries: usize, count: u32, stride: u32, program: usize, steps: u32, dst: usize): usize {
  let at = dst
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride) at = write(entry, program, steps, at)
  return at
}
