// Snappy block compression inside linear memory (google/snappy, format_description.txt): fast rather than small, the same bytes for the same input. The twin
// is src/kernels/snappy-compress.ts.
// The caller leaves SLACK readable bytes behind the input and SLACK writable bytes behind the output.

const TABLE_BITS: u32 = 13
/** Bytes that a match takes at least: shorter ones cost a reader more than they save. */
const MIN_MATCH: usize = 6
/** The search for a match stops this far from the end, so that it never reads past it. */
const MARGIN: usize = 15

/** A hash of the six bytes at `p`. */
// @ts-ignore: decorator
@inline
function hash(p: usize): usize {
  return <usize>(((load<u64>(p) << 16) * 0x9e3779b185ebca87) >> (64 - TABLE_BITS)) << 1
}

/** Writes a literal of any length above 32. */
function putLongLiteral(o: usize, from: usize, length: u32): usize {
  const n = length - 1
  if (n < 60) {
    store<u8>(o++, n << 2)
    v128.store(o, v128.load(from))
    v128.store(o + 16, v128.load(from, 16))
    v128.store(o + 32, v128.load(from, 32))
    v128.store(o + 48, v128.load(from, 48))
    return o + length
  }
  if (n < 0x100) {
    store<u8>(o, 60 << 2)
    store<u8>(o, n, 1)
    o += 2
  } else if (n < 0x10000) {
    store<u8>(o, 61 << 2)
    store<u16>(o, n, 1)
    o += 3
  } else {
    store<u8>(o, 63 << 2)
    store<u32>(o, n, 1)
    o += 5
  }
  memory.copy(o, from, length)
  return o + length
}

/** Writes a literal, which may be empty; short ones without a branch, because their lengths cannot be foretold. */
// @ts-ignore: decorator
@inline
function putLiteral(o: usize, from: usize, length: u32): usize {
  if (length > 32) return putLongLiteral(o, from, length)
  store<u8>(o, (length - 1) << 2)
  v128.store(o, v128.load(from), 1)
  v128.store(o, v128.load(from, 16), 17)
  return o + length + <usize>(length != 0)
}

/** Writes a copy of `length` bytes, 65 or more. */
function putLongCopy(o: usize, offset: u32, length: u32): usize {
  while (length >= 68) {
    store<u32>(o, 0xfe | (offset << 8))
    o += 3
    length -= 64
  }
  if (length > 64) {
    store<u32>(o, 0xee | (offset << 8))
    o += 3
    length -= 60
  }
  return putCopy(o, offset, length)
}

/** Writes a copy of 6 to 64 bytes from `offset` bytes back, less than 65,536; the form is chosen without a branch. */
// @ts-ignore: decorator
@inline
function putCopy(o: usize, offset: u32, length: u32): usize {
  const short = <u32>(length < 12) & <u32>(offset < 2048)
  const two = 1 | ((length - 4) << 2) | ((offset >> 8) << 5) | ((offset & 0xff) << 8)
  const three = 2 | ((length - 1) << 2) | (offset << 8)
  store<u32>(o, select<u32>(two, three, short))
  return o + 3 - short
}

/** How many bytes at `a` and `b`, which lies behind it, are equal, up to `end`. */
// @ts-ignore: decorator
@inline
function matchLength(a: usize, b: usize, end: usize): u32 {
  const from = b
  while (b + 8 <= end) {
    const different = load<u64>(a) ^ load<u64>(b)
    if (different != 0) return <u32>(b - from) + (<u32>ctz(different) >> 3)
    a += 8
    b += 8
  }
  while (b < end && load<u8>(a) == load<u8>(b)) {
    a++
    b++
  }
  return <u32>(b - from)
}

/** Writes the length that data begin with and clears the table. */
function putHead(dst: usize, length: u32, table: usize): usize {
  let o = dst
  for (let rest = length; ; ) {
    if (rest < 0x80) {
      store<u8>(o++, rest)
      break
    }
    store<u8>(o++, rest | 0x80)
    rest >>= 7
  }
  memory.fill(table, 0, 2 << TABLE_BITS)
  return o
}

