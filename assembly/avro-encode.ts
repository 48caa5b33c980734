// Writes columns as Avro rows: the kernel of src/storage/avro/sync-block-encoder.ts, with src/storage/avro/encoder.ts as its twin. It is one loop over a small
// program, a row at a time, and longer than other files because a call per field would cost more than the field.
//
// The caller leaves SLACK bytes behind the output, so that varints are whole 8-byte stores.

/** Operations, each a column: [op, validity or 0, flags, operands], WORDS 32-bit words. */
const WORDS: usize = 16 << 2
const END: i32 = 0
const U8: i32 = 1
const U16: i32 = 2
const U32: i32 = 3
const F64: i32 = 4
const U64: i32 = 5
const I64: i32 = 6
const BOOLEAN: i32 = 7
const ADDRESS: i32 = 8
const PREFIX: i32 = 9
const VARIABLE: i32 = 10

/** Flags: rows may be absent; where the field begins is noted. */
const NULLABLE: u32 = 1
const MARKED: u32 = 2
/** Only where the address of the field has 16 bytes; else the beginning of the row is noted in its place. */
const MARKED_LONG: u32 = 4
/** Byte of an operation that says how many bytes after the beginning of its field the mark is. */
const MARK_BYTES: usize = 32

/** The result for a value that cannot be stored; the twin says which. */
const FAULT: i32 = -1

/** Writes the varint of any value; returns where it ends. */
// @ts-ignore: decorator
@inline
export function putVarint(p: usize, value: u64): usize {
  if (value < 0x80) {
    store<u8>(p, value)
    return p + 1
  }
  const bits = 64 - <u32>clz(value)
  const length = ((bits + 6) * 9363) >> 16
  let w = (value & 0x000000000fffffff) | ((value & 0x00fffffff0000000) << 4)
  w = (w & 0x00003fff00003fff) | ((w & 0x0fffc0000fffc000) << 2)
  w = (w & 0x007f007f007f007f) | ((w & 0x3f803f803f803f80) << 1)
  if (length > 8) {
    store<u64>(p, w | 0x8080808080808080)
    const rest = value >> 56
    if (length == 9) store<u8>(p, rest, 8)
    else store<u16>(p, (rest & 0x7f) | 0x80 | ((rest >> 7) << 8), 8)
    return p + length
  }
  store<u64>(p, w | (0x8080808080808080 >> ((9 - length) << 3)))
  return p + length
}

// @ts-ignore: decorator
@inline
function putAddress(p: usize, op: usize, row: u32, extra: u32): usize {
  const family = load<u8>(load<usize>(op, 12) + row)
  let end: usize
  if (family == 4) {
    store<u8>(p, 8 + (extra << 1))
    store<u32>(p, bswap(load<u32>(load<usize>(op, 16) + (<usize>row << 2))), 1)
    end = p + 5
  } else if (family == 6) {
    store<u8>(p, 32 + (extra << 1))
    v128.store(p + 1, v128.load(load<usize>(op, 20) + (<usize>row << 4)))
    end = p + 17
  } else {
    store<u8>(p, 0)
    return p + 1
  }
  if (extra) store<u8>(end, load<u8>(load<usize>(op, 24) + row))
  return end + extra
}

/**
 * Writes `rows` rows of the columns of `program` to `dst`; returns the number of bytes, or a fault for a value that Avro or its type cannot hold. Where rows
 * begin goes to `starts`, relative to `origin`; where its marked fields begin, relative to the row, to `marks`, row by row. Only programs whose rows
 * are shorter than 64 KB have marks.
 */
export function avroEncode(
  program: usize,
  rows: u32,
  dst: usize,
  origin: usize,
  starts: usize,
  marks: usize,
): i32 {
  let p = dst
  for (let row: u32 = 0; row < rows; row++) {
    const start = p
    store<u32>(starts + (<usize>row << 2), <u32>(start - origin))
    for (let op = program; ; op += WORDS) {
      const code = load<i32>(op)
      if (code == END) break
      const flags = load<u32>(op, 8)
      if (flags & MARKED) {
        const isMarked = !(flags & MARKED_LONG) || load<u8>(load<usize>(op, 12) + row) == 6
        store<u16>(marks, isMarked ? <u32>(p - start) + load<u32>(op, MARK_BYTES) : 0)
        marks += 2
      }
      if (flags & NULLABLE) {
        const valid = load<usize>(op, 4)
        const present = valid == 0 || load<u8>(valid + row) == 1
        store<u8>(p++, present ? 2 : 0)
        if (!present) continue
      }
      const values = load<usize>(op, 12)
      switch (code) {
        case U8:
          p = putVarint(p, <u64>load<u8>(values + row) << 1)
          break
        case U16:
          p = putVarint(p, <u64>load<u16>(values + (<usize>row << 1)) << 1)
          break
        case U32: {
          const value = load<u32>(values + (<usize>row << 2))
          if (value > load<u32>(op, 16)) return FAULT
          p = putVarint(p, <u64>value << 1)
          break
        }
        case F64: {
          const value = load<f64>(values + (<usize>row << 3))
          const whole = <i64>value
          if (!(<f64>whole == value && value >= load<f64>(op, 16) && value <= load<f64>(op, 24))) return FAULT
          p = putVarint(p, <u64>((whole << 1) ^ (whole >> 63)))
          break
        }
        case U64: {
          const value = load<i64>(values + (<usize>row << 3))
          if (value < 0) return FAULT
          p = putVarint(p, <u64>value << 1)
          break
        }
        case I64: {
          const value = load<i64>(values + (<usize>row << 3))
          p = putVarint(p, <u64>((value << 1) ^ (value >> 63)))
          break
        }
        case BOOLEAN:
          store<u8>(p++, load<u8>(values + row) != 0)
          break
        case ADDRESS:
          p = putAddress(p, op, row, 0)
          break
        case PREFIX:
          p = putAddress(p, op, row, 1)
          break
        case VARIABLE: {
          const start = load<u32>(values + (<usize>row << 2))
          const length = load<u32>(values + (<usize>row << 2), 4) - start
          p = putVarint(p, <u64>length << 1)
          memory.copy(p, load<usize>(op, 16) + start, length)
          p += length
          break
        }
        default:
          return FAULT
      }
    }
  }
  return <i32>(p - dst)
}
