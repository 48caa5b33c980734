import type { ArrayMaker, Column, ColumnSpec } from './column.ts'
import { createColumn } from './column.ts'
import type { FieldDefinition, FlowColumns } from './fields.ts'
import { FLOW_FIELDS } from './fields.ts'

/**
 * Rows as columns: what a block is read into, what `map` reads, what `emit` and `out` fill.
 * The columns may be longer than `length`; only the first `length` rows count. A batch is valid until its producer is called again.
 */
export interface Batch {
  length: number
  readonly capacity: number
  readonly columns: { readonly [name: string]: Column }
}

/** Makes an empty batch of `capacity` rows with a column per entry of `specs`, in that order, of arrays that `make` makes. */
export function createBatch(specs: readonly ColumnSpec[], capacity: number, make?: ArrayMaker): Batch {
  const columns: { [name: string]: Column } = {}
  for (const { name, type, nullable = false } of specs) {
    columns[name] = createColumn(type, capacity, make ? { nullable, make } : { nullable })
  }
  return { length: 0, capacity, columns }
}

/** Whether batches of these columns may lie in shared memory: text and bytes may not, because they move to larger arrays as they grow. */
export const isShareable = (specs: readonly ColumnSpec[]): boolean =>
  specs.every(({ type }) => type !== 'text' && type !== 'bytes')

/** Bytes that a batch takes in a buffer. */
export function batchBytes(specs: readonly ColumnSpec[], capacity: number): number {
  let bytes = 0
  createBatch(specs, capacity, (type, length) => {
    bytes += apart(length * type.BYTES_PER_ELEMENT)
    return new type(0)
  })
  return bytes
}

/** A batch whose columns lie in `buffer`, as it is, from `offset` on. Where memory is shared, all threads that make it from the same arguments see the same rows, but each its own `length`. */
export function batchIn(
  buffer: ArrayBufferLike,
  offset: number,
  specs: readonly ColumnSpec[],
  capacity: number,
): Batch {
  let next = offset
  return createBatch(specs, capacity, (type, length) => {
    const at = next
    next += apart(length * type.BYTES_PER_ELEMENT)
    return new type(buffer, at, length)
  })
}

/** Arrays begin at cache lines, and not a power of two apart: then the same row of all columns would fall into one set of the cache. */
const apart = (bytes: number): number => (Math.ceil(bytes / 64) + 3) * 64

/** A batch of whole flow records, with their columns typed by name; extra elements follow under their IANA names. */
export interface FlowBatch extends Batch {
  readonly columns: FlowColumns & { readonly [name: string]: Column }
}

/** The columns of a flow record, in schema order. */
export const FLOW_COLUMNS: readonly ColumnSpec[] = FLOW_FIELDS.map((field: FieldDefinition) => ({
  name: field.name,
  type: field.type,
  fieldId: field.id,
  doc: field.unit ? `${field.doc} (${field.unit})` : field.doc,
  ...(field.default === undefined ? {} : { default: field.default }),
  ...(field.avro === undefined ? {} : { avro: field.avro }),
}))

/** Makes an empty batch of flow records; `elements` are the configured extra columns. */
export function createFlowBatch(capacity: number, elements: readonly ColumnSpec[] = []): FlowBatch {
  return createBatch([...FLOW_COLUMNS, ...elements], capacity) as FlowBatch
}