/** How many bytes at `found` and `p` are equal; the first six are. */
// @ts-ignore: decorator
@inline
function matchFrom(found: usize, p: usize, end: usize): u32 {
  const unequal = ~i8x16.bitmask(i8x16.eq(v128.load(found), v128.load(p)))
  const size = <u32>ctz(unequal)
  return size < 16 ? size : 16 + matchLength(found + 16, p + 16, end)
}

/** How many bytes in front of `a` and of `b` are equal, at most 16. */
// @ts-ignore: decorator
@inline
function equalBefore(a: usize, b: usize): usize {
  const unequal = ~i8x16.bitmask(i8x16.eq(v128.load(a - 16), v128.load(b - 16))) & 0xffff
  return <usize>(clz(unequal) - 16)
}

/**
 * Compresses `[src, src + length)` to `dst`, which has room for 32 + length + length / 6 bytes; returns the number of bytes written. `table` is 16 KB of
 * scratch: the last place of each hash, by its low 16 bits, so that every candidate lies within the reach of a copy of three bytes.
 */
export function snappyCompress(src: usize, length: u32, dst: usize, table: usize): i32 {
  let o = putHead(dst, length, table)
  const end = src + length
  let next = src
  if (<usize>length > MARGIN) {
    const limit = end - MARGIN
    let p = src + 1
    let skip: u32 = 32
    while (p < limit) {
      const slot = table + hash(p)
      const distance = <usize>((<u32>(p - src) - <u32>load<u16>(slot)) & 0xffff)
      store<u16>(slot, <u32>(p - src))
      const found = p - distance
      if (distance == 0 || found < src || ((load<u64>(found) ^ load<u64>(p)) << 16) != 0) {
        p += skip >> 5
        skip++
        continue
      }
      skip = 32
      const size = matchFrom(found, p, end)
      o = putLiteral(o, next, <u32>(p - next))
      o = size > 64 ? putLongCopy(o, <u32>distance, size) : putCopy(o, <u32>distance, size)
      p += size
      next = p
      if (p < limit) store<u16>(table + hash(p - 1), <u32>(p - 1 - src))
    }
  }
  if (next < end) o = putLiteral(o, next, <u32>(end - next))
  return <i32>(o - dst)
}

/**
 * As `snappyCompress` for `rows` Avro rows, which looks for matches only at `starts` of each row plus its `marks`, of which there are `markCount` for each: few
 * looks, and few that are in vain, for a few bytes more. What stands at the first `timeCount` marks is compared with the same place of the row before,
 * with up to 16 bytes in front of it, because times and what follows them repeat there or nowhere; the others are looked up.
 */
export function snappyCompressRows(
  src: usize,
  length: u32,
  dst: usize,
  table: usize,
  rows: u32,
  starts: usize,
  marks: usize,
  markCount: u32,
  timeCount: u32,
): i32 {
  let o = putHead(dst, length, table)
  const end = src + length
  const limit = <usize>length > MARGIN ? end - MARGIN : src
  const stride = <usize>markCount << 1
  let next = src
  let before = src
  for (let row: u32 = 0; row < rows; row++) {
    const start = src + load<u32>(starts)
    starts += 4
    for (let i: u32 = 0; i < markCount; i++) {
      const mark = marks + (<usize>i << 1)
      const p = start + load<u16>(mark)
      if (p < next || p >= limit) continue
      let found: usize
      let back: usize = 0
      if (i < timeCount) {
        if (row == 0) continue
        found = before + load<u16>(mark - stride)
        if (p - found > 0xffff) continue
        back = min(equalBefore(found, p), min(p - next, found - src))
      } else {
        const slot = table + hash(p)
        const distance = <usize>((<u32>(p - src) - <u32>load<u16>(slot)) & 0xffff)
        store<u16>(slot, <u32>(p - src))
        found = p - distance
        if (distance == 0 || found < src) continue
      }
      if (((load<u64>(found) ^ load<u64>(p)) << 16) != 0) continue
      const size = matchFrom(found, p, end) + <u32>back
      const distance = <u32>(p - found)
      const begin = p - back
      o = putLiteral(o, next, <u32>(begin - next))
      o = size > 64 ? putLongCopy(o, distance, size) : putCopy(o, distance, size)
      next = begin + size
    }
    before = start
    marks += stride
  }
  if (next < end) o = putLiteral(o, next, <u32>(end - next))
  return <i32>(o - dst)
}
