// Parquet page values into column arrays (apache/parquet-format, Encodings.md).
// As in snappy.ts the caller leaves SLACK bytes behind input and output. Every `store` below is in a function that a target width is
// compiled into, so that the loop for u8, u16, u32 and f64 columns is the same text and different code.

import { BAD_ENCODING, OUT_OF_RANGE, TRUNCATED } from './codes'

const MAX_SAFE: f64 = 9007199254740991.0

/** Target arrays: 1, 2, 4 bytes unsigned, 8 a double, 16 an IPv6 address. */
// @ts-ignore: decorator
@inline
function storeAs<T>(dst: usize, index: u32, from: usize): void {
  if (isVector<T>()) v128.store(dst + (<usize>index << 4), v128.load(from))
  else store<T>(dst + <usize>index * sizeof<T>(), load<T>(from))
}

/** Unsigned LEB128; the value is left in `varintValue`, the result is the next position or 0 when it runs past `end`. */
let varintValue: u64 = 0
function readVarint(p: usize, end: usize): usize {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (p >= end) return 0
    const byte: u64 = load<u8>(p++)
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintValue = value
      return p
    }
  }
  return 0
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
      const from = entries + <usize>index * sizeof<T>()
      for (let i: u32 = 0; i < run; i++) storeAs<T>(dst, done + i, from)
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

// A signed 64-bit value as a double; values a double cannot hold are noted in `unsafe` and refused at the end of the page.
let unsafe: u32 = 0
// @ts-ignore: decorator
@inline
function storeDouble(dst: usize, index: u32, value: i64): void {
  const double = <f64>value
  unsafe |= f64.abs(double) > MAX_SAFE ? 1 : 0
  store<f64>(dst + (<usize>index << 3), double)
}

/** PLAIN INT64 into doubles. */
export function plain64(src: usize, length: u32, count: u32, dst: usize): i32 {
  if (length >> 3 < count) return TRUNCATED
  unsafe = 0
  for (let i: u32 = 0; i < count; i++) storeDouble(dst, i, load<i64>(src + (<usize>i << 3)))
  return unsafe ? OUT_OF_RANGE : 0
}

// Integers narrower than 64 bits must fit their column; wider ones are noted by `storeDouble`.
// @ts-ignore: decorator
@inline
function storeInteger<T>(dst: usize, index: u32, value: i64): void {
  if (isFloat<T>()) storeDouble(dst, index, value)
  else {
    unsafe |= <u64>value >> (sizeof<T>() << 3) ? 1 : 0
    store<T>(dst + <usize>index * sizeof<T>(), <T>value)
  }
}

// How four neighbouring values of 1 to 25 bits come out of 16 bytes, for each width and for a first value that starts at a byte or, the second group
// of eight values, at four times the width: which bytes go to which lane, and the power of two that moves every lane's value to bit 7.
const WIDEST: u32 = 25
/** Differences beyond this are not looked at for the fast way, so that the test for it cannot overflow. */
const NEAR: i64 = 1 << 40
const UNPACK = memory.data((25 + 1) * 64, 16)
let unpackMade = false

function makeUnpack(): void {
  for (let width: u32 = 1; width <= WIDEST; width++) {
    for (let group: u32 = 0; group < 2; group++) {
      const at = UNPACK + <usize>(width * 64 + group * 32)
      for (let lane: u32 = 0; lane < 4; lane++) {
        const bit = ((group * 4 * width) & 7) + lane * width
        for (let byte: u32 = 0; byte < 4; byte++) store<u8>(at + lane * 4 + byte, <u8>((bit >> 3) + byte))
        store<u32>(at + 16 + lane * 4, 1 << (7 - (bit & 7)))
      }
    }
  }
  unpackMade = true
}

/** Four running totals: `totals` ends in the total so far, `steps` are four differences. */
// @ts-ignore: decorator
@inline
function addUp(totals: v128, steps: v128): v128 {
  const zero = i32x4.splat(0)
  const pairs = i32x4.add(steps, i8x16.shuffle(zero, steps, 0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27))
  const fours = i32x4.add(pairs, i8x16.shuffle(zero, pairs, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23))
  return i32x4.add(fours, i8x16.shuffle(totals, totals, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15))
}

/** Eight 32-bit values into a column. */
// @ts-ignore: decorator
@inline
function storeEight<T>(dst: usize, a: v128, b: v128): void {
  if (isFloat<T>()) {
    v128.store(dst, f64x2.convert_low_i32x4_s(a))
    v128.store(dst, f64x2.convert_low_i32x4_s(i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)), 16)
    v128.store(dst, f64x2.convert_low_i32x4_s(b), 32)
    v128.store(dst, f64x2.convert_low_i32x4_s(i8x16.shuffle(b, b, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)), 48)
  } else if (sizeof<T>() == 4) {
    v128.store(dst, a)
    v128.store(dst, b, 16)
  } else {
    const words = i16x8.narrow_i32x4_u(a, b)
    if (sizeof<T>() == 2) v128.store(dst, words)
    else v128.store64_lane(dst, i8x16.narrow_i16x8_u(words, words), 0)
  }
}

