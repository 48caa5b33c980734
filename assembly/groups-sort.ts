// Entries (groups.ts) in order: sorted by their bytes, or those alone that come before a bound.

import { move, startsOf } from './groups'

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
 * Keeps the entries that come before the one at `bound`, in the order of `digits` as in `groupsSort`: moves them together and returns how many there are.
 */
export function groupsBefore(entries: usize, rows: u32, stride: u32, digits: usize, length: u32, bound: usize): u32 {
  digitsAt = digits
  digitCount = length
  const end = entries + <usize>rows * stride
  let to = entries
  for (let from = entries; from < end; from += stride) {
    if (!isBefore(from, bound, 0)) continue
    if (from != to) move(to, from, stride)
    to += stride
  }
  return <u32>((to - entries) / stride)
}
