import type { AddressArrays } from '../../flow/address.ts'
import type { Column, ColumnSpec, PrefixColumn, VariableColumn } from '../../flow/column.ts'
import { reserveBytes } from '../../flow/copy.ts'
import { NUMBER_RANGE } from '../../flow/value.ts'
import type { RowSlots } from '../../kernels/avro-program.ts'
import { corrupt } from './codec.ts'
import type { ColumnRead } from './program.ts'

/** Moves what `decodeRows` left in a slot into its column, checking every value against the column's type. Throws `corrupt`. */
export function fillColumn(
  column: Column,
  read: ColumnRead,
  slot: number,
  rows: number,
  plain: Uint8Array,
  slots: RowSlots,
): void {
  const base = slot * slots.stride
  const present = column.valid ? slots.present.subarray(base, base + rows) : undefined
  if (column.valid && present) column.valid.set(present)
  const numbers = slots.numbers.subarray(base, base + rows)
  const positions = slots.positions.subarray(base, base + rows)
  const lengths = slots.lengths.subarray(base, base + rows)
  if (present) clearAbsent(present, numbers, lengths)
  switch (column.type) {
    case 'address':
      fillAddresses(column, read.spec.name, rows, plain, positions, lengths)
      break
    case 'prefix':
      fillPrefixes(column, read.spec.name, rows, plain, positions, lengths)
      break
    case 'text':
    case 'bytes':
      fillVariable(column, rows, plain, positions, lengths)
      break
    case 'u64':
    case 'i64':
      fillWide(column.values, column.type === 'u64', read.spec.name, rows, plain, positions, present)
      break
    default:
      if (column.type === 'instant' && read.divisor > 1)
        toMilliseconds(numbers, read.divisor, rows, plain, positions, present)
      checkRange(numbers, rows, NUMBER_RANGE[column.type], read.spec)
      column.values.set(numbers)
  }
}

/** Rows without a value are 0, or empty. */
function clearAbsent(present: Uint8Array, numbers: Float64Array, lengths: Int32Array): void {
  for (let row = 0; row < present.length; row++) {
    if (present[row] === 0) {
      numbers[row] = 0
      lengths[row] = 0
    }
  }
}

function checkRange(
  numbers: Float64Array,
  rows: number,
  [min, max]: readonly [number, number],
  spec: ColumnSpec,
): void {
  for (let row = 0; row < rows; row++) {
    const value = numbers[row]!
    if (value < min || value > max) throw corrupt(`${spec.name} from ${min} to ${max}`, String(value))
  }
}

/** Microseconds by division, rounded down; nanoseconds, which numbers cannot hold, by way of their 64 bits. */
function toMilliseconds(
  numbers: Float64Array,
  divisor: number,
  rows: number,
  plain: Uint8Array,
  positions: Int32Array,
  present: Uint8Array | undefined,
): void {
  if (divisor <= 1_000) {
    for (let row = 0; row < rows; row++) numbers[row] = Math.floor(numbers[row]! / divisor)
    return
  }
  const wide = new BigInt64Array(rows)
  fillWide(wide, false, '', rows, plain, positions, present)
  const step = BigInt(divisor)
  for (let row = 0; row < rows; row++) {
    const value = wide[row]!
    numbers[row] = Number(value < 0n ? -((step - 1n - value) / step) : value / step)
  }
}

function fillAddresses(
  column: AddressArrays,
  name: string,
  rows: number,
  plain: Uint8Array,
  positions: Int32Array,
  lengths: Int32Array,
): void {
  const { family, v4, v6 } = column
  for (let row = 0; row < rows; row++) {
    const length = lengths[row]!
    const at = positions[row]!
    if (length === 4) {
      v4[row] = (plain[at]! << 24) | (plain[at + 1]! << 16) | (plain[at + 2]! << 8) | plain[at + 3]!
      if (family[row] === 6) v6.fill(0, row * 16, row * 16 + 16)
      family[row] = 4
    } else if (length === 16) {
      v4[row] = 0
      family[row] = 6
      for (let i = 0; i < 16; i++) v6[row * 16 + i] = plain[at + i]!
    } else if (length === 0) {
      v4[row] = 0
      if (family[row] === 6) v6.fill(0, row * 16, row * 16 + 16)
      family[row] = 0
    } else {
      throw corrupt(`${name} of 0, 4 or 16 bytes`, String(length))
    }
  }
}

