import type { Batch } from '../../src/flow/batch.ts'
import { COLUMN_TYPES, type Column, type ColumnSpec, type ColumnType } from '../../src/flow/column.ts'
import { fc } from './fast-check.ts'

/** Values of rows in tests: addresses as byte arrays (0, 4 or 16 long), prefixes as address bytes and bits, text and bytes as strings of bytes. */
export type TestValue = number | bigint | boolean | string | null | readonly number[]

const octets = (length: number) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length })
const addresses = fc.oneof(fc.constant([]), octets(4), octets(4), octets(16))
const signed = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.maxSafeInteger())

const VALUES: { readonly [T in ColumnType]: fc.Arbitrary<TestValue> } = {
  u8: fc.integer({ min: 0, max: 255 }),
  u16: fc.integer({ min: 0, max: 65535 }),
  u32: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 0xffffffff })),
  u53: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.maxSafeNat()),
  i53: signed,
  u64: fc.oneof(fc.bigInt(0n, 4n), fc.bigInt(0n, 2n ** 64n - 1n)),
  i64: fc.oneof(fc.bigInt(-4n, 4n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  instant: signed,
  duration: signed,
  boolean: fc.boolean(),
  address: addresses,
  prefix: fc.tuple(addresses, fc.integer({ min: 0, max: 32 })).map(([address, bits]) => [...address, bits]),
  text: fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\u00ff', '\u0001'), maxLength: 6 }),
  bytes: fc.string({ unit: fc.constantFrom('a', '\0', '\u007f'), maxLength: 6 }),
}

/** Schemas of one to four columns of any type. */
export const specsArbitrary: fc.Arbitrary<readonly ColumnSpec[]> = fc
  .array(fc.tuple(fc.constantFrom(...COLUMN_TYPES), fc.boolean()), { minLength: 1, maxLength: 4 })
  .map((types) => types.map(([type, nullable], i) => ({ name: `c${i}`, type, ...(nullable ? { nullable } : {}) })))

/** Rows of a schema; null where a nullable column has no value. */
export const rowArbitrary = (specs: readonly ColumnSpec[]): fc.Arbitrary<TestValue[]> =>
  fc.tuple(...specs.map(({ type, nullable }) => (nullable ? fc.option(VALUES[type]) : VALUES[type])))

/** Stores one value; rows of text columns must be set in order. */
export function setTestValue(column: Column, row: number, value: TestValue): void {
  if (column.valid) column.valid[row] = value === null ? 0 : 1
  if (column.type === 'text' || column.type === 'bytes') setBytes(column, row, value)
  else if (value === null) return
  else if (column.type === 'address' || column.type === 'prefix') {
    const bytes = value as readonly number[]
    const address = column.type === 'prefix' ? bytes.slice(0, -1) : bytes
    column.family[row] = address.length === 16 ? 6 : address.length
    column.v4[row] = address.length === 4 ? new DataView(new Uint8Array(address).buffer).getUint32(0) : 0
    column.v6.fill(0, row * 16, row * 16 + 16)
    if (address.length === 16) column.v6.set(address, row * 16)
    if (column.type === 'prefix') column.bits[row] = bytes.at(-1)!
  } else column.values[row] = typeof value === 'boolean' ? Number(value) : (value as number)
}

function setBytes(column: Extract<Column, { type: 'text' | 'bytes' }>, row: number, value: TestValue): void {
  const bytes = Buffer.from(value === null ? '' : String(value))
  const at = column.offsets[row]!
  if (column.data.length < at + bytes.length) {
    const grown = new Uint8Array((at + bytes.length) * 2)
    grown.set(column.data)
    column.data = grown
  }
  column.data.set(bytes, at)
  column.offsets[row + 1] = at + bytes.length
}

export function setRow(batch: Batch, specs: readonly ColumnSpec[], row: number, values: readonly TestValue[]): void {
  specs.forEach(({ name }, i) => {
    setTestValue(batch.columns[name]!, row, values[i]!)
  })
  batch.length = Math.max(batch.length, row + 1)
}

export function testValueAt(column: Column, row: number): TestValue {
  if (column.valid && !column.valid[row]) return null
  switch (column.type) {
    case 'address':
      return addressAt(column, row)
    case 'prefix':
      return [...addressAt(column, row), column.bits[row]!]
    case 'text':
    case 'bytes':
      return Buffer.from(column.data.slice(column.offsets[row], column.offsets[row + 1])).toString()
    case 'boolean':
      return column.values[row] === 1
    default:
      return column.values[row]!
  }
}

function addressAt(column: { family: Uint8Array; v4: Uint32Array; v6: Uint8Array }, row: number): number[] {
  if (column.family[row] === 4) {
    const value = column.v4[row]!
    return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  }
  return column.family[row] === 6 ? [...column.v6.slice(row * 16, row * 16 + 16)] : []
}

export const rowAt = (batch: Batch, specs: readonly ColumnSpec[], row: number): TestValue[] =>
  specs.map(({ name }) => testValueAt(batch.columns[name]!, row))

export const rowsOf = (batch: Batch, specs: readonly ColumnSpec[]): TestValue[][] =>
  Array.from({ length: batch.length }, (_, row) => rowAt(batch, specs, row))

/** Canonical order of rows, written independently of the encoding. */
export function compareRows(specs: readonly ColumnSpec[], a: readonly TestValue[], b: readonly TestValue[]): number {
  for (let i = 0; i < specs.length; i++) {
    const order = compareValues(specs[i]!.type, a[i]!, b[i]!)
    if (order !== 0) return order
  }
  return 0
}

function compareValues(type: ColumnType, a: TestValue, b: TestValue): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null)
  if (type === 'address') return compareAddresses(a as number[], b as number[])
  if (type === 'prefix') {
    const [left, right] = [a as number[], b as number[]]
    return compareAddresses(left.slice(0, -1), right.slice(0, -1)) || left.at(-1)! - right.at(-1)!
  }
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  return a < b ? -1 : a > b ? 1 : 0
}

const compareAddresses = (a: readonly number[], b: readonly number[]): number =>
  a.length - b.length || Buffer.compare(Buffer.from(a), Buffer.from(b))
