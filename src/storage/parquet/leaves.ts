import type { Column, ColumnSpec, ColumnType } from '../../flow/column.ts'
import { StorageError } from '../errors.ts'
import type { SchemaLeaf } from './metadata.ts'
import { CONVERTED, PHYSICAL } from './metadata.ts'

/** The array that holds one leaf's values in a batch: 1, 2, 4 or 8 bytes a value, or 16 for IPv6 addresses. */
export type LeafArray = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** A leaf of the Parquet schema and the part of a batch column that it holds. */
export interface Leaf extends SchemaLeaf {
  /** Name of the batch column. */
  readonly column: string
  readonly part: 'values' | 'family' | 'v4' | 'v6' | 'text'
  /**
   * How the values lie in a page: `dense` one for every row; `sparse` one for every row whose family is 6; `nullable` by definition
   * levels in TypeScript, for the columns of configured elements.
   */
  readonly layout: 'dense' | 'sparse' | 'nullable'
  /** Bytes of a value in the batch. */
  readonly bytes: 1 | 2 | 4 | 8 | 16
}

const NUMBERS: { readonly [T in ColumnType]?: Pick<Leaf, 'physical' | 'bytes' | 'converted'> } = {
  u8: { physical: PHYSICAL.INT32, converted: CONVERTED.UINT_8, bytes: 1 },
  boolean: { physical: PHYSICAL.INT32, converted: CONVERTED.UINT_8, bytes: 1 },
  u16: { physical: PHYSICAL.INT32, converted: CONVERTED.UINT_16, bytes: 2 },
  u32: { physical: PHYSICAL.INT32, converted: CONVERTED.UINT_32, bytes: 4 },
  u53: { physical: PHYSICAL.INT64, bytes: 8 },
  i53: { physical: PHYSICAL.INT64, bytes: 8 },
  duration: { physical: PHYSICAL.INT64, bytes: 8 },
  instant: { physical: PHYSICAL.INT64, converted: CONVERTED.TIMESTAMP_MILLIS, bytes: 8 },
}

/**
 * The leaves of a schema, in order. A number is one leaf under its own name; an address three: `srcAddr` (IPv4 as UINT_32, 0 when it is
 * none), `srcAddrFamily` (0 absent, 4, 6) and `srcAddr6` (16 bytes, null when it is not IPv6), so that SQL engines group IPv4 as integers.
 */
export function leavesOf(columns: readonly ColumnSpec[]): Leaf[] {
  return columns.flatMap(({ name, type, nullable = false }): Leaf[] => {
    const shared = { column: name, optional: nullable, layout: nullable ? 'nullable' : 'dense' } as const
    if (type === 'address') {
      const layout = nullable ? 'nullable' : 'sparse'
      return [
        { ...shared, name, part: 'v4', physical: PHYSICAL.INT32, converted: CONVERTED.UINT_32, bytes: 4 },
        {
          ...shared,
          name: `${name}Family`,
          part: 'family',
          physical: PHYSICAL.INT32,
          converted: CONVERTED.UINT_8,
          bytes: 1,
        },
        {
          column: name,
          name: `${name}6`,
          part: 'v6',
          physical: PHYSICAL.FIXED_LEN_BYTE_ARRAY,
          width: 16,
          bytes: 16,
          optional: true,
          layout,
        },
      ]
    }
    const number = NUMBERS[type]
    if (number) return [{ ...shared, name, part: 'values', ...number }]
    if (type === 'text' || type === 'bytes') {
      const converted = type === 'text' ? { converted: CONVERTED.UTF8 } : {}
      return [
        { ...shared, layout: 'nullable', name, part: 'text', physical: PHYSICAL.BYTE_ARRAY, bytes: 1, ...converted },
      ]
    }
    throw new StorageError('bad-schema', `parquet: column ${name} expected a type of a flow, got ${type}`, {
      column: name,
    })
  })
}

/** The array of a batch column that a leaf holds. Text has none: its values are of any length. */
export function leafArray(column: Column, leaf: Leaf): LeafArray {
  const array = (column as unknown as { readonly [part: string]: LeafArray | undefined })[leaf.part] // leaf.part is a part of the column's type
  if (!array)
    throw new StorageError('bad-schema', `parquet: column ${leaf.column} expected ${leaf.part}, got ${column.type}`)
  return array
}
