import { formatAddress, parseAddressExact, writeAddress } from './address.ts'
import type { Column, NumericType, VariableColumn } from './column.ts'
import { reserveBytes } from './copy.ts'
import { FlowError } from './errors.ts'
import { formatPrefix, parsePrefix, writePrefix } from './prefix.ts'
import { formatInstant, MAX_INSTANT, parseInstant } from './time.ts'

/** A value outside its column. Addresses, prefixes, instants are text; `bytes` is lower-case hexadecimal; durations are milliseconds; null is absent. */
export type Value = number | bigint | string | boolean | null

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The value of one row, for output and tests; not for hot loops. An address or prefix column without one gives null. */
export function valueAt(column: Column, row: number): Value {
  if (column.valid && column.valid[row] === 0) return null
  switch (column.type) {
    case 'address':
      return formatAddress(column, row) || null
    case 'prefix':
      return formatPrefix(column, row) || null
    case 'text':
      return decoder.decode(variableBytes(column, row))
    case 'bytes':
      return Buffer.from(variableBytes(column, row)).toString('hex')
    case 'instant':
      return instantValue(column.values[row]!)
    case 'boolean':
      return column.values[row] !== 0
    default:
      return column.values[row]!
  }
}

/** Text for what a date can be; the bare number for an exported time beyond that. */
function instantValue(ms: number): string | number {
  return Math.abs(ms) <= MAX_INSTANT ? formatInstant(ms) : ms
}

/** The bytes of one row of a `text` or `bytes` column; a view, not a copy. */
export function variableBytes(column: VariableColumn, row: number): Uint8Array {
  return column.data.subarray(column.offsets[row]!, column.offsets[row + 1]!)
}

/**
 * Stores a value as `valueAt` gives it. Rows of `text` and `bytes` columns are filled in order, each once, because a row starts where the one before ends.
 * Throws `bad-value` when it does not fit the type, and for null in a column that must have values.
 */
export function setValue(column: Column, row: number, value: Value): void {
  if (column.valid) column.valid[row] = value === null ? 0 : 1
  switch (column.type) {
    case 'address':
      writeAddress(column, row, value === null ? NO_BYTES : parseAddressExact(expectText(column.type, value)))
      break
    case 'prefix':
      writePrefix(column, row, value === null ? undefined : parsePrefix(expectText(column.type, value)))
      break
    case 'text':
      appendBytes(column, row, value === null ? absentBytes(column) : encoder.encode(expectText('text', value)))
      break
    case 'bytes':
      appendBytes(column, row, value === null ? absentBytes(column) : parseHex(value))
      break
    case 'u64':
    case 'i64':
      column.values[row] = value === null ? absentNumber(column, 0n) : expectBigint(column.type, value)
      break
    default:
      column.values[row] = value === null ? absentNumber(column, 0) : expectNumber(column.type, value)
  }
}

const NO_BYTES = new Uint8Array(0)

/** Appends the bytes of the next row of a `text` or `bytes` column, growing its data when needed. */
export function appendBytes(column: VariableColumn, row: number, bytes: Uint8Array): void {
  const from = column.offsets[row]!
  const to = from + bytes.length
  reserveBytes(column, from, to)
  column.data.set(bytes, from)
  column.offsets[row + 1] = to
}

function absentBytes(column: VariableColumn): Uint8Array {
  if (!column.valid) throw bad(column.type, null)
  return NO_BYTES
}

function absentNumber<T>(column: { readonly type: string; readonly valid?: Uint8Array }, zero: T): T {
  if (!column.valid) throw bad(column.type, null)
  return zero
}

function parseHex(value: Value): Uint8Array {
  const text = expectText('bytes', value)
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw bad('hexadecimal', value)
  return Buffer.from(text, 'hex')
}

function expectText(type: string, value: Value): string {
  if (typeof value !== 'string') throw bad(type, value)
  return value
}

function expectBigint(type: 'u64' | 'i64', value: Value): bigint {
  const wide = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  const fits =
    typeof wide === 'bigint' && (type === 'u64' ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, wide)) === wide
  if (!fits) throw bad(type, value)
  return wide
}

/** Smallest and largest value of each type held in numbers. */
export const NUMBER_RANGE: { readonly [T in Exclude<NumericType, 'u64' | 'i64'>]: readonly [number, number] } = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffffffff],
  u53: [0, Number.MAX_SAFE_INTEGER],
  i53: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  instant: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  duration: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  boolean: [0, 1],
}

function expectNumber(type: keyof typeof NUMBER_RANGE, value: Value): number {
  if (type === 'boolean' && typeof value === 'boolean') return value ? 1 : 0
  if (type === 'instant' && typeof value === 'string') return parseInstant(value)
  const number = typeof value === 'bigint' ? Number(value) : value
  const [min, max] = NUMBER_RANGE[type]
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) throw bad(type, value)
  return number
}

function bad(type: string, value: Value): FlowError {
  const got = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return new FlowError('bad-value', `flow: value expected ${type}, got ${got}`, { type })
}
