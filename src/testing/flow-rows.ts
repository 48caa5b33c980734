import type { Batch } from '../flow/batch.ts'
import { createBatch, FLOW_COLUMNS } from '../flow/batch.ts'
import type { ColumnSpec } from '../flow/column.ts'
import type { FieldName, FieldType } from '../flow/fields.ts'
import type { Value } from '../flow/value.ts'
import { setValue } from '../flow/value.ts'
import type { JobDefinition } from '../index.ts'
import { JobError } from '../index.ts'

type TestValue<T> = T extends 'address' ? string | null : T extends 'instant' ? number | string : number

/**
 * A flow of a test: addresses as text, times as ISO 8601 or milliseconds; what is left out is as an exporter would have it that sends only the rest.
 * Or a flow with elements, or a row of a stored result.
 */
export type TestFlow = { readonly [N in FieldName]?: TestValue<FieldType<N>> } | { readonly [column: string]: Value }

/** What a chain of jobs reads first: `flows`, or a stored result. */
export interface TestInput {
  readonly dataset: string
  readonly columns: readonly ColumnSpec[]
}

/** The input of the first job of a chain: flows with the elements that it declares, or a result with the columns that it declares. */
export function inputOf(job: JobDefinition): TestInput {
  const { input = 'flows', columns = {} } = job.spec
  if (typeof input !== 'string') return inputOf('job' in input ? input.job : input)
  const declared = Object.entries(columns).map(([name, { column: type }]) => ({ name, type }))
  if (input !== 'flows') return { dataset: input, columns: declared }
  const known = new Set(FLOW_COLUMNS.map(({ name }) => name))
  const elements = declared.filter(({ name }) => !known.has(name)).map((spec) => ({ ...spec, nullable: true }))
  return { dataset: 'flows', columns: [...FLOW_COLUMNS, ...elements] }
}

/** What a flow has where a test says nothing: no duration, received at its end, unsampled. */
function defaultsOf(flow: TestFlow): { readonly [name: string]: Value } {
  const start = ('start' in flow ? flow.start : undefined) ?? 0
  const end = ('end' in flow ? flow.end : undefined) ?? start
  return { start, end, received: end, exporter: '192.0.2.1', sampleSize: 1, samplePopulation: 1, direction: 255 }
}

/** The rows of a test as a batch. Throws for a column that the input does not have, and for a value that does not fit. */
export function batchOfRows({ dataset, columns }: TestInput, rows: readonly TestFlow[]): Batch {
  const batch = createBatch(columns, Math.max(rows.length, 1))
  for (const [row, given] of rows.entries()) {
    for (const name of Object.keys(given))
      if (!batch.columns[name])
        throw new JobError('bad-value', `row ${row}: expected columns of ${dataset}, got '${name}'`)
    const values: { readonly [name: string]: Value | undefined } =
      dataset === 'flows' ? { ...defaultsOf(given), ...given } : given
    for (const spec of columns) setValue(batch.columns[spec.name]!, row, values[spec.name] ?? emptyOf(spec))
  }
  batch.length = rows.length
  return batch
}

/** Zero or absent, as a column has it. */
function emptyOf({ type, nullable }: ColumnSpec): Value {
  if (nullable || type === 'address' || type === 'prefix') return null
  if (type === 'text' || type === 'bytes') return ''
  return type === 'u64' || type === 'i64' ? 0n : type === 'boolean' ? false : 0
}
