import type { Column, NumericColumn } from '../../flow/column.ts'
import { StorageError } from '../errors.ts'

/** Zig-zag varints of numbers and of 64-bit columns, without a bigint. */

/**
 * The size of the varint that all numbers share, or 0 after adding the size of each to `lengths`. Most columns of a batch share one: ports and counters
 * apart, values are small or of one magnitude. Throws `bad-format` when one is no integer from `min` to `max`.
 */
export function measureNumbers(
  name: string,
  min: number,
  max: number,
  numbers: Float64Array,
  rows: number,
  lengths: Int32Array,
  present?: Uint8Array,
): number {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const value = numbers[row]!
    if (!(value >= min && value <= max && Math.floor(value) === value)) throw outOfRange(name, min, max, value)
    if (value < low) low = value
    if (value > high) high = value
  }
  if (present === undefined && low >= 0 && numberSize(low) === numberSize(high)) return numberSize(low)
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const value = numbers[row]!
    lengths[row]! += numberSize(value < 0 ? -value - 1 : value)
  }
  return 0
}

function outOfRange(name: string, min: number | bigint, max: number | bigint, got: number | bigint): StorageError {
  return new StorageError('bad-format', `storage: ${name} expected an integer from ${min} to ${max}, got ${got}`)
}

/** Bytes of the varint of a value, given as itself, or as -value-1 when negative. */
function numberSize(magnitude: number): number {
  if (magnitude < 64) return 1
  if (magnitude < 8_192) return 2
  if (magnitude < 1_048_576) return 3
  if (magnitude < 134_217_728) return 4
  if (magnitude < 17_179_869_184) return 5
  if (magnitude < 2_199_023_255_552) return 6
  return magnitude < 281_474_976_710_656 ? 7 : 8
}

/** Writes numbers that take one byte each. */
export function writeSmall(numbers: Float64Array, rows: number, bytes: Uint8Array, positions: Int32Array): void {
  for (let row = 0; row < rows; row++) bytes[positions[row]!++] = numbers[row]! * 2
}

/** Writes the varints of numbers that `measureNumbers` has checked. */
export function writeNumbers(
  numbers: Float64Array,
  rows: number,
  bytes: Uint8Array,
  positions: Int32Array,
  present?: Uint8Array,
): void {
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const value = numbers[row]!
    const sign = value < 0 ? 1 : 0
    let rest = sign === 1 ? -value - 1 : value
    let at = positions[row]!
    // Six bits and the sign first; of what is left, at most 47 bits, all but the last 31 by division.
    const low = rest & 63
    const head = (low << 1) | sign
    rest = rest < 0x80000000 ? rest >>> 6 : Math.floor(rest / 64)
    if (rest === 0) {
      bytes[at++] = head
    } else {
      bytes[at++] = head | 0x80
      while (rest >= 0x80000000) {
        bytes[at++] = (rest & 0x7f) | 0x80
        rest = Math.floor(rest / 128)
      }
      while (rest >= 128) {
        bytes[at++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      bytes[at++] = rest
    }
    positions[row] = at
  }
}

/** Adds the size of each 64-bit value's varint to `lengths`; there is no common size. Throws `bad-format` for a u64 above 2^63-1, which an Avro long cannot hold. */
export function measureWide(
  name: string,
  column: Column,
  from: number,
  rows: number,
  lengths: Int32Array,
  present?: Uint8Array,
): number {
  const halves = halvesOf(column, from, rows)
  const isUnsigned = column.type === 'u64'
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const high = halves[row * 2 + 1]!
    if (isUnsigned && high >= 0x80000000) {
      throw outOfRange(name, 0, 2n ** 63n - 1n, (column as NumericColumn<'u64'>).values[from + row]!)
    }
    const sign = high >> 31
    lengths[row]! += wideSize((halves[row * 2]! ^ sign) >>> 0, (high ^ sign) >>> 0)
  }
  return 0
}

/** Bytes of a varint from the halves of the value, inverted when negative. */
function wideSize(low: number, high: number): number {
  if (high < 0x10000) return numberSize(high * 4_294_967_296 + low)
  const bits = 32 + (32 - Math.clz32(high)) + 1
  return Math.ceil(bits / 7)
}

export function writeWide(
  column: Column,
  from: number,
  rows: number,
  bytes: Uint8Array,
  positions: Int32Array,
  present?: Uint8Array,
): void {
  const halves = halvesOf(column, from, rows)
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && present[row] === 0) continue
    const sign = halves[row * 2 + 1]! >> 31
    let low = ((halves[row * 2]! << 1) ^ sign) >>> 0
    let high = (((halves[row * 2 + 1]! << 1) | (halves[row * 2]! >>> 31)) ^ sign) >>> 0
    let at = positions[row]!
    while (high !== 0 || low >= 128) {
      bytes[at++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    bytes[at++] = low
    positions[row] = at
  }
}

/** The low and high 32 bits of each row's value. */
function halvesOf(column: Column, from: number, rows: number): Uint32Array {
  const { values } = column as NumericColumn<'u64' | 'i64'>
  return new Uint32Array(values.buffer, values.byteOffset + from * 8, rows * 2)
}
