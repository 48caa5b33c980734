// Walks Avro rows and picks out the wanted fields: the kernel of src/kernels/avro-rows.ts, same operations, same faults. It is one loop
// and longer than other files because a call per field would cost more than the field. Programs with nested values stay with the twin.
//
// Each field begins where the one before ends, so a row costs the longest chain of lengths. Of a run of varints the ends are found in one look at 64 bytes, wanted or not; lengths of addresses are told apart by
// branches, which are predicted. The caller leaves ROW_SLACK zero bytes behind the rows, so a read past the end ends there and is noticed at the next check.

const END: i32 = 0
const VARINTS: i32 = 1
const SKIP_BYTES: i32 = 2
const SKIP_FIXED: i32 = 3
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
const FAULT_VALUE: i32 = -8

/** Where a slot is written: `[kind][at][family at][v6 at]` as words, then the least value and the span of values that are allowed, 64 bits each. */
const TARGET: usize = 32
const PLACE: u32 = 0
const ADDRESS: u32 = 1
const U8: u32 = 2
const U16: u32 = 3
const U32: u32 = 4

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

/** Whether each of the 64 bytes at `p` ends a varint, a bit for each. */
// @ts-ignore: decorator
@inline
function endsOf(p: usize): u64 {
  const low = <u64>(<u32>i8x16.bitmask(v128.load(p)) | (<u32>i8x16.bitmask(v128.load(p, 16)) << 16))
  const high = <u64>(<u32>i8x16.bitmask(v128.load(p, 32)) | (<u32>i8x16.bitmask(v128.load(p, 48)) << 16))
  return ~(low | (high << 32))
}

/** Stores a number in its column; false when it is out of range. */
// @ts-ignore: decorator
@inline
function put(target: usize, row: u32, value: i64): bool {
  if (<u64>(value - load<i64>(target, 16)) > load<u64>(target, 24)) return false
  const kind = load<u32>(target)
  const at = <usize>load<u32>(target, 4)
  if (kind == PLACE) store<f64>(at + (<usize>row << 3), <f64>value)
  else if (kind == U16) store<u16>(at + (<usize>row << 1), <u16>value)
  else if (kind == U8) store<u8>(at + row, <u8>value)
  else store<u32>(at + (<usize>row << 2), <u32>value)
  return true
}

/** Stores bytes as an address, or where they begin; false when they are no address. */
// @ts-ignore: decorator
@inline
function putBytes(target: usize, row: u32, p: usize, length: u32, origin: usize): bool {
  const at = <usize>load<u32>(target, 4) + (<usize>row << 2)
  const other = <usize>load<u32>(target, 8)
  if (load<u32>(target) == PLACE) {
    store<i32>(at, <i32>(p - origin))
    store<i32>(other + (<usize>row << 2), length)
    return true
  }
  const family = other + row
  const v6 = <usize>load<u32>(target, 12) + (<usize>row << 4)
  if (length == 4) store<u32>(at, bswap<u32>(load<u32>(p)))
  else store<u32>(at, 0)
  if (length == 16) v128.store(v6, v128.load(p))
  else if (load<u8>(family) == 6) v128.store(v6, v128.splat<u64>(0))
  if (length == 4) store<u8>(family, 4)
  else if (length == 0) store<u8>(family, 0)
  else if (length == 16) store<u8>(family, 6)
  else return false
  return true
}

let fault: i32 = 0

/**
 * Walks a run of varints at `p`, the operation at `pc`: `[n][wanted]`, then for each wanted how many to skip before it, and its slot. Returns where the run ends and leaves a fault; reads no window
 * beyond `end`.
 */
