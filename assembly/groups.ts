// Groups: the entries of a fold table (fold.ts) once the table is full of them. They are given to partitions (slices.ts) and added up again by the reduce side; groups-sort.ts and
// groups-write.ts sort them and write them as bytes. All of them at a time and in place: what a group costs here, every group of a large result costs.

import { add } from './fold'
import { AHEAD, baseOf, closeTable, findEntry, hashAhead, hashWords, keyBytesOf, lookAhead, maskOf, openTable, slotsOf, strideOf } from './table'

// @ts-ignore: decorator
@inline
export function move(to: usize, from: usize, stride: u32): void {
  for (let at: usize = 0; at < <usize>stride; at += 8) store<u64>(to + at, load<u64>(from + at))
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

/** `groupsAppend` for keys of two words and one sum, two rows at a time. */
function appendPairs(keys: usize, rows: u32, values: usize, dst: usize): void {
  let entry = dst
  let at: usize = 0
  const end = <usize>rows << 3
  for (; at + 16 <= end; at += 16, entry += 32) {
    const two = v128.load(keys + at)
    const numbers = v128.load(values + at)
    v128.store(entry, v128.shuffle<u64>(two, numbers, 0, 2))
    v128.store(entry, v128.shuffle<u64>(two, numbers, 1, 3), 16)
  }
  if (at == end) return
  store<u64>(entry, load<u64>(keys + at))
  store<u64>(entry, load<u64>(values + at), 8)
}

/**
 * Makes an entry of each row, without adding up what has the same key: key `i` is `width` words at `keys`, its value of sum `s` the double at `values[s] + 8 * i`, `values` being
 * addresses. Rows whose byte in `skipped` (when not 0) is not 0 are passed over. Entries have a count where `stride` has room for one. Returns how many there are.
 */
export function groupsAppend(keys: usize, width: u32, rows: u32, skipped: usize, values: usize, sums: u32, stride: u32, dst: usize): u32 {
  if (width == 2 && sums == 1 && stride == 16 && !skipped) {
    appendPairs(keys, rows, <usize>load<u32>(values), dst)
    return rows
  }
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
