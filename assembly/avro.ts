// Walks Avro rows and picks out the wanted fields: the kernel of src/kernels/avro-rows.ts, same operations, same faults. It is one loop
// and longer than other files because a call per field would cost more than the field. Programs with nested values stay with the twin.
//
// Runs of varints that nobody wants are skipped eight bytes at a time by counting the bytes that end one.
// The caller leaves SLACK zero bytes behind the rows, so a read past the end ends there and is noticed at the next check.

const END: i32 = 0
const SKIP_VARINTS: i32 = 1
const SKIP_BYTES: i32 = 2
const SKIP_FIXED: i32 = 3
const INT: i32 = 4
const WIDE_INT: i32 = 5
const BYTES: i32 = 6
const FIXED: i32 = 7
const BOOLEAN: i32 = 8
const ABSENT: i32 = 9
const UNION: i32 = 10
const JUMP: i32 = 11

const FAULT_END: i32 = -1
const FAULT_VARINT: i32 = -2
const FAULT_LENGTH: i32 = -3
const FAULT_BOOLEAN: i32 = -4
const FAULT_BRANCH: i32 = -5
const FAULT_REFUSED: i32 = -6

const TOPS: u64 = 0x8080808080808080

/** Length of the varint at `p`; 11 and more when it has more than ten bytes. */
// @ts-ignore: decorator
@inline
function varintLength(p: usize): u32 {
  const ends = ~load<u64>(p) & TOPS
  if (ends != 0) return (<u32>ctz(ends) >> 3) + 1
  if (load<u8>(p, 8) < 0x80) return 9
  return load<u8>(p, 9) < 0x80 ? 10 : 11
}

/** Value of the varint of `length` bytes at `p`, zig-zag undone. */
// @ts-ignore: decorator
@inline
function varintValue(p: usize, length: u32): i64 {
  let w = load<u64>(p)
  if (length < 8) w &= (<u64>1 << (<u64>length << 3)) - 1
  w &= 0x7f7f7f7f7f7f7f7f
  w = (w & 0x007f007f007f007f) | ((w & 0x7f007f007f007f00) >> 1)
  w = (w & 0x00003fff00003fff) | ((w & 0x3fff00003fff0000) >> 2)
  w = (w & 0x000000000fffffff) | ((w & 0x0fffffff00000000) >> 4)
  if (length > 8) {
    w |= <u64>(load<u8>(p, 8) & 0x7f) << 56
    if (length > 9) w |= <u64>load<u8>(p, 9) << 63
  }
  return <i64>(w >> 1) ^ -<i64>(w & 1)
}

/**
 * Decodes `rows` rows that begin at `at` and end before `end`; returns where they end, relative to `at`, or a fault. Slot `s` of row `i`
 * is entry `s * stride + i` of `numbers` (f64), `positions` (i32, relative to `origin`), `lengths` (i32) and `present` (u8, preset to 1).
 */
export function avroRows(
  program: usize,
  origin: usize,
  at: usize,
  end: usize,
  rows: u32,
  stride: u32,
  numbers: usize,
  positions: usize,
  lengths: usize,
  present: usize,
): i32 {
  let p = at
  for (let row: u32 = 0; row < rows; row++) {
    let pc = program
    for (;;) {
      const op = load<i32>(pc)
      if (op == SKIP_VARINTS) {
        let left = load<i32>(pc, 4)
        const limit = p + <usize>left * 10
        for (;;) {
          let ends = ~load<u64>(p) & TOPS
          const count = <i32>popcnt(ends)
          if (count < left) {
            left -= count
            p += 8
            if (p > end) return FAULT_END
            continue
          }
          while (--left > 0) ends &= ends - 1
          p += (<usize>ctz(ends) >> 3) + 1
          break
        }
        if (p > limit) return FAULT_VARINT
        pc += 8
      } else if (op == INT) {
        const slot = load<u32>(pc, 4)
        const first: u32 = load<u8>(p)
        let value: i64
        if (first < 0x80) {
          value = <i64>(first >> 1) ^ -<i64>(first & 1)
          p++
        } else {
          const length = varintLength(p)
          if (length > 10) return FAULT_VARINT
          if (length == 10 && load<u8>(p, 9) > 1) return FAULT_VARINT
          value = varintValue(p, length)
          p += length
        }
        store<f64>(numbers + (<usize>(slot * stride + row) << 3), <f64>value)
        pc += 8
      } else if (op == SKIP_BYTES || op == BYTES) {
        let length: u32 = load<u8>(p)
        if (length < 0x80) {
          if (length & 1) return FAULT_LENGTH
          length >>= 1
          p++
        } else {
          const width = varintLength(p)
          if (width > 10) return FAULT_VARINT
          const value = varintValue(p, width)
          if (value < 0 || value > 0x7fffffff) return FAULT_LENGTH
          length = <u32>value
          p += width
        }
        if (p > end) return FAULT_END
        if (length > <u32>(end - p)) return FAULT_LENGTH
        if (op == BYTES) {
          const entry = <usize>(load<u32>(pc, 4) * stride + row) << 2
          store<i32>(positions + entry, <i32>(p - origin))
          store<i32>(lengths + entry, length)
          pc += 4
        }
        p += length
        pc += 4
      } else if (op == END) {
        if (p > end) return FAULT_END
        break
      } else if (op == UNION) {
        const width = varintLength(p)
        if (width > 5) return FAULT_BRANCH
        const branch = varintValue(p, width)
        p += width
        if (p > end) return FAULT_END
        if (branch < 0 || branch >= <i64>load<i32>(pc, 4)) return FAULT_BRANCH
        pc = program + (<usize>load<u32>(pc + (<usize>branch << 2), 8) << 2)
        continue
      } else if (op == JUMP) {
        pc = program + (<usize>load<u32>(pc, 4) << 2)
        continue
      } else if (op == ABSENT) {
        store<u8>(present + load<u32>(pc, 4) * stride + row, 0)
        pc += 8
      } else if (op == SKIP_FIXED) {
        const size = load<u32>(pc, 4)
        if (p > end || size > <u32>(end - p)) return FAULT_END
        p += size
        pc += 8
      } else if (op == FIXED) {
        const entry = <usize>(load<u32>(pc, 4) * stride + row) << 2
        const size = load<u32>(pc, 8)
        if (p > end || size > <u32>(end - p)) return FAULT_END
        store<i32>(positions + entry, <i32>(p - origin))
        store<i32>(lengths + entry, size)
        p += size
        pc += 12
      } else if (op == BOOLEAN) {
        const byte = load<u8>(p++)
        if (byte > 1) return FAULT_BOOLEAN
        store<f64>(numbers + (<usize>(load<u32>(pc, 4) * stride + row) << 3), <f64>byte)
        pc += 8
      } else if (op == WIDE_INT) {
        store<i32>(positions + (<usize>(load<u32>(pc, 4) * stride + row) << 2), <i32>(p - origin))
        const width = varintLength(p)
        if (width > 10) return FAULT_VARINT
        p += width
        pc += 8
      } else return FAULT_REFUSED
      if (p > end) return FAULT_END
    }
  }
  return <i32>(p - at)
}
