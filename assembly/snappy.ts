// Snappy block decompression inside linear memory (google/snappy, format_description.txt).
// The caller leaves SLACK readable bytes behind the input and SLACK writable bytes behind the output, so that literals and copies
// are whole moves of 32 bytes without a tail loop: lengths around 16, which cannot be predicted, need no branch then. Every length and offset is checked against the input's end and the
// announced length before it is used: hostile input yields an error code, never a stray read, write or trap.

import { BAD_LENGTH, BAD_OFFSET, OUTPUT_TOO_SMALL, TRUNCATED } from './codes'

/** Decompresses `[src, src + srcLength)` to `dst`; returns the number of bytes written (at most `dstCapacity`), or an error code below 0. */
export function snappyDecompress(src: usize, srcLength: u32, dst: usize, dstCapacity: u32): i32 {
  const srcEnd = src + srcLength
  let p = src
  let announced: u32 = 0
  for (let shift: u32 = 0; ; shift += 7) {
    if (p >= srcEnd) return TRUNCATED
    const byte: u32 = load<u8>(p++)
    if (shift == 28 && byte > 15) return BAD_LENGTH
    announced |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  if (announced > dstCapacity) return OUTPUT_TOO_SMALL
  const dstEnd = dst + announced
  let o = dst
  while (p < srcEnd) {
    const tag: u32 = load<u8>(p++)
    let length: u32
    if ((tag & 3) == 0) {
      length = tag >> 2
      if (length >= 60) {
        const width = length - 59
        if (<u32>(srcEnd - p) < width) return TRUNCATED
        length = load<u32>(p) & (0xffffffff >> (32 - (width << 3)))
        p += width
        if (length == 0xffffffff) return BAD_LENGTH
      }
      length++
      if (<u32>(srcEnd - p) < length) return TRUNCATED
      if (<u32>(dstEnd - o) < length) return BAD_LENGTH
      if (length <= 64) {
        move32(o, p)
        if (length > 32) move32(o + 32, p + 32)
      } else memory.copy(o, p, length)
      p += length
      o += length
      continue
    }
    let offset: u32
    if ((tag & 3) == 3) {
      length = (tag >> 2) + 1
      offset = load<u32>(p)
      p += 4
    } else {
      // One byte of offset or two, without a branch: which of them comes next cannot be predicted.
      const short: u32 = 0 - (tag & 1)
      const two: u32 = load<u16>(p)
      offset = (((tag >> 5) << 8) & short) | (two & (0xffff ^ (short & 0xff00)))
      length = ((tag >> 2) & (0x3f ^ (short & 0x38))) + 1 + (short & 3)
      p += tag & 3
    }
    if (p > srcEnd) return TRUNCATED
    if (offset - 1 >= <u32>(o - dst)) return BAD_OFFSET
    if (<u32>(dstEnd - o) < length) return BAD_LENGTH
    const end = o + length
    let from = o - offset
    if (offset >= 32) {
      move32(o, from)
      if (length > 32) move32(o + 32, from + 32)
    } else if (offset >= 16) {
      do {
        v128.store(o, v128.load(from))
        o += 16
        from += 16
      } while (o < end)
    } else {
      // Each pass writes the bytes of the pattern that are final and doubles the distance, until eight lie between.
      while (o - from < 8 && o < end) {
        store<u64>(o, load<u64>(from))
        o += o - from
      }
      while (o < end) {
        store<u64>(o, load<u64>(from))
        o += 8
        from += 8
      }
    }
    o = end
  }
  return o == dstEnd ? <i32>announced : BAD_LENGTH
}

/** Moves 32 bytes, of which those beyond a literal or a copy fall into what comes next, or into the slack. */
// @ts-ignore: decorator
@inline
function move32(to: usize, from: usize): void {
  const first = v128.load(from)
  const second = v128.load(from, 16)
  v128.store(to, first)
  v128.store(to, second, 16)
}
