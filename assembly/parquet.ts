// Parquet page values into column arrays (apache/parquet-format, Encodings.md).
// As in snappy.ts the caller leaves SLACK bytes behind input and output. Every `store` below is in a function that a target width is
// compiled into, so that the loop for u8, u16, u32 and f64 columns is the same text and different code.

import { BAD_ENCODING, OUT_OF_RANGE, TRUNCATED } from './codes'
import { hasFitted, startPage, storeDouble } from './double'
import { readVarint, varintValue } from './varint'

/** Target arrays: 1, 2, 4 bytes unsigned, 8 a double, 16 an IPv6 address. */
// @ts-ignore: decorator
@inline
function storeAs<T>(dst: usize, index: u32, from: usize): void {
  if (isVector<T>()) v128.store(dst + (<usize>index << 4), v128.load(from))
  else store<T>(dst + <usize>index * sizeof<T>(), load<T>(from))
}

/** Indices that are looked up by a shuffle of bytes: in a dictionary of at most 16 entries of a byte. */
const NARROWEST: u32 = 4

/** Eight values of `width` bits (at most 8), lowest first, as a byte each: the bits are halved three times, the upper half moving up. */
// @ts-ignore: decorator
@inline
function spreadBits(bits: u64, width: u64, fours: u64, twos: u64, ones: u64): u64 {
  let x = (bits & fours) | ((bits & (fours << (width << 2))) << (32 - (width << 2)))
  x = (x & twos) | ((x & (twos << (width << 1))) << (16 - (width << 1)))
  return (x & ones) | ((x & (ones << width)) << (8 - width))
}

/**
 * A bit-packed run of `count` indices of 1 to 4 bits, each replaced by its entry of a byte, of which there are at most 16. Returns 1 when an index is beyond the last entry, else 0. Up to 15 bytes behind the values
 * are written, of slack when they end the page and of values still to come when they do not.
 */
function narrowRun(p: usize, width: u64, count: u32, entries: usize, entryCount: u32, dst: usize): u32 {
  const one = (<u64>1 << width) - 1
  const two = (<u64>1 << (width << 1)) - 1
  const fours = (<u64>1 << (width << 2)) - 1
  const twos = two | (two << 32)
  const ones = one * 0x0001000100010001
  const table = v128.load(entries)
  const last = i8x16.splat(<i8>(entryCount - 1))
  let wrong = i8x16.splat(0)
  let left = count
  for (; left >= 16; left -= 16, p += <usize>(width << 1), dst += 16) {
    const low = spreadBits(load<u64>(p), width, fours, twos, ones)
    const high = spreadBits(load<u64>(p + <usize>width), width, fours, twos, ones)
    const indices = i64x2.replace_lane(i64x2.splat(low), 1, high)
    wrong = v128.or(wrong, i8x16.gt_u(indices, last))
    v128.store(dst, i8x16.swizzle(table, indices))
  }
  if (left > 0) {
    const low = spreadBits(load<u64>(p), width, fours, twos, ones)
    const high = spreadBits(load<u64>(p + <usize>width), width, fours, twos, ones)
    const indices = i64x2.replace_lane(i64x2.splat(low), 1, high)
    const beyond = <u32>i8x16.bitmask(i8x16.gt_u(indices, last)) & ((1 << left) - 1)
    v128.store(dst, i8x16.swizzle(table, indices))
    if (beyond != 0) return 1
  }
  return v128.any_true(wrong) ? 1 : 0
}

/** A run of one entry. */
// @ts-ignore: decorator
@inline
function repeat<T>(dst: usize, first: u32, run: u32, from: usize): void {
  if (!isVector<T>() && sizeof<T>() == 1) memory.fill(dst + <usize>first, load<u8>(from), run)
  else for (let i: u32 = 0; i < run; i++) storeAs<T>(dst, first + i, from)
}

