// The values of a column chunk as the bodies of its pages, encoded the way that is smallest (apache/parquet-format, Encodings.md); the twin is
// src/kernels/parquet-encode.ts, which makes the same bytes. Nothing here is static: several threads may run it over one memory.

import { putVarint } from './avro-encode'
import { OUT_OF_RANGE } from './codes'
import { DISTINCT_BYTES, findDistinct, MAX_ENTRIES, NONE, sizeOf, TABLE_BYTES } from './distinct'

/** The specification's numbers. */
const PLAIN: u32 = 0
const DELTA_BINARY_PACKED: u32 = 5
const RLE_DICTIONARY: u32 = 8

const MAX_SAFE: f64 = 9007199254740991.0

// Scratch: places of a hash table, distinct values, the differences of a block, the index of each value, pages of differences.
const BLOCK: u32 = 128
const MINIBLOCK: u32 = 32

// The report: smallest and largest value, encoding, entries of the dictionary, where its bytes stand with those of the pages behind, how many they are, and of each page.
const MAX: usize = 8
const ENCODING: usize = 16
const ENTRIES: usize = 20
const AT: usize = 24
const DICTIONARY_BYTES: usize = 28
const PAGE_BYTES: usize = 32

/** Differences cannot do better than a dictionary with indices of 6 bits. */
const SHORT_ENTRIES: u32 = 64

/** Bytes of a value in PLAIN. */
// @ts-ignore: decorator
@inline
function plainSize<T>(): u32 {
  return max<u32>(<u32>sizeOf<T>(), 4)
}

/** Values in PLAIN; returns their end. */
function putPlain<T>(values: usize, count: u32, to: usize): usize {
  if (sizeOf<T>() == 16 || (sizeOf<T>() == 4 && !isFloat<T>())) memory.copy(to, values, <usize>count * sizeOf<T>())
  else if (isFloat<T>())
    for (let i: usize = 0; i < <usize>count; i++) store<i64>(to + (i << 3), <i64>load<f64>(values + (i << 3)))
  else for (let i: usize = 0; i < <usize>count; i++) store<u32>(to + (i << 2), <u32>load<T>(values + i * sizeof<T>()))
  return to + <usize>count * plainSize<T>()
}

/** Dictionary indices as one bit-packed run behind the byte that gives the width; a width of 0 needs an RLE run. */
function putIndices(indices: usize, count: u32, bits: u32, to: usize): usize {
  store<u8>(to, bits)
  if (bits == 0) return putVarint(to + 1, <u64>count << 1)
  const groups = (count + 7) >> 3
  let at = putVarint(to + 1, (<u64>groups << 1) | 1)
  const end = at + <usize>(groups * bits)
  let buffer: u64 = 0
  let filled: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    buffer |= <u64>load<u16>(indices + (<usize>i << 1)) << <u64>filled
    filled += bits
    if (filled < 32) continue
    store<u32>(at, <u32>buffer)
    at += 4
    buffer >>= 32
    filled -= 32
  }
  for (; at < end; at++, buffer >>= 8) store<u8>(at, <u8>buffer)
  return end
}

// @ts-ignore: decorator
@inline
function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63))
}

/** Packs 32 differences beyond the least, lowest bits first. */
function putMiniblock(deltas: usize, least: i64, bits: u32, to: usize): usize {
  if (bits == 0) return to
  const low = min<u32>(bits, 32)
  const high = bits - low
  const mask: u64 = (<u64>1 << <u64>low) - 1
  let buffer: u64 = 0
  let filled: u32 = 0
  for (let i: usize = 0; i < <usize>MINIBLOCK; i++) {
    const value = <u64>(load<i64>(deltas + (i << 3)) - least)
    buffer |= (value & mask) << <u64>filled
    filled += low
    if (filled >= 32) {
      store<u32>(to, <u32>buffer)
      to += 4
      buffer >>= 32
      filled -= 32
    }
    if (high == 0) continue
    buffer |= (value >> 32) << <u64>filled
    filled += high
    if (filled < 32) continue
    store<u32>(to, <u32>buffer)
    to += 4
    buffer >>= 32
    filled -= 32
  }
  return to
}

