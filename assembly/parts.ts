// The parts of the keys of a scan (scan.ts), and how columns become the words of keys (table.ts), or codes: numbers of 32 bits that tell keys apart as well, where so few bits differ among them.
//
// A part is 32 bytes: what it is, address and bytes of its values, mask or flipped bits, its word in the key, bits of a prefix; size of a bin.

import { isOneBin, packBins, packDoubles, packMasked, packPrefixes } from './keys'

const PART_BYTES: usize = 32
const MASKED: u32 = 0
const DOUBLES: u32 = 1
const BINS: u32 = 2
const PREFIXES: u32 = 3

// @ts-ignore: decorator
@inline
function typeOf(part: usize): u32 {
  return load<u32>(part)
}

// @ts-ignore: decorator
@inline
function bytesOf(part: usize): u32 {
  return load<u32>(part, 8)
}

// @ts-ignore: decorator
@inline
function maskOf(part: usize): u32 {
  return load<u32>(part, 12)
}

// @ts-ignore: decorator
@inline
function wordOf(part: usize): usize {
  return <usize>load<u32>(part, 16) << 2
}

// @ts-ignore: decorator
@inline
function lengthOf(part: usize): u32 {
  return load<u32>(part, 20)
}

// @ts-ignore: decorator
@inline
function sizeOf(part: usize): f64 {
  return load<f64>(part, 24)
}

/** Where the value of row `from` lies. */
// @ts-ignore: decorator
@inline
function valuesOf(part: usize, from: u32): usize {
  return <usize>load<u32>(part, 4) + <usize>(from * bytesOf(part))
}

/** Whether a column of words is all of the key as it lies. */
// @ts-ignore: decorator
@inline
function isWhole(part: usize, count: u32): bool {
  return count == 1 && typeOf(part) == MASKED && bytesOf(part) == 4 && maskOf(part) == 0xffffffff
}

/** The keys of `rows` rows from `from` on, of `width` words: where they lie when a column is all of the key, else laid out at `keys`. */
export function placeKeys(parts: usize, count: u32, width: u32, from: u32, rows: u32, keys: usize): usize {
  if (width == 1 && isWhole(parts, count)) return valuesOf(parts, from)
  const end = parts + <usize>count * PART_BYTES
  for (let part = parts; part < end; part += PART_BYTES) {
    const type = typeOf(part)
    const src = valuesOf(part, from)
    const bits = maskOf(part)
    const dst = keys + wordOf(part)
    if (type == MASKED) packMasked(src, bytesOf(part), bits, rows, dst, width)
    else if (type == DOUBLES) packDoubles(src, bits, rows, dst, width)
    else if (type == BINS) packBins(src, sizeOf(part), bits, rows, dst, width)
    else if (type == PREFIXES) packPrefixes(src, bits, lengthOf(part), rows, dst, width)
  }
  return keys
}

/** Whether rows have one key: their times, which are all of the key, lie in one bin, as most do where blocks are in order of time. */
export function isOneKey(parts: usize, count: u32, from: u32, rows: u32): bool {
  return count == 1 && typeOf(parts) == BINS && isOneBin(valuesOf(parts, from), sizeOf(parts), rows)
}

/** How far the values of a part have to be moved so that their highest bit is that of a word. */
// @ts-ignore: decorator
@inline
function spareOf(part: usize): u32 {
  return 32 - (bytesOf(part) << 3)
}

/** Bits of a part that tell keys apart, of those from the highest on. */
// @ts-ignore: decorator
@inline
function bitsOf(part: usize): u32 {
  return typeOf(part) == PREFIXES ? lengthOf(part) : bytesOf(part) << 3
}

/** Four values as words. */
// @ts-ignore: decorator
@inline
function loadFour<T>(at: usize): v128 {
  if (sizeof<T>() == 4) return v128.load(at)
  if (sizeof<T>() == 2) return v128.load16x4_u(at)
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)))
}

/** Puts what `mask` leaves of values into codes, moved to the highest bits and then down by `used`, which others have taken. */
// @ts-ignore: decorator
@inline
function packPart<T>(src: usize, mask: u32, spare: u32, used: u32, rows: u32, codes: usize): void {
  const kept = i32x4.splat(mask)
  for (let i: usize = 0; i < <usize>rows; i += 4) {
    const values = v128.and(loadFour<T>(src + i * sizeof<T>()), kept)
    const moved = i32x4.shr_u(i32x4.shl(values, spare), used)
    const at = codes + (i << 2)
    v128.store(at, used ? v128.or(v128.load(at), moved) : moved)
  }
}

/**
 * The codes of `rows` rows from `from` on, of parts that are masked words or prefixes, whose bits together are at most 32: where they lie when a column is all of the key, else laid out at `codes`. Values and
 * codes have slack behind.
 */
export function placeCodes(parts: usize, count: u32, from: u32, rows: u32, codes: usize): usize {
  if (isWhole(parts, count)) return valuesOf(parts, from)
  const end = parts + <usize>count * PART_BYTES
  let used: u32 = 0
  for (let part = parts; part < end; part += PART_BYTES) {
    const bytes = bytesOf(part)
    const src = valuesOf(part, from)
    if (bytes == 1) packPart<u8>(src, maskOf(part), spareOf(part), used, rows, codes)
    else if (bytes == 2) packPart<u16>(src, maskOf(part), spareOf(part), used, rows, codes)
    else packPart<u32>(src, maskOf(part), spareOf(part), used, rows, codes)
    used += bitsOf(part)
  }
  return codes
}

/** The keys that have codes, of `width` words. */
export function keysOfCodes(codes: usize, rows: u32, parts: usize, count: u32, width: u32, keys: usize): void {
  const step = <usize>width << 2
  const end = parts + <usize>count * PART_BYTES
  let used: u32 = 0
  for (let part = parts; part < end; part += PART_BYTES) {
    const mask = maskOf(part)
    const spare = spareOf(part)
    const isPrefix = typeOf(part) == PREFIXES
    for (let i: usize = 0, dst = keys + wordOf(part); i < <usize>rows; i++, dst += step) {
      store<u32>(dst, ((load<u32>(codes + (i << 2)) << used) >> spare) & mask)
      if (isPrefix) store<u32>(dst, lengthOf(part), 4)
    }
    used += bitsOf(part)
  }
}
