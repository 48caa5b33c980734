// Entries (groups.ts) in order: sorted by their bytes, or those alone that come before a bound.

import { move } from './groups'

/** Where the entries being sorted lie, as many bytes again, and what orders them. */
let home: usize = 0
let away: usize = 0
let size: u32 = 0
let digitsAt: usize = 0
let digitCount: u32 = 0
let countsAt: usize = 0

/** Ranges up to this size are sorted by insertion. */
const SMALL: u32 = 24
/** Counters of so many levels have room; what differs only deeper down is sorted by insertion whatever its size. */
const LEVELS: u32 = 63

/** What orders entries as numbers: digits that are the bytes of one little-endian number are compared at once. A word each: how many bytes in bits 24-31, bit 16 for descending order, the offset. */
const PARTS: usize = memory.data(4096)
const MOST_PARTS: u32 = 1024
let partCount: u32 = 0

// @ts-ignore: decorator
@inline
function digitAt(i: u32): u32 {
  return load<u32>(digitsAt + (<usize>i << 2))
}

/** How many digits from `i` on are the bytes of one number, at most eight. */
function bytesFrom(i: u32): u32 {
  const first = digitAt(i)
  let bytes: u32 = 1
  while (bytes < 8 && i + bytes < digitCount && digitAt(i + bytes) == first - bytes) bytes++
  return bytes >= 8 ? 8 : bytes >= 4 ? 4 : bytes >= 2 ? 2 : 1
}

/** Notes the order for `isBefore`. */
function order(digits: usize, length: u32): void {
  digitsAt = digits
  digitCount = length
  partCount = 0
  for (let i: u32 = 0; i < length && partCount < MOST_PARTS; partCount++) {
    const bytes = bytesFrom(i)
    store<u32>(PARTS + (<usize>partCount << 2), (bytes << 24) | (digitAt(i) - (bytes - 1)))
    i += bytes
  }
}

// @ts-ignore: decorator
@inline
function numberOf(entry: usize, part: u32): u64 {
  const at = entry + <usize>(part & 0xffff)
  const bytes = part >> 24
  return bytes == 8 ? load<u64>(at) : bytes == 4 ? load<u32>(at) : bytes == 2 ? load<u16>(at) : load<u8>(at)
}

// @ts-ignore: decorator
@inline
function isBefore(a: usize, b: usize): bool {
  const end = PARTS + (<usize>partCount << 2)
  for (let at = PARTS; at < end; at += 4) {
    const part = load<u32>(at)
    const left = numberOf(a, part)
    const right = numberOf(b, part)
    if (left != right) return left < right != <bool>((part >> 16) & 1)
  }
  return false
}

/** Sorts a range into its place at home, from where it lies. */
function insertionSort(from: usize, to: usize, bytes: usize): void {
  const spare = countsAt + <usize>(LEVELS << 10)
  for (let offset: usize = 0; offset < bytes; offset += size) {
    let entry = from + offset
    let at = to + offset
    if (at > to && isBefore(entry, at - size)) {
      if (from == to) {
        move(spare, entry, size)
        entry = spare
      }
      do {
        move(at, at - size, size)
        at -= size
      } while (at > to && isBefore(entry, at - size))
    } else if (from == to) continue
    move(at, entry, size)
  }
}

/** Copies an entry of `S` bytes (u16: 16, u32: `stride`). */
// @ts-ignore: decorator
@inline
function moveOf<S>(to: usize, from: usize, stride: usize): void {
  if (sizeof<S>() == 2) v128.store(to, v128.load(from))
  else for (let at: usize = 0; at < stride; at += 8) store<u64>(to + at, load<u64>(from + at))
}

/** Divides entries by a digit; `counts` gets the end of each part. */
// @ts-ignore: decorator
@inline
function distribute<S>(from: usize, end: usize, digit: u32, counts: usize, to: usize): void {
  const stride: usize = sizeof<S>() == 2 ? 16 : size
  const byte = <usize>(digit & 0xffff)
  const flip: u32 = digit >> 16 ? 0xff : 0
  memory.fill(counts, 0, 1024)
  for (let at = from + byte; at < end; at += stride) {
    const counter = counts + (<usize>(<u32>load<u8>(at) ^ flip) << 2)
    store<u32>(counter, load<u32>(counter) + 1)
  }
  let place = <u32>to
  for (let counter = counts; counter < counts + 1024; counter += 4) {
    const count = load<u32>(counter)
    store<u32>(counter, place)
    place += count * <u32>stride
  }
  for (let entry = from; entry < end; entry += stride) {
    const counter = counts + (<usize>(<u32>load<u8>(entry + byte) ^ flip) << 2)
    const place = load<u32>(counter)
    store<u32>(counter, place + <u32>stride)
    moveOf<S>(place, entry, stride)
  }
}

/** The bits in which numbers of type `T` at an offset of entries differ from that of the first. */
// @ts-ignore: decorator
@inline
function differences<T>(from: usize, end: usize, offset: usize): u64 {
  const first = load<T>(from + offset)
  let bits: T = 0
  for (let at = from + offset; at < end; at += size) bits |= load<T>(at) ^ first
  return <u64>bits
}