/** A page of differences: blocks of 128 values, four miniblocks each. */
function putDelta<T>(values: usize, count: u32, deltas: usize, to: usize): usize {
  let previous = <i64>load<T>(values)
  let at = putVarint(putVarint(putVarint(to, BLOCK), BLOCK / MINIBLOCK), count)
  at = putVarint(at, zigzag(previous))
  for (let start: u32 = 1; start < count; start += BLOCK) {
    const n = min<u32>(BLOCK, count - start)
    let least = i64.MAX_VALUE
    for (let i: u32 = 0; i < n; i++) {
      const value = <i64>load<T>(values + <usize>(start + i) * sizeof<T>())
      const delta = value - previous
      previous = value
      store<i64>(deltas + (<usize>i << 3), delta)
      least = min<i64>(least, delta)
    }
    for (let i = n; i < BLOCK; i++) store<i64>(deltas + (<usize>i << 3), least)
    at = putVarint(at, zigzag(least))
    const widths = at
    at += BLOCK / MINIBLOCK
    store<u32>(widths, 0)
    for (let m: u32 = 0; m < n; m += MINIBLOCK) {
      const part = deltas + (<usize>m << 3)
      let seen: u64 = 0
      for (let i: usize = 0; i < <usize>MINIBLOCK; i++) seen |= <u64>(load<i64>(part + (i << 3)) - least)
      const bits = 64 - <u32>clz(seen)
      store<u8>(widths + (m >> 5), bits)
      at = putMiniblock(part, least, bits, at)
    }
  }
  return at
}

/** The lesser of each lane. */
// @ts-ignore: decorator
@inline
function lesser<T>(a: v128, b: v128): v128 {
  if (isFloat<T>()) return f64x2.pmin(a, b)
  if (sizeof<T>() == 4) return i32x4.min_u(a, b)
  return sizeof<T>() == 2 ? i16x8.min_u(a, b) : i8x16.min_u(a, b)
}

/** The greater of each lane. */
// @ts-ignore: decorator
@inline
function greater<T>(a: v128, b: v128): v128 {
  if (isFloat<T>()) return f64x2.pmax(a, b)
  if (sizeof<T>() == 4) return i32x4.max_u(a, b)
  return sizeof<T>() == 2 ? i16x8.max_u(a, b) : i8x16.max_u(a, b)
}

/** Smallest and largest value into the report, 16 bytes at a time; false for one that a column of doubles cannot hold. */
function putBounds<T>(values: usize, count: u32, report: usize): bool {
  const end = values + <usize>count * sizeof<T>()
  let at = values
  let low = v128.splat<T>(load<T>(values))
  let high = low
  let right = v128.splat<i64>(-1)
  for (; at + 16 <= end; at += 16) {
    const value = v128.load(at)
    if (isFloat<T>()) right = v128.and(right, f64x2.le(f64x2.abs(value), f64x2.splat(MAX_SAFE)))
    low = lesser<T>(low, value)
    high = greater<T>(high, value)
  }
  // The report is written anew below.
  v128.store(report, low)
  v128.store(report, high, 16)
  let least = load<T>(report)
  let most = load<T>(report, 16)
  for (let lane: usize = 0; lane < 16; lane += sizeof<T>()) {
    least = min<T>(least, load<T>(report + lane))
    most = max<T>(most, load<T>(report + lane, 16))
  }
  let isRight = v128.all_true<i64>(right)
  for (; at < end; at += sizeof<T>()) {
    const value = load<T>(at)
    if (isFloat<T>() && !(f64.abs(<f64>value) <= MAX_SAFE)) isRight = false
    least = min<T>(least, value)
    most = max<T>(most, value)
  }
  store<f64>(report, <f64>least)
  store<f64>(report, <f64>most, MAX)
  return isRight
}

/** Pages of differences; their end, or 0 when a reader could not add them up: 32 bits hold them, or doubles. */
function putDeltas<T>(values: usize, bounds: usize, pages: u32, deltas: usize, report: usize, to: usize): usize {
  const limit: f64 = isFloat<T>() ? 2251799813685248.0 : 2147483648.0
  if (!(load<f64>(report, MAX) < limit && load<f64>(report) > -limit)) return 0
  for (let p: u32 = 0; p < pages; p++) {
    const from = load<u32>(bounds + (<usize>p << 2))
    const end = putDelta<T>(values + <usize>from * sizeof<T>(), load<u32>(bounds + (<usize>p << 2), 4) - from, deltas, to)
    store<u32>(report + (<usize>p << 2), <u32>(end - to), PAGE_BYTES)
    to = end
  }
  return to
}

/** Bits of an index into so many entries. */
// @ts-ignore: decorator
@inline
function indexBits(entries: u32): u32 {
  return entries <= 1 ? 0 : 32 - clz(entries - 1)
}

