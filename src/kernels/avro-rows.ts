import type { RowSlots } from './avro-program.ts'
import { FAULT, OP } from './avro-program.ts'

const MAX_DEPTH = 200
const POWER_27 = 2 ** 27
const POWER_55 = 2 ** 55

/**
 * Decodes `rows` rows from `position` and returns where they end, or a negative `FAULT`. `end` is the end of the plain bytes;
 * `rows` is at most the stride.
 */
export function decodeRows(
  program: Int32Array,
  bytes: Uint8Array,
  position: number,
  end: number,
  rows: number,
  slots: RowSlots,
): number {
  const { stride, numbers, positions, lengths, present } = slots
  let at = position
  for (let row = 0; row < rows; row++) {
    let pc = 0
    for (;;) {
      const op = program[pc]!
      if (op === OP.varints) {
        let left = program[pc + 1]!
        const wanted = program[pc + 2]!
        pc += 3
        for (let i = 0; i < wanted; i++, pc += 2) {
          const skip = program[pc]!
          at = skipVarints(bytes, at, end, skip)
          if (at < 0) return at
          numbers[program[pc + 1]! * stride + row] = intAt(bytes, at)
          at = intEnd
          if (at < 0) return at
          left -= skip + 1
        }
        at = skipVarints(bytes, at, end, left)
        if (at < 0) return at
      } else if (op === OP.skipBytes || op === OP.bytes) {
        // Lengths above 127 take the slow way round; addresses and most texts never do.
        let length = bytes[at++]!
        if (length < 128) {
          if ((length & 1) === 1) return FAULT.length
          length >>>= 1
        } else {
          length = lengthAt(bytes, at - 1, end)
          if (length < 0) return length
          at = skipVarint(bytes, at - 1, end)
        }
        if (length > end - at) return at > end ? FAULT.end : FAULT.length
        if (op === OP.bytes) {
          const entry = program[pc + 1]! * stride + row
          positions[entry] = at
          lengths[entry] = length
          pc++
        }
        at += length
        pc++
      } else if (op === OP.union) {
        const branches = program[pc + 1]!
        const byte = bytes[at++]!
        let branch = byte >>> 1
        if (byte >= 128) {
          branch = lengthAt(bytes, at - 1, end)
          at = skipVarint(bytes, at - 1, end)
          if (at < 0) return at
        } else if ((byte & 1) === 1) {
          return FAULT.branch
        }
        if (at > end || branch < 0 || branch >= branches) return at > end ? FAULT.end : FAULT.branch
        pc = program[pc + 2 + branch]!
      } else if (op === OP.jump) {
        pc = program[pc + 1]!
      } else if (op === OP.absent) {
        present[program[pc + 1]! * stride + row] = 0
        pc += 2
      } else if (op === OP.skipFixed) {
        at += program[pc + 1]!
        pc += 2
      } else if (op === OP.fixed) {
        const entry = program[pc + 1]! * stride + row
        positions[entry] = at
        lengths[entry] = program[pc + 2]!
        at += program[pc + 2]!
        pc += 3
      } else if (op === OP.boolean) {
        const byte = bytes[at++]!
        if (byte > 1) return FAULT.boolean
        numbers[program[pc + 1]! * stride + row] = byte
        pc += 2
      } else if (op === OP.wideInt) {
        positions[program[pc + 1]! * stride + row] = at
        at = skipVarint(bytes, at, end)
        if (at < 0) return at
        pc += 2
      } else if (op === OP.end) {
        break
      } else if (op === OP.refuse) {
        return FAULT.refused
      } else {
        at = skipNested(program, pc, bytes, at, end, 0)
        if (at < 0) return at
        pc += op === OP.call ? 2 : 3
      }
      if (at > end) return FAULT.end
    }
  }
  return at
}

/** Position after `count` varints, which are ten bytes long on average at most; a fault when they are longer. */
function skipVarints(bytes: Uint8Array, from: number, end: number, count: number): number {
  let at = from
  for (let left = count; left > 0; ) if (bytes[at++]! < 128 || at > end) left--
  return at > from + count * 10 ? FAULT.varint : at
}

/** Where the varint that `intAt` read ends, or a fault. */
let intEnd = 0

