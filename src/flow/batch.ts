import type { Column, ColumnSpec } from './column.ts'
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

/** Makes an empty batch of `capacity` rows with a column per entry of `specs`, in that order. */
export function createBatch(specs: readonly ColumnSpec[], capacity: number): Batch {
  const columns: { [name: string]: Column } = {}
  for (const { name, type, nullable = false } of specs) columns[name] = createColumn(type, capacity, { nullable })
  return { length: 0, capacity, columns }
}

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