/** The first digit from `depth` on in which entries that are alike before differ; `digitCount` when there is none. */
function differing(from: usize, end: usize, depth: u32): u32 {
  let digit: u32 = 0
  for (let at = PARTS; at < PARTS + (<usize>partCount << 2); at += 4) {
    const part = load<u32>(at)
    const bytes = part >> 24
    if (digit + bytes > depth) {
      const offset = <usize>(part & 0xffff)
      let bits: u64
      if (bytes == 8) bits = differences<u64>(from, end, offset)
      else if (bytes == 4) bits = differences<u32>(from, end, offset)
      else if (bytes == 2) bits = differences<u16>(from, end, offset)
      else bits = differences<u8>(from, end, offset)
      if (bits) return digit + (<u32>(clz(bits) - (64 - (bytes << 3))) >> 3)
    }
    digit += bytes
  }
  return digitCount
}

/** Ranges of more entries are first divided by the magnitude of their first number, as they are larger than fast caches, and what is summed has few large values. */
const LARGE: u32 = 1 << 15
/** Numbers of as many bits and with the same five bits behind the highest are of one magnitude. */
const MAGNITUDES: u32 = 1920
const MAGNITUDE_COUNTS: usize = memory.data(7680)

/** Greater for greater numbers. */
// @ts-ignore: decorator
@inline
function magnitudeOf(value: u64): u32 {
  if (value < 32) return <u32>value
  const bits = <u32>(64 - clz(value))
  return ((bits - 5) << 5) | (<u32>(value >> (bits - 6)) & 31)
}

/** Divides the entries at home by the magnitude of their first number, of eight bytes, and sorts what is alike. */
// @ts-ignore: decorator
@inline
function sortMagnitudes<S>(from: usize, end: usize): void {
  const stride: usize = sizeof<S>() == 2 ? 16 : size
  const part = load<u32>(PARTS)
  const offset = <usize>(part & 0xffff)
  const flip: u32 = (part >> 16) & 1 ? MAGNITUDES - 1 : 0
  const sign: u32 = flip ? -1 : 1
  const counts = MAGNITUDE_COUNTS
  memory.fill(counts, 0, MAGNITUDES << 2)
  for (let at = from + offset; at < end; at += stride) {
    const counter = counts + (<usize>(flip + sign * magnitudeOf(load<u64>(at))) << 2)
    store<u32>(counter, load<u32>(counter) + 1)
  }
  let place = <u32>away
  for (let counter = counts; counter < counts + (MAGNITUDES << 2); counter += 4) {
    const count = load<u32>(counter)
    store<u32>(counter, place)
    place += count * <u32>stride
  }
  for (let entry = from; entry < end; entry += stride) {
    const counter = counts + (<usize>(flip + sign * magnitudeOf(load<u64>(entry + offset))) << 2)
    const place = load<u32>(counter)
    store<u32>(counter, place + <u32>stride)
    moveOf<S>(place, entry, stride)
  }
  let start = away
  for (let counter = counts; counter < counts + (MAGNITUDES << 2); counter += 4) {
    const next = <usize>load<u32>(counter)
    if (next > start) sortRange(start, next, 0, true)
    start = next
  }
}

/** Sorts a range of entries that differ from digit `depth` on at the most: it lies away or at home, and is left at home. It is divided by the first digit that differs, and so are its parts. */
function sortRange(from: usize, end: usize, depth: u32, isAway: bool): void {
  const other = isAway ? from - away + home : from - home + away
  if (end - from <= <usize>(SMALL * size) || depth >= LEVELS) {
    insertionSort(from, isAway ? other : from, end - from)
    return
  }
  const level = differing(from, end, depth)
  if (level >= digitCount) {
    if (isAway) memory.copy(other, from, end - from)
    return
  }
  const counts = countsAt + <usize>(depth << 10)
  if (size == 16) distribute<u16>(from, end, digitAt(level), counts, other)
  else distribute<u32>(from, end, digitAt(level), counts, other)
  let start = other
  for (let counter = counts; counter < counts + 1024; counter += 4) {
    const next = <usize>load<u32>(counter)
    if (next > start) sortRange(start, next, level + 1, !isAway)
    start = next
  }
}

/**
 * Sorts entries by bytes, the first of `digits` first: a digit is the offset of a byte within the entry, with bit 16 set for descending order. `scratch` has room for as
 * many entries, `counts` for 64 KB.
 */
export function groupsSort(entries: usize, rows: u32, stride: u32, digits: usize, length: u32, scratch: usize, counts: usize): void {
  home = entries
  away = scratch
  size = stride
  countsAt = counts
  order(digits, length)
  const end = entries + <usize>rows * stride
  if (rows <= LARGE || partCount == 0 || load<u32>(PARTS) >> 24 != 8) sortRange(entries, end, 0, false)
  else if (stride == 16) sortMagnitudes<u16>(entries, end)
  else sortMagnitudes<u32>(entries, end)
}

/**
 * Keeps the entries that come before the one at `bound`, in the order of `digits` as in `groupsSort`: moves them together and returns how many there are.
 */
export function groupsBefore(entries: usize, rows: u32, stride: u32, digits: usize, length: u32, bound: usize): u32 {
  order(digits, length)
  const end = entries + <usize>rows * stride
  let to = entries
  for (let from = entries; from < end; from += stride) {
    if (!isBefore(from, bound)) continue
    if (from != to) move(to, from, stride)
    to += stride
  }
  return <u32>((to - entries) / stride)
}
