import { formatAddressBytes } from '../../src/flow/address.ts'
import type { Batch } from '../../src/flow/batch.ts'
import { createBatch } from '../../src/flow/batch.ts'
import { COLUMN_TYPES, type ColumnSpec, type ColumnType } from '../../src/flow/column.ts'
import { maskAddress } from '../../src/flow/prefix.ts'
import type { Value } from '../../src/flow/value.ts'
import { setValue, valueAt } from '../../src/flow/value.ts'
import { fc } from '../kit/fast-check.ts'

/** Arbitraries over columns, shared by the tests of everything that stores or reads them. */

const addressBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
)
const addressText = addressBytes.map((bytes) => formatAddressBytes(bytes))
const prefixText = addressBytes.chain((bytes) =>
  fc
    .integer({ min: 0, max: bytes.length * 8 })
    .map((bits) => `${formatAddressBytes(maskAddress(bytes, bits))}/${bits}`),
)
const wide = (min: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: Math.max(min, -300), max: 300 }),
    fc.maxSafeInteger().filter((n) => n >= min),
  )
const instants = wide(Number.MIN_SAFE_INTEGER).map((ms) => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : ms))

const VALUES: { readonly [T in ColumnType]: fc.Arbitrary<Value> } = {
  u8: fc.integer({ min: 0, max: 255 }),
  u16: fc.integer({ min: 0, max: 65_535 }),
  u32: fc.integer({ min: 0, max: 0xffffffff }),
  u53: wide(0),
  i53: wide(Number.MIN_SAFE_INTEGER),
  u64: fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })),
  i64: fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  instant: instants,
  duration: wide(Number.MIN_SAFE_INTEGER),
  boolean: fc.boolean(),
  address: fc.option(addressText),
  prefix: fc.option(prefixText),
  text: fc.string({ unit: 'grapheme', maxLength: 12 }),
  bytes: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('hex')),
}

/** Any value that a column of the spec can store in Avro. */
export function anyValue({ type, nullable = false }: ColumnSpec): fc.Arbitrary<Value> {
  return nullable ? fc.option(VALUES[type]) : VALUES[type]
}

/** Any list of columns with distinct names. */
export const anySpecs: fc.Arbitrary<ColumnSpec[]> = fc.uniqueArray(
  fc.record(
    {
      name: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
      type: fc.constantFrom(...COLUMN_TYPES),
      nullable: fc.constant(true),
    },
    { requiredKeys: ['name', 'type'] },
  ),
  { minLength: 1, maxLength: 8, selector: (spec) => spec.name },
)

export type Row = readonly Value[]

/** Any rows for the columns. */
export function anyRows(specs: readonly ColumnSpec[], { maxLength = 40 } = {}): fc.Arbitrary<Row[]> {
  return fc.array(fc.tuple(...specs.map(anyValue)), { maxLength })
}

/** A batch that holds the rows. */
export function batchOf(specs: readonly ColumnSpec[], rows: readonly Row[]): Batch {
  const batch = createBatch(specs, Math.max(1, rows.length))
  for (const [row, values] of rows.entries()) {
    for (const [i, spec] of specs.entries()) setValue(batch.columns[spec.name]!, row, values[i] ?? null)
  }
  batch.length = rows.length
  return batch
}

/** The rows of a batch, in the order of `specs`. */
export function rowsOf(specs: readonly ColumnSpec[], batch: Batch): Row[] {
  return Array.from({ length: batch.length }, (_, row) => specs.map(({ name }) => valueAt(batch.columns[name]!, row)))
}