/** The value of a varint; rounded beyond 2^53. */
function intAt(bytes: Uint8Array, from: number): number {
  let at = from
  let byte = bytes[at++]!
  let low = byte & 0x7f
  for (let shift = 7; byte >= 128 && shift < 28; shift += 7) {
    byte = bytes[at++]!
    low |= (byte & 0x7f) << shift
  }
  intEnd = at
  if (byte < 128) return (low >>> 1) ^ -(low & 1)
  let high = 0
  for (let shift = 0; byte >= 128 && shift < 28; shift += 7) {
    byte = bytes[at++]!
    high |= (byte & 0x7f) << shift
  }
  let value = (low >>> 1) + high * POWER_27
  if (byte >= 128) {
    byte = bytes[at++]!
    value += (byte & 0x7f) * POWER_55
  }
  if (byte >= 128) {
    byte = bytes[at++]!
    if (byte > 1) at = FAULT.varint
    else value += byte * POWER_55 * 128
  }
  intEnd = at
  return (low & 1) === 1 ? -value - 1 : value
}

/** Runs the one `call` or `skipArray` at `pc` and returns the position after it. */
function skipNested(
  program: Int32Array,
  pc: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  depth: number,
): number {
  if (depth > MAX_DEPTH) return FAULT.depth
  return program[pc] === OP.call
    ? skipCalled(program, program[pc + 1]!, bytes, at, end, depth)
    : skipArray(program, pc, bytes, at, end, depth)
}

/** Runs a program that only skips, up to its end. */
function skipCalled(
  program: Int32Array,
  start: number,
  bytes: Uint8Array,
  from: number,
  end: number,
  depth: number,
): number {
  let pc = start
  let at = from
  for (;;) {
    switch (program[pc]) {
      case OP.end:
        return at
      case OP.varints:
        for (let left = program[pc + 1]!; left > 0; left--) {
          at = skipVarint(bytes, at, end)
          if (at < 0) return at
        }
        pc += 3
        break
      case OP.skipBytes: {
        const length = lengthAt(bytes, at, end)
        if (length < 0) return length
        at = skipVarint(bytes, at, end) + length
        pc++
        break
      }
      case OP.skipFixed:
        at += program[pc + 1]!
        pc += 2
        break
      case OP.union: {
        const branch = lengthAt(bytes, at, end)
        if (branch < 0 || branch >= program[pc + 1]!) return branch === FAULT.end ? branch : FAULT.branch
        at = skipVarint(bytes, at, end)
        pc = program[pc + 2 + branch]!
        break
      }
      case OP.jump:
        pc = program[pc + 1]!
        break
      default:
        at = skipNested(program, pc, bytes, at, end, depth + 1)
        if (at < 0) return at
        pc += program[pc] === OP.call ? 2 : 3
    }
    if (at > end) return FAULT.end
  }
}

/** Array blocks: a count and that many items, or a negative count, the bytes they take, and the items; a count of 0 ends the array. */
function skipArray(
  program: Int32Array,
  pc: number,
  bytes: Uint8Array,
  from: number,
  end: number,
  depth: number,
): number {
  const itemSize = program[pc + 2]!
  let at = from
  for (;;) {
    const count = wideValue(bytes, at, end)
    at = skipVarint(bytes, at, end)
    if (at < 0) return at
    if (count === 0) return at
    if (count < 0) {
      const size = lengthAt(bytes, at, end)
      if (size < 0) return size
      at = skipVarint(bytes, at, end) + size
    } else if (itemSize >= 0) {
      at += count * itemSize
    } else {
      // Items whose size varies take a byte each at least.
      if (count > end - at) return FAULT.end
      for (let i = 0; i < count; i++) {
        at = skipCalled(program, program[pc + 1]!, bytes, at, end, depth)
        if (at < 0) return at
      }
    }
    if (at > end) return FAULT.end
  }
}

/** The position after a varint. */
function skipVarint(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at]! >= 128) at++
  if (at >= end) return FAULT.end
  return at - from >= 10 ? FAULT.varint : at + 1
}

/** A varint that says how many bytes or which branch follow: 0 .. 2^31-1, else a fault. */
function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  const after = skipVarint(bytes, at, end)
  if (after < 0) return after
  const value = wideValue(bytes, at, end)
  return value < 0 || value > 0x7fffffff ? FAULT.length : value
}

/** The value of a varint that ends before `end`; rounded beyond 2^53. */
function wideValue(bytes: Uint8Array, from: number, end: number): number {
  let value = 0
  let scale = 1
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    value += (byte & 0x7f) * scale
    if (byte < 128) break
    scale *= 128
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
