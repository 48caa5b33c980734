import { isUtf8 } from 'node:buffer'
import { writeAddress } from '../../flow/address.ts'
import type { AddressColumn, Column, NumericColumn, VariableColumn } from '../../flow/column.ts'
import { appendBytes } from '../../flow/value.ts'
import { findElement } from './elements.ts'
import { readBigUnsigned, readUnsigned } from './numbers.ts'
import type { DecoderOptions, ElementDefinition, ElementType } from './options.ts'
import { ntpMs } from './times.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** An element kept in a column of its own. */
export interface Extra {
  readonly element: ElementDefinition
  /** Belongs to neither way of a biflow, so that both halves have it. */
  readonly bothWays: boolean
}

const ONE_WAY = /source|destination|src|dst|ingress|egress|initiator|responder|post|pre/i

/** The extra elements that the options ask for. Throws DecodeError on a name unknown. */
export function findExtras({ elements = [], definitions = [] }: DecoderOptions): Extra[] {
  return elements.map((name) => {
    const element = findElement(name, definitions)
    return { element, bothWays: element.unit === undefined && !ONE_WAY.test(name) }
  })
}

/** Marks rows [from, to) of a nullable column as absent. */
export function clearExtra(column: Column, from: number, to: number): void {
  column.valid?.fill(0, from, to)
  switch (column.type) {
    case 'text':
    case 'bytes':
      column.offsets.fill(column.offsets[from]!, from + 1, to + 1)
      break
    case 'address':
    case 'prefix':
      column.family.fill(0, from, to)
      column.v4.fill(0, from, to)
      column.v6.fill(0, from * 16, to * 16)
      break
    case 'u64':
    case 'i64':
      column.values.fill(0n, from, to)
      break
    default:
      column.values.fill(0, from, to)
  }
}

/** Writes one value of an extra element into its row, or marks the row as absent when the value is empty, does not fit or is over `limit` octets. */
export function writeExtra(
  column: Column,
  kind: ElementType,
  row: number,
  { bytes, view }: { bytes: Uint8Array; view: DataView },
  at: number,
  length: number,
  limit: number,
): void {
  clearExtra(column, row, row + 1)
  if (length === 0) return
  let known = false
  switch (column.type) {
    case 'text':
      known = length <= limit && append(column, row, textBytes(bytes, view, at, length, kind))
      break
    case 'bytes':
      known = length <= limit && append(column, row, bytes.subarray(at, at + length))
      break
    case 'address':
      known = writeAddressValue(column, row, bytes, at, length)
      break
    case 'u64':
    case 'i64':
      known = writeBig(column, row, bytes, at, length)
      break
    case 'prefix':
      break
    default:
      known = writeNumber(column, kind, row, bytes, view, at, length)
  }
  if (known && column.valid) column.valid[row] = 1
}

function append(column: VariableColumn, row: number, value: Uint8Array): boolean {
  appendBytes(column, row, value)
  return true
}

/** Octets as UTF-8 text: strings without the zeros that pad a fixed length and with broken UTF-8 replaced, MAC addresses, floats. */
function textBytes(bytes: Uint8Array, view: DataView, at: number, length: number, kind: ElementType): Uint8Array {
  if (kind === 'macAddress') return encoder.encode(hexPairs(bytes, at, length))
  if (kind !== 'string') return encoder.encode(floatText(view, at, length))
  let end = at + length
  while (end > at && bytes[end - 1] === 0) end--
  const text = bytes.subarray(at, end)
  return isUtf8(text) ? text : encoder.encode(decoder.decode(text))
}

function hexPairs(bytes: Uint8Array, at: number, length: number): string {
  return Array.from(bytes.subarray(at, at + length), (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

function floatText(view: DataView, at: number, length: number): string {
  if (length === 8) return String(view.getFloat64(at))
  return length === 4 ? String(view.getFloat32(at)) : ''
}

function writeAddressValue(column: AddressColumn, row: number, bytes: Uint8Array, at: number, length: number): boolean {
  if (length !== 4 && length !== 16) return false
  writeAddress(column, row, bytes, at, length)
  return true
}

function writeBig(
  column: NumericColumn<'u64'> | NumericColumn<'i64'>,
  row: number,
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  const value = readBigUnsigned(bytes, at, length)
  const fits = length <= 8 || value < 1n << 64n
  if (fits) column.values[row] = column.type === 'i64' ? BigInt.asIntN(8 * Math.min(length, 8), value) : value
  return fits
}

/** Numbers of up to 53 bits, instants and booleans (1 is true, 2 is false: RFC 7011 section 6.1.5). */
function writeNumber(
  column: Extract<Column, { values: unknown }>,
  kind: ElementType,
  row: number,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
): boolean {
  const raw = readUnsigned(bytes, at, length)
  let value: number
  switch (kind) {
    case 'boolean':
      value = raw === 1 ? 1 : 0
      if (raw !== 1 && raw !== 2) return false
      break
    case 'signed8':
    case 'signed16':
    case 'signed32':
      value = bytes[at]! >= 128 ? raw - 256 ** length : raw
      break
    case 'dateTimeSeconds':
      value = raw * 1000
      break
    case 'dateTimeMicroseconds':
    case 'dateTimeNanoseconds':
      if (length !== 8) return false
      value = ntpMs(view, at, kind === 'dateTimeMicroseconds')
      break
    default:
      value = raw
  }
  if (!Number.isSafeInteger(value)) return false
  column.values[row] = value
  return column.values[row] === value
}