/** How many entries of `valueBits` a dictionary may have so that it takes no more than `budget` bits with its indices; `SHORT_ENTRIES` or fewer mean that it cannot win. */
function mostEntries(count: u32, valueBits: u32, budget: u64): u32 {
  for (let most = MAX_ENTRIES; most > SHORT_ENTRIES; most >>= 1) {
    const indices = <u64>count * indexBits(most)
    if (indices >= budget) continue
    const fits = <u32>min<u64>(most, (budget - indices) / valueBits)
    if (fits > most >> 1) return fits
  }
  return 0
}

function encode<T>(values: usize, bounds: usize, pages: u32, scratch: usize, out: usize, report: usize): i32 {
  const count = load<u32>(bounds + (<usize>pages << 2))
  const table = scratch
  const distinct = table + TABLE_BYTES
  const deltas = distinct + DISTINCT_BYTES
  const indices = deltas + (BLOCK << 3)
  const deltaPages = indices + ((<usize>count * 2 + 31) & ~15)
  if (!isVector<T>() && count > 0 && !putBounds<T>(values, count, report)) return OUT_OF_RANGE
  const plainBits = (<u64>count * plainSize<T>()) << 3
  let deltaBits: u64 = u64.MAX_VALUE
  let entries = findDistinct<T>(values, count, report, table, distinct, indices, SHORT_ENTRIES)
  if (entries == NONE) {
    if (!isVector<T>()) {
      const end = putDeltas<T>(values, bounds, pages, deltas, report, deltaPages)
      if (end != 0) deltaBits = <u64>(end - deltaPages) << 3
    }
    const most = mostEntries(count, plainSize<T>() << 3, min<u64>(deltaBits, plainBits))
    if (most > SHORT_ENTRIES) entries = findDistinct<T>(values, count, report, table, distinct, indices, most)
  }
  const hasDictionary = entries != NONE
  const bits: u32 = hasDictionary ? indexBits(entries) : 0
  const dictionaryBits: u64 = hasDictionary ? ((<u64>entries * plainSize<T>()) << 3) + <u64>count * bits : u64.MAX_VALUE
  const isDictionary = hasDictionary && dictionaryBits <= deltaBits && dictionaryBits < plainBits
  store<u32>(report, 0, ENTRIES)
  store<u32>(report, 0, DICTIONARY_BYTES)
  if (!isDictionary && deltaBits < plainBits) {
    store<u32>(report, DELTA_BINARY_PACKED, ENCODING)
    store<u32>(report, <u32>deltaPages, AT)
    return 0
  }
  store<u32>(report, isDictionary ? RLE_DICTIONARY : PLAIN, ENCODING)
  store<u32>(report, <u32>out, AT)
  let at = out
  if (isDictionary) {
    at = putPlain<T>(distinct, entries, at)
    store<u32>(report, entries, ENTRIES)
    store<u32>(report, <u32>(at - out), DICTIONARY_BYTES)
  }
  for (let p: u32 = 0; p < pages; p++) {
    const from = load<u32>(bounds + (<usize>p << 2))
    const rows = load<u32>(bounds + (<usize>p << 2), 4) - from
    const end = isDictionary
      ? putIndices(indices + (<usize>from << 1), rows, bits, at)
      : putPlain<T>(values + <usize>from * sizeOf<T>(), rows, at)
    store<u32>(report + (<usize>p << 2), <u32>(end - at), PAGE_BYTES)
    at = end
  }
  return 0
}

export function encode8(values: usize, bounds: usize, pages: u32, scratch: usize, out: usize, report: usize): i32 {
  return encode<u8>(values, bounds, pages, scratch, out, report)
}
export function encode16(values: usize, bounds: usize, pages: u32, scratch: usize, out: usize, report: usize): i32 {
  return encode<u16>(values, bounds, pages, scratch, out, report)
}
export function encode32(values: usize, bounds: usize, pages: u32, scratch: usize, out: usize, report: usize): i32 {
  return encode<u32>(values, bounds, pages, scratch, out, report)
}
export function encode64(values: usize, bounds: usize, pages: u32, scratch: usize, out: usize, report: usize): i32 {
  return encode<f64>(values, bounds, pages, scratch, out, report)
}
export function encode128(values: usize, bounds: usize, pages: u32, scratch: usize, out: usize, report: usize): i32 {
  return encode<v128>(values, bounds, pages, scratch, out, report)
}