// @ts-ignore: decorator
@inline
function walkVarints(pc: usize, p: usize, end: usize, row: u32, targets: usize): usize {
  let left = load<u32>(pc, 4)
  let wanted = load<u32>(pc, 8)
  let operands = pc + 12
  let base = p
  let start: usize = 0
  let ends = endsOf(p)
  for (;;) {
    let skip = wanted ? load<u32>(operands) : left
    left -= skip + 1
    if (skip > 0) {
      const limit = base + start + <usize>skip * 10
      for (;;) {
        const held = <u32>popcnt(ends)
        if (skip <= held) {
          while (--skip > 0) ends &= ends - 1
          start = <usize>ctz(ends) + 1
          ends &= ends - 1
          break
        }
        if (held > 0) {
          skip -= held
          base += 64 - <usize>clz(ends)
        } else if (start > 0) base += start
        else {
          while (base < end && load<u8>(base) >= 128) base++
          base++
          skip--
        }
        start = 0
        if (base > end) {
          fault = FAULT_END
          return base
        }
        ends = endsOf(base)
        if (skip == 0) break
      }
      if (base + start > limit) fault = FAULT_VARINT
    }
    if (wanted == 0) break
    if (ends == 0 && start > 0) {
      base += start
      start = 0
      if (base > end) {
        fault = FAULT_END
        return base
      }
      ends = endsOf(base)
    }
    const at = base + start
    const length = <u32>ctz(ends) + 1 - <u32>start
    if (length > 10 || (length == 10 && load<u8>(at, 9) > 1)) {
      fault = FAULT_VARINT
      return at
    }
    if (!put(targets + <usize>load<u32>(operands, 4) * TARGET, row, varintValue(at, length))) fault = FAULT_VALUE
    start += length
    ends &= ends - 1
    operands += 8
    if (--wanted == 0 && left == 0) break
  }
  return base + start
}

/**
 * Decodes rows from `first` up to `rows`, that begin at `at` and end before `end`; returns where they end, relative to `at`, or a fault. `targets` says where slots are written: the columns themselves, or doubles and places (relative to
 * `origin`) with lengths, to be looked at further. The byte `s * stride + i` of `present`, preset to 1, is set to 0 when row `i` has no value for slot `s`.
 */
export function avroRows(
  program: usize,
  origin: usize,
  at: usize,
  end: usize,
  first: u32,
  rows: u32,
  targets: usize,
  stride: u32,
  present: usize,
): i32 {
  let p = at
  fault = 0
  for (let row = first; row < rows; row++) {
    let pc = program
    for (;;) {
      const op = load<i32>(pc)
      if (op == VARINTS) {
        const wanted = load<u32>(pc, 8)
        if (wanted == 0 && load<u32>(pc, 4) == 1 && load<u8>(p) < 0x80) p++
        else {
          p = walkVarints(pc, p, end, row, targets)
          if (fault) return fault
        }
        pc += 12 + (<usize>wanted << 3)
      } else if (op == SKIP_BYTES || op == BYTES) {
        let length: u32 = load<u8>(p)
        if (length == 8) {
          // An IPv4 address: a branch that is predicted, so that the next field need not wait for the length.
          length = 4
          p++
        } else if (length == 0) p++
        else if (length < 0x80) {
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
          if (!putBytes(targets + <usize>load<u32>(pc, 4) * TARGET, row, p, length, origin)) return FAULT_VALUE
          pc += 4
        }
        if (length == 4) p += 4
        else p += length
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
        const size = load<u32>(pc, 8)
        if (p > end || size > <u32>(end - p)) return FAULT_END
        if (!putBytes(targets + <usize>load<u32>(pc, 4) * TARGET, row, p, size, origin)) return FAULT_VALUE
        p += size
        pc += 12
      } else if (op == BOOLEAN) {
        const byte = load<u8>(p++)
        if (byte > 1) return FAULT_BOOLEAN
        if (!put(targets + <usize>load<u32>(pc, 4) * TARGET, row, byte)) return FAULT_VALUE
        pc += 8
      } else if (op == WIDE_INT) {
        store<i32>(<usize>load<u32>(targets + <usize>load<u32>(pc, 4) * TARGET, 4) + (<usize>row << 2), <i32>(p - origin))
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