function fillPrefixes(
  column: PrefixColumn,
  name: string,
  rows: number,
  plain: Uint8Array,
  positions: Int32Array,
  lengths: Int32Array,
): void {
  for (let row = 0; row < rows; row++) {
    const length = lengths[row]!
    if (length !== 0 && length !== 5 && length !== 17) throw corrupt(`${name} of 0, 5 or 17 bytes`, String(length))
    const bits = length === 0 ? 0 : plain[positions[row]! + length - 1]!
    const width = Math.max(0, length - 1) * 8
    if (bits > width || !hasZeroHostBits(plain, positions[row]!, bits, width)) {
      throw corrupt(`${name} of at most ${width} bits and zero host bits`, `${bits} bits`)
    }
    column.bits[row] = bits
    lengths[row] = width / 8
  }
  fillAddresses(column, name, rows, plain, positions, lengths)
}

function hasZeroHostBits(plain: Uint8Array, at: number, bits: number, width: number): boolean {
  for (let bit = bits; bit < width; bit = (bit | 7) + 1) {
    if ((plain[at + (bit >>> 3)]! & (0xff >>> (bit & 7))) !== 0) return false
  }
  return true
}

function fillVariable(
  column: VariableColumn,
  rows: number,
  plain: Uint8Array,
  positions: Int32Array,
  lengths: Int32Array,
): void {
  let total = 0
  for (let row = 0; row < rows; row++) total += lengths[row]!
  reserveBytes(column, 0, total)
  const { data, offsets } = column
  let to = 0
  for (let row = 0; row < rows; row++) {
    offsets[row] = to
    const from = positions[row]!
    const length = lengths[row]!
    for (let i = 0; i < length; i++) data[to + i] = plain[from + i]!
    to += length
  }
  offsets[rows] = to
}

/** Decodes 64-bit varints into the halves of a bigint array, without making a bigint. */
function fillWide(
  values: BigUint64Array | BigInt64Array,
  isUnsigned: boolean,
  name: string,
  rows: number,
  plain: Uint8Array,
  positions: Int32Array,
  present: Uint8Array | undefined,
): void {
  const halves = new Uint32Array(values.buffer, values.byteOffset, rows * 2)
  for (let row = 0; row < rows; row++) {
    halves[row * 2] = 0
    halves[row * 2 + 1] = 0
    if (present && present[row] === 0) continue
    let at = positions[row]!
    let low = 0
    let high = 0
    for (let shift = 0; ; shift += 7) {
      const byte = plain[at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high |= bits >>> 4
      } else high |= bits << (shift - 32)
      if (shift === 63 && byte > 1) throw corrupt('varints of at most 64 bits', 'a longer one')
      if (byte < 128) break
    }
    const sign = -(low & 1)
    halves[row * 2] = ((low >>> 1) | (high << 31)) ^ sign
    halves[row * 2 + 1] = (high >>> 1) ^ sign
    if (isUnsigned && sign !== 0) throw corrupt(`${name} of at least 0`, 'a negative number')
  }
}

/** Fills a column that the rows do not hold: its default, zero, empty, or absent when it can be. */
export function fillDefault(column: Column, spec: ColumnSpec, rows: number): void {
  if (spec.default === undefined || column.valid || !('values' in column)) return
  if (column.type === 'u64' || column.type === 'i64') column.values.fill(BigInt(spec.default), 0, rows)
  else column.values.fill(spec.default, 0, rows)
}
