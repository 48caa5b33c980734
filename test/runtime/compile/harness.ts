import type { Batch, FlowBatch } from '../../../src/flow/batch.ts'
import { createBatch, createFlowBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import type { Value } from '../../../src/flow/value.ts'
import { setValue, valueAt } from '../../../src/flow/value.ts'
import type { KernelInstance } from '../../../src/kernels/pool.ts'
import type { CompileOptions } from '../../../src/runtime/compile/compile.ts'
import { compileJob } from '../../../src/runtime/compile/compile.ts'
import type { Program, TaskContext } from '../../../src/runtime/program.ts'
import type { JobDefinition } from '../../../src/vocabulary/job.ts'
import { fc } from '../../kit/fast-check.ts'

/** A row as plain data, as `valueAt` gives it. */
export type Row = { [column: string]: Value }

/** The only stage of a job. */
export function programOf(job: JobDefinition, params: object = {}, options: CompileOptions = {}): Program {
  const { stages } = compileJob(job, params, options)
  return stages.at(-1)!.program
}

export function rowsOf(batch: Batch): Row[] {
  const names = Object.keys(batch.columns)
  return Array.from({ length: batch.length }, (_, row) =>
    Object.fromEntries(names.map((name) => [name, valueAt(batch.columns[name]!, row)])),
  )
}

export function batchOf(specs: readonly ColumnSpec[], rows: readonly Row[]): Batch {
  const batch = createBatch(specs, Math.max(rows.length, 1))
  for (const [row, values] of rows.entries())
    for (const { name } of specs) setValue(batch.columns[name]!, row, values[name] ?? null)
  batch.length = rows.length
  return batch
}

/** A batch of flows from rows that name some of their fields; the others are zero or absent. */
export function flowsOf(rows: readonly Row[], elements: readonly ColumnSpec[] = []): FlowBatch {
  const batch = createFlowBatch(Math.max(rows.length, 1), elements)
  for (const [row, values] of rows.entries())
    for (const { name, type } of [...FLOW_COLUMNS, ...elements])
      if (values[name] !== undefined) setValue(batch.columns[name]!, row, values[name])
      else if (type === 'text') setValue(batch.columns[name]!, row, null)
  batch.length = rows.length
  return batch
}

export interface Bad {
  readonly row: number
  readonly error: Error
}

/** Runs the map side over batches and collects what it emits, the counters, and the records that threw; with `kernels`, as for a table in their memory. */
export function mapRows(
  program: Program,
  batches: readonly Batch[],
  period: Partial<TaskContext> = {},
  kernels?: KernelInstance,
) {
  const rows: Row[] = []
  const bad: Bad[] = []
  const counters: { [name: string]: number } = {}
  const context: TaskContext = {
    from: Number.NEGATIVE_INFINITY,
    to: Number.POSITIVE_INFINITY,
    count: (name, by = 1) => {
      counters[name] = (counters[name] ?? 0) + by
    },
    badRecord: (row, error) => {
      bad.push({ row, error: error instanceof Error ? error : new Error(String(error)) })
    },
    ...period,
  }
  const mapper = program.createMapper({ kernels, add: (batch) => rows.push(...rowsOf(batch)) }, context)
  for (const batch of batches) mapper.map(batch)
  mapper.finish()
  return { rows, bad, counters }
}

const octet = fc.constantFrom(0, 1, 127, 128, 255)
const address4 = fc.array(octet, { minLength: 4, maxLength: 4 }).map((parts) => parts.join('.'))
const address6 = fc
  .array(fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff), { minLength: 8, maxLength: 8 })
  .map((parts) => parts.map((part) => part.toString(16)).join(':'))

/** Addresses of both families from few bytes, and none. */
export const anyAddress = fc.oneof(
  { weight: 4, arbitrary: address4 },
  { weight: 2, arbitrary: address6 },
  { weight: 1, arbitrary: fc.constant(null) },
)

/** Flows with the fields that tests read. */
export const anyFlow: fc.Arbitrary<Row> = fc.record({
  srcAddr: anyAddress,
  dstAddr: anyAddress,
  srcPort: fc.constantFrom(0, 53, 443, 65_535),
  dstPort: fc.constantFrom(0, 53, 443, 65_535),
  proto: fc.constantFrom(6, 17, 255),
  bytes: fc.oneof(fc.nat(5000), fc.maxSafeNat()),
  packets: fc.nat(100),
  start: fc.integer({ min: 0, max: 2e12 }).map((ms) => new Date(ms).toISOString()),
  end: fc.integer({ min: 0, max: 2e12 }).map((ms) => new Date(ms).toISOString()),
  srcAs: fc.nat(0xffffffff),
})