// RLE / bit-packed hybrid of dictionary indices, each replaced by its dictionary entry on the way.
function dictionary<T>(src: usize, length: u32, count: u32, entries: usize, entryCount: u32, dst: usize): i32 {
  const end = src + length
  if (length == 0) return count == 0 ? 0 : TRUNCATED
  const width: u32 = load<u8>(src)
  if (width > 24 || entryCount == 0) return count == 0 ? 0 : BAD_ENCODING
  const mask: u32 = (1 << width) - 1
  const valueBytes = (width + 7) >> 3
  let p = src + 1
  let done: u32 = 0
  let bad: u32 = 0
  while (done < count) {
    p = readVarint(p, end)
    if (p == 0) return TRUNCATED
    const header = varintValue
    if (header > 0xffffffff) return BAD_ENCODING
    let run: u32 = <u32>(header >> 1)
    if (header & 1) {
      if (run > 0x0fffffff) return BAD_ENCODING
      const bytes = run * width
      run = min<u32>(run << 3, count - done)
      if (<u64>(end - p) < <u64>((run * width + 7) >> 3)) return TRUNCATED
      if (!isVector<T>() && sizeof<T>() == 1 && width - 1 < NARROWEST && entryCount <= 16) {
        bad |= narrowRun(p, width, run, entries, entryCount, dst + <usize>done)
        p += bytes
        if (run == 0) return BAD_ENCODING
        done += run
        continue
      }
      let bit: u32 = 0
      for (let i: u32 = 0; i < run; i++, bit += width) {
        let index = (load<u32>(p + (bit >> 3)) >> (bit & 7)) & mask
        const wrong: u32 = index >= entryCount ? 1 : 0
        bad |= wrong
        index = wrong ? 0 : index
        storeAs<T>(dst, done + i, entries + <usize>index * sizeof<T>())
      }
      p += bytes
    } else {
      if (<u64>(end - p) < <u64>valueBytes) return TRUNCATED
      const index = load<u32>(p) & mask
      p += valueBytes
      if (index >= entryCount) return OUT_OF_RANGE
      run = min<u32>(run, count - done)
      repeat<T>(dst, done, run, entries + <usize>index * sizeof<T>())
    }
    if (run == 0) return BAD_ENCODING
    done += run
  }
  return bad ? OUT_OF_RANGE : 0
}

export function dictionary8(src: usize, length: u32, count: u32, entries: usize, entryCount: u32, dst: usize): i32 {
  return dictionary<u8>(src, length, count, entries, entryCount, dst)
}
export function dictionary16(src: usize, length: u32, count: u32, entries: usize, entryCount: u32, dst: usize): i32 {
  return dictionary<u16>(src, length, count, entries, entryCount, dst)
}
export function dictionary32(src: usize, length: u32, count: u32, entries: usize, entryCount: u32, dst: usize): i32 {
  return dictionary<u32>(src, length, count, entries, entryCount, dst)
}
export function dictionary64(src: usize, length: u32, count: u32, entries: usize, entryCount: u32, dst: usize): i32 {
  return dictionary<f64>(src, length, count, entries, entryCount, dst)
}
export function dictionary128(src: usize, length: u32, count: u32, entries: usize, entryCount: u32, dst: usize): i32 {
  return dictionary<v128>(src, length, count, entries, entryCount, dst)
}

// PLAIN INT32 into unsigned columns of 1, 2 or 4 bytes.
function plain32<T>(src: usize, length: u32, count: u32, dst: usize): i32 {
  if (length >> 2 < count) return TRUNCATED
  let seen: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const value = load<u32>(src + (<usize>i << 2))
    seen |= value
    store<T>(dst + <usize>i * sizeof<T>(), <T>value)
  }
  return sizeof<T>() < 4 && seen >> (<u32>sizeof<T>() << 3) ? OUT_OF_RANGE : 0
}
export function plain8(src: usize, length: u32, count: u32, dst: usize): i32 {
  return plain32<u8>(src, length, count, dst)
}
export function plain16(src: usize, length: u32, count: u32, dst: usize): i32 {
  return plain32<u16>(src, length, count, dst)
}
export function plain4(src: usize, length: u32, count: u32, dst: usize): i32 {
  if (length >> 2 < count) return TRUNCATED
  memory.copy(dst, src, <usize>count << 2)
  return 0
}
export function plain128(src: usize, length: u32, count: u32, dst: usize): i32 {
  if (length >> 4 < count) return TRUNCATED
  memory.copy(dst, src, <usize>count << 4)
  return 0
}

/** PLAIN INT64 into doubles. */
export function plain64(src: usize, length: u32, count: u32, dst: usize): i32 {
  if (length >> 3 < count) return TRUNCATED
  startPage()
  for (let i: u32 = 0; i < count; i++) storeDouble(dst, i, load<i64>(src + (<usize>i << 3)))
  return hasFitted() ? 0 : OUT_OF_RANGE
}

/**
 * Spreads the 16-byte values of a sparse column: row `i` gets the next one where `family[i]` is 6, zero elsewhere.
 * Returns how many values were used, or a code when there are not that many.
 */
export function spread128(family: usize, rows: u32, values: usize, count: u32, dst: usize): i32 {
  memory.fill(dst, 0, <usize>rows << 4)
  let used: u32 = 0
  for (let i: u32 = 0; i < rows; i++) {
    if (load<u8>(family + i) != 6) continue
    if (used == count) return TRUNCATED
    v128.store(dst + (<usize>i << 4), v128.load(values + (<usize>used << 4)))
    used++
  }
  return <i32>used
}

/** How many of `count` bytes equal `value`. */
export function countBytes(at: usize, count: u32, value: u32): i32 {
  const wanted = i8x16.splat(<i8>value)
  let found: i32 = 0
  let i: u32 = 0
  for (; i + 16 <= count; i += 16) found += popcnt(i8x16.bitmask(i8x16.eq(v128.load(at + i), wanted)))
  for (; i < count; i++) found += load<u8>(at + i) == <u8>value ? 1 : 0
  return found
}
