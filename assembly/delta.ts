// Pages in DELTA_BINARY_PACKED (apache/parquet-format, Encodings.md) into column arrays; as in parquet.ts.

import { BAD_ENCODING, OUT_OF_RANGE, TRUNCATED } from './codes'
import { hasFitted, noteUnfit, startPage, storeDouble } from './double'
import { readVarint, varintValue } from './varint'

// Integers narrower than 64 bits must fit their column; wider ones are noted by `storeDouble`.
// @ts-ignore: decorator
@inline
function storeInteger<T>(dst: usize, index: u32, value: i64): void {
  if (isFloat<T>()) storeDouble(dst, index, value)
  else {
    noteUnfit(<u64>value >> (sizeof<T>() << 3) != 0)
    store<T>(dst + <usize>index * sizeof<T>(), <T>value)
  }
}

// How four neighbouring values of 1 to 25 bits come out of 16 bytes, for each width and for a first value that starts at a byte or, the second group
// of eight values, at four times the width: which bytes go to which lane, and the power of two that moves every lane's value to bit 7.
const WIDEST: u32 = 25
/** Differences beyond this are not looked at for the fast way, so that the test for it cannot overflow. */
const NEAR: i64 = 1 << 40
/** Whole numbers up to here are doubles. */
const MAX_SAFE: i64 = 9007199254740991
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

/** Two 32-bit values as doubles, `base` added. */
// @ts-ignore: decorator
@inline
function storeTwo(dst: usize, values: v128, base: v128): void {
  v128.store(dst, f64x2.add(f64x2.convert_low_i32x4_s(values), base))
}

/** Eight 32-bit values into a column: beyond `base` where that holds doubles. */
// @ts-ignore: decorator
@inline
function storeEight<T>(dst: usize, a: v128, b: v128, base: v128): void {
  if (isFloat<T>()) {
    storeTwo(dst, a, base)
    storeTwo(dst + 16, i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7), base)
    storeTwo(dst + 32, b, base)
    storeTwo(dst + 48, i8x16.shuffle(b, b, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7), base)
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
 * A whole miniblock of `count` (a multiple of 8) values of 1 to 25 bits behind `value`; returns the last one. No total leaves 32 bits; those of doubles are counted from `value`, which may
 * be a time. Totals that do not fit the column are noted.
 */
function deltaRun<T>(p: usize, width: u32, count: u32, value: i64, minDelta: i32, dst: usize): i64 {
  const table = UNPACK + <usize>(width * 64)
  const bytesA = v128.load(table)
  const powersA = v128.load(table, 16)
  const bytesB = v128.load(table, 32)
  const powersB = v128.load(table, 48)
  const second = <usize>((4 * width) >> 3)
  const mask = i32x4.splat((1 << width) - 1)
  const least = i32x4.splat(minDelta)
  const base = f64x2.splat(<f64>value)
  let totals = i32x4.splat(isFloat<T>() ? 0 : <i32>value)
  let seen = i32x4.splat(0)
  for (let i: u32 = 0; i < count; i += 8) {
    const a = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(p), bytesA), powersA), 7), mask)
    const b = v128.and(i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(p + second), bytesB), powersB), 7), mask)
    const head = addUp(totals, i32x4.add(a, least))
    totals = addUp(head, i32x4.add(b, least))
    seen = v128.or(seen, v128.or(head, totals))
    storeEight<T>(dst + <usize>i * sizeof<T>(), head, totals, base)
    p += width
  }
  if (!isFloat<T>()) {
    const pairs = v128.or(seen, i8x16.shuffle(seen, seen, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    const all = i32x4.extract_lane(pairs, 0) | i32x4.extract_lane(pairs, 1)
    noteUnfit(all < 0 || (sizeof<T>() < 4 && <u32>all >> (<u32>sizeof<T>() << 3) != 0))
  }
  const last = <i64>i32x4.extract_lane(totals, 3)
  return isFloat<T>() ? value + last : last
}

/** Whether totals at most `reach` from `value` are what `deltaRun` can add up. */
// @ts-ignore: decorator
@inline
function isWithin<T>(value: i64, reach: i64): bool {
  if (isFloat<T>()) return reach <= i32.MAX_VALUE && value <= MAX_SAFE - reach && value >= reach - MAX_SAFE
  return value == <i64><i32>value && value + reach <= i32.MAX_VALUE && value - reach >= i32.MIN_VALUE
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
  startPage()
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
      if (isNear && width - 1 < WIDEST && n == perMiniblock && isWithin<T>(value, reach)) {
        value = deltaRun<T>(p, width, n, value, <i32>minDelta, dst + <usize>done * sizeof<T>())
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
  return hasFitted() ? 0 : OUT_OF_RANGE
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

