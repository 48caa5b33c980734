import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ColumnType } from '../flow/column.ts'
import { schemaId } from '../flow/schema.ts'
import { valueAt } from '../flow/value.ts'
import type { JobDefinition, LookupRow } from '../index.ts'
import { jobFromDefinition } from '../runtime/job-source.ts'
import { tableOfRows } from '../runtime/lookup/table.ts'
import type { RunOutcome } from '../runtime/run/outcome.ts'
import { runJob } from '../runtime/run/run-job.ts'
import { BlockEncoder } from '../storage/block/encode.ts'
import { blockKey } from '../storage/block/keys.ts'
import type { Action } from '../storage/manifest/actions.ts'
import type { Manifest } from '../storage/manifest/manifest.ts'
import { openManifest } from '../storage/manifest/manifest.ts'
import { openMemoryStore } from '../storage/memory-store.ts'
import type { ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import { seededSystem } from '../storage/system.ts'
import { ulid } from '../storage/ulid.ts'
import type { TestFlow } from './flow-rows.ts'
import { batchOfRows, inputOf } from './flow-rows.ts'

/** A row of a result as printed: addresses, prefixes and instants are text, 64-bit integers bigints. */
export type TestRow<Output> = {
  readonly [N in keyof Output]: Output[N] extends 'u64' | 'i64'
    ? bigint
    : Output[N] extends 'address' | 'prefix'
      ? string | null
      : Output[N] extends 'instant' | 'text' | 'bytes'
        ? string
        : Output[N] extends 'boolean'
          ? boolean
          : number
}

export interface TestJobOptions {
  /** Input of the parameters of the job. */
  readonly params?: { readonly [name: string]: unknown }
  /** A further filter, as `--where`. */
  readonly where?: string
  /** The period, in milliseconds. */
  readonly from?: number
  readonly to?: number
  /** Tables for `lookup(...)`. */
  readonly lookups?: { readonly [table: string]: readonly LookupRow[] }
  /** How many map tasks the flows are spread over, and how many reduce tasks the keys; neither shows in the result. */
  readonly splits?: number
  readonly partitions?: number
  /** Records whose `map` may throw; then they are in `badRecords`. */
  readonly maxBadRecords?: number
}

/** What a job has made of the flows of a test. */
export interface TestResult<Output> {
  /** The rows of the result, in its order. */
  readonly rows: readonly TestRow<Output>[]
  /** What `count` has counted. */
  readonly counters: { readonly [name: string]: number }
  /** Records that were read, filtered away and refused. */
  readonly records: { readonly mapped: number; readonly filtered: number; readonly quarantined: number }
}

/**
 * Runs a job on flows in memory, in this thread, as a run would: through blocks, splits, run files, partitions and the merge; at least two
 * splits and two partitions unless told otherwise.
 */
export async function testJob<Output extends { readonly [name: string]: ColumnType }>(
  job: JobDefinition<Output>,
  flows: readonly TestFlow[],
  options: TestJobOptions = {},
): Promise<TestResult<Output>> {
  const { splits = 3, partitions = 3, params = {}, where, lookups = {}, from, to, maxBadRecords = 0 } = options
  const system = seededSystem(1)
  const store = openMemoryStore({ system })
  const manifest = await openManifest(store, { system, create: true })
  await storeRows({ store, manifest, system }, job, flows, splits)
  const tables = Object.entries(lookups).map(([name, rows]) => [name, tableOfRows(name, rows)] as const)
  const source = jobFromDefinition(job, { params, where, lookups: new Map(tables) })
  const scratch = await mkdtemp(join(tmpdir(), 'flowreduce-test-'))
  try {
    const outcome = await runJob({
      ...{ store, manifest, system, job: source, runner: 'inline', scratch },
      ...{ from, to, partitions, splitBytes: 1, maxBadRecords },
    })
    return await resultOf<Output>(outcome)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Stores the rows as so many blocks, in one commit. */
async function storeRows(
  { store, manifest, system }: { store: ObjectStore; manifest: Manifest; system: System },
  job: JobDefinition,
  rows: readonly TestFlow[],
  splits: number,
): Promise<void> {
  const input = inputOf(job)
  const actions: Action[] = input.dataset === 'flows' ? [] : [{ type: 'addDataset', dataset: input.dataset }]
  const known = await (await manifest.snapshot()).datasets()
  if (input.dataset === 'flows' && !known.some(({ dataset }) => dataset === 'flows'))
    actions.push({ type: 'addDataset', dataset: 'flows' })
  const perBlock = Math.max(1, Math.ceil(rows.length / splits))
  for (let first = 0; first < Math.max(rows.length, 1); first += perBlock) {
    const encoder = new BlockEncoder({ name: 'Flow', columns: input.columns })
    encoder.add(batchOfRows(input, rows.slice(first, first + perBlock)))
    const { bytes, schema, info } = encoder.finish()
    const key = blockKey(input.dataset, system.now(), ulid(system))
    await store.write(key, bytes)
    actions.push({ type: 'addSchema', schemaId: schemaId(schema), schema })
    actions.push({ type: 'addBlock', dataset: input.dataset, block: { key, collector: 'test', ...info } })
  }
  await manifest.commit({ operation: 'import', writer: 'test', actions })
}

async function resultOf<Output>({ rows, columns, userCounters, counters }: RunOutcome): Promise<TestResult<Output>> {
  const all: TestRow<Output>[] = []
  for await (const batch of rows())
    for (let row = 0; row < batch.length; row++) {
      const values = columns.map(({ name }) => [name, valueAt(batch.columns[name]!, row)] as const)
      // The columns are those of the job's output, of which `Output` is the type.
      all.push(Object.fromEntries(values) as TestRow<Output>)
    }
  const { mapped, unmatched, outsidePeriod, pruned, quarantined } = counters
  return {
    rows: all,
    counters: userCounters,
    records: { mapped, filtered: unmatched + outsidePeriod + pruned, quarantined },
  }
}