/**
 * A whole miniblock of `count` (a multiple of 8) values of 1 to 25 bits, when no total leaves 32 bits; returns the last one. Totals that do not fit
 * the column are noted in `unsafe`.
 */
function deltaRun<T>(p: usize, width: u32, count: u32, first: i32, minDelta: i32, dst: usize): i32 {
  const table = UNPACK + <usize>(width * 64)
  const bytesA = v128.load(table)
  const powersA = v128.load(table, 16)
  const bytesB = v128.load(table, 32)
  const powersB = v128.load(table, 48)
  const second = <usize>((4 * width) >> 3)
  const mask = i32x4.splat((1 << width) - 1)
  const least = i32x4.splat(minDelta)
  let totals = i32x4.splat(first)
  let seen = i32x4.splat(0)
  for (let i: u32 = 0; i < count; i += 8) {
    const a = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(p), bytesA), powersA), 7), mask)
    const b = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(p + second), bytesB), powersB), 7), mask)
    const head = addUp(totals, i32x4.add(a, least))
    totals = addUp(head, i32x4.add(b, least))
    seen = v128.or(seen, v128.or(head, totals))
    storeEight<T>(dst + <usize>i * sizeof<T>(), head, totals)
    p += width
  }
  if (!isFloat<T>()) {
    const pairs = v128.or(seen, i8x16.shuffle(seen, seen, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    const all = i32x4.extract_lane(pairs, 0) | i32x4.extract_lane(pairs, 1)
    unsafe |= all < 0 || (sizeof<T>() < 4 && <u32>all >> (<u32>sizeof<T>() << 3)) ? 1 : 0
  }
  return i32x4.extract_lane(totals, 3)
}

// DELTA_BINARY_PACKED.
function delta<T>(src: usize, length: u32, count: u32, dst: usize): i32 {
  const end = src + length
  let p = readVarint(src, end)
  if (p == 0) return TRUNCATED
  const blockSize = varintValue
  p = readVarint(p, end)
  if (p == 0) return TRUNCATED
  const miniblocks = varintValue
  p = readVarint(p, end)
  if (p == 0) return TRUNCATED
  const total = varintValue
  p = readVarint(p, end)
  if (p == 0) return TRUNCATED
  if (blockSize == 0 || blockSize > 65536 || blockSize & 127 || miniblocks == 0 || miniblocks > 512) return BAD_ENCODING
  const perMiniblock = <u32>(blockSize / miniblocks)
  if (perMiniblock == 0 || perMiniblock & 31 || perMiniblock * <u32>miniblocks != <u32>blockSize || total != <u64>count) return BAD_ENCODING
  if (count == 0) return 0
  let value = <i64>(varintValue >> 1) ^ -(<i64>(varintValue & 1))
  unsafe = 0
  if (!unpackMade) makeUnpack()
  storeInteger<T>(dst, 0, value)
  let done: u32 = 1
  while (done < count) {
    p = readVarint(p, end)
    if (p == 0) return TRUNCATED
    const minDelta = <i64>(varintValue >> 1) ^ -(<i64>(varintValue & 1))
    const isNear = minDelta > -NEAR && minDelta < NEAR
    let widths = p
    p += <usize>miniblocks
    if (p > end) return TRUNCATED
    for (let m: u32 = 0; m < <u32>miniblocks && done < count; m++, widths++) {
      const width: u32 = load<u8>(widths)
      if (width > 56) return BAD_ENCODING
      const bytes = (perMiniblock * width) >> 3
      if (<u64>(end - p) < <u64>bytes) return TRUNCATED
      const n = min<u32>(perMiniblock, count - done)
      const reach = <i64>perMiniblock * (abs(minDelta) + (<i64>1 << <i64>width))
      const isNarrow = isNear && width - 1 < WIDEST && value == <i64><i32>value
      if (isNarrow && n == perMiniblock && value + reach <= i32.MAX_VALUE && value - reach >= i32.MIN_VALUE) {
        value = deltaRun<T>(p, width, n, <i32>value, <i32>minDelta, dst + <usize>done * sizeof<T>())
        p += bytes
        done += n
        continue
      }
      const mask: u64 = (<u64>1 << <u64>width) - 1
      let bit: u32 = 0
      for (let i: u32 = 0; i < n; i++, bit += width) {
        value += minDelta + <i64>((load<u64>(p + (bit >> 3)) >> <u64>(bit & 7)) & mask)
        storeInteger<T>(dst, done + i, value)
      }
      p += bytes
      done += n
    }
  }
  return unsafe ? OUT_OF_RANGE : 0
}

export function delta8(src: usize, length: u32, count: u32, dst: usize): i32 {
  return delta<u8>(src, length, count, dst)
}
export function delta16(src: usize, length: u32, count: u32, dst: usize): i32 {
  return delta<u16>(src, length, count, dst)
}
export function delta32(src: usize, length: u32, count: u32, dst: usize): i32 {
  return delta<u32>(src, length, count, dst)
}
export function delta64(src: usize, length: u32, count: u32, dst: usize): i32 {
  return delta<f64>(src, length, count, dst)
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
