import type { Column, ColumnType, VariableColumn } from '../../flow/column.ts'
import { formatPrefix, parsePrefix, writePrefix } from '../../flow/prefix.ts'
import { appendBytes, NUMBER_RANGE, variableBytes } from '../../flow/value.ts'
import type { AddressTable } from '../../vocabulary/address-table.ts'
import { FIRST_HANDLE } from '../../vocabulary/address-table.ts'
import { JobError } from '../../vocabulary/error.ts'
import { show } from './check.ts'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The value of one row as user code sees it (`ValueOf`); null where it is absent. Not for hot loops. */
export function readCell(column: Column, row: number, addresses: AddressTable): unknown {
  if (column.valid && column.valid[row] === 0) return null
  switch (column.type) {
    case 'address': {
      const family = column.family[row]
      return family === 4 ? column.v4[row] : family === 6 ? addresses.internBytes(column.v6, row * 16) : -1
    }
    case 'prefix':
      return formatPrefix(column, row)
    case 'text':
      return readText(column, row)
    case 'bytes':
      return variableBytes(column, row).slice()
    case 'boolean':
      return column.values[row] !== 0
    default:
      return column.values[row]
  }
}

/** Stores what user code gives for a column (`EmitOf`) as row `row`; throws for a value that does not fit. Rows are written in order. */
export function writeCell(column: Column, row: number, value: unknown, addresses: AddressTable, name: string): void {
  switch (column.type) {
    case 'address':
      writeAddressCell(column, row, value, addresses, name)
      break
    case 'prefix':
      writePrefixCell(column, row, value, name)
      break
    case 'text':
    case 'bytes':
      writeVariableCell(column, row, value, name)
      break
    case 'u64':
    case 'i64':
      column.values[row] = bigintOf(column.type, value, name)
      break
    case 'boolean':
      if (typeof value !== 'boolean') throw badValue('boolean', value, name)
      column.values[row] = value ? 1 : 0
      break
    default: {
      const [low, high] = NUMBER_RANGE[column.type]
      if (!(typeof value === 'number' && value >= low && value <= high && Math.floor(value) === value))
        throw badValue(column.type, value, name)
      // Zero without a sign: -0 would have other bytes.
      column.values[row] = value + 0
    }
  }
}

export function readText(column: VariableColumn, row: number): string {
  return decoder.decode(variableBytes(column, row))
}

/** Stores text or bytes as the next row. */
export function writeVariableCell(column: VariableColumn, row: number, value: unknown, name: string): void {
  if (column.type === 'text' && typeof value === 'string') appendBytes(column, row, encoder.encode(value))
  else if (column.type === 'bytes' && value instanceof Uint8Array) appendBytes(column, row, value)
  else throw badValue(column.type, value, name)
}

/** Stores a prefix in CIDR text; empty text is none. */
export function writePrefixCell(
  column: Extract<Column, { type: 'prefix' }>,
  row: number,
  value: unknown,
  name: string,
): void {
  if (typeof value !== 'string') throw badValue('prefix', value, name)
  try {
    writePrefix(column, row, value === '' ? undefined : parsePrefix(value))
  } catch (error) {
    throw badValue('prefix', value, name, error)
  }
}

/** Stores an IPv4 value, a handle, or -1. */
export function writeAddressCell(
  column: Extract<Column, { type: 'address' }>,
  row: number,
  value: unknown,
  addresses: AddressTable,
  name: string,
): void {
  if (!(typeof value === 'number' && value >= -1 && Math.floor(value) === value)) throw badValue('address', value, name)
  const isHandle = value >= FIRST_HANDLE
  column.family[row] = isHandle ? 6 : value < 0 ? 0 : 4
  column.v4[row] = isHandle || value < 0 ? 0 : value
  if (isHandle) addresses.copyTo(value, column.v6, row * 16)
  else column.v6.fill(0, row * 16, row * 16 + 16)
}

/** A value of a 64-bit column as a bigint; safe integers are taken too. */
export function bigintOf(type: 'u64' | 'i64', value: unknown, name: string): bigint {
  const wide = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  const fits =
    typeof wide === 'bigint' && (type === 'u64' ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, wide)) === wide
  if (!fits) throw badValue(type, value, name)
  return wide
}

const EXPECTED: { readonly [T in ColumnType]: string } = {
  u8: 'a whole number 0..255',
  u16: 'a whole number 0..65535',
  u32: 'a whole number 0..4294967295',
  u53: 'a whole number 0..9007199254740991',
  i53: 'a whole number within 9007199254740991 of 0',
  u64: 'a bigint or safe integer 0..2^64-1',
  i64: 'a bigint or safe integer -2^63..2^63-1',
  instant: 'an instant in whole milliseconds',
  duration: 'a duration in whole milliseconds',
  boolean: 'true or false',
  address: 'an address',
  prefix: 'a prefix such as 10.0.0.0/8',
  text: 'text',
  bytes: 'a Uint8Array',
}

/** `name` says what was given, as in `emit key port`. */
export function badValue(type: ColumnType, value: unknown, name: string, cause?: unknown): JobError {
  const got = typeof value === 'bigint' ? `${value}n` : show(value)
  return new JobError('bad-emit', `${name}: expected ${EXPECTED[type]}, got ${got}`, { type }, cause)
}
