import { FLOW_COLUMNS } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import { avroSchema, columnSpecs, schemaId } from '../flow/schema.ts'

/** The dataset of flows, whose rows have all columns of a flow, in blocks that other tools have written too. */
export const FLOWS = 'flows'

/** The columns that the rows of a dataset have, from the schemas of its blocks: those of a flow first, each once. */
export function datasetColumns(dataset: string, schemas: Iterable<unknown>): readonly ColumnSpec[] {
  const columns = new Map(dataset === FLOWS ? FLOW_COLUMNS.map((column) => [column.name, column]) : [])
  for (const schema of schemas) {
    for (const column of columnSpecs(schema)) if (!columns.has(column.name)) columns.set(column.name, column)
  }
  return [...columns.values()]
}

/** The schema in which rows of a dataset are written anew: that of the block they come from, unless another tool's lacks columns of a flow. */
export function rewriteSchema(dataset: string, schema: unknown): unknown {
  if (dataset !== FLOWS) return schema
  const whole = avroSchema('Flow', datasetColumns(dataset, [schema]))
  return schemaId(whole) === schemaId(schema) ? schema : whole
}
