import { rmSync } from 'node:fs'
import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { valueAt } from '../../flow/value.ts'
import { readBlock } from '../../storage/block/read.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import { loadCompiledJob } from '../job-loader.ts'
import type { JobSource } from '../job-source.ts'
import type { DatasetInput } from '../plan/plan.ts'
import type { CompiledJob, CompiledStage, Program } from '../program.ts'
import { RowReader, rowForm } from '../row-form.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { RunReader } from '../shuffle/run-reader.ts'
import type { BadRecord, BlockPiece, MapTask, ReduceTask } from '../task/description.ts'
import { runAttempt } from '../task/run-task.ts'
import { datasetInputs } from './coverage.ts'
import { placeJobFiles } from './job-files.ts'
import { readJournal } from './journal.ts'
import { badRecordsOf, QUARANTINE_COLUMNS, quarantineDataset } from './quarantine.ts'
import type { RunRecord } from './record.ts'
import { readRecord } from './record.ts'
import { claimPassing } from './scratch.ts'

export interface ReplayOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly run: string
  /** The job to run the records through, mended perhaps; the run's own unless given. */
  readonly job?: JobSource | undefined
}

/** What became of the quarantined records of a run when they were run again. Nothing is committed. */
export interface ReplayOutcome {
  readonly run: string
  /** Records that were run again. */
  readonly replayed: number
  /** Those that are still bad, with what their `map` throws now. */
  readonly bad: readonly BadRecord[]
  readonly columns: readonly ColumnSpec[]
  /** What the job gives for the records that are not: the result of its first stage over just them. */
  readonly rows: readonly Batch[]
}

/** Rows of a batch that a replay gives. */
const BATCH_ROWS = 1024
const MEMORY_BYTES = 64 * 2 ** 20

/** Runs the quarantined records of a run again, through its own job or another, and gives what comes out. Never edits a result. */
export async function replayRun(options: ReplayOptions): Promise<ReplayOutcome> {
  const { store, manifest, run } = options
  const record = await readRecord(store, run)
  const bad = await quarantined(store, manifest, run)
  const scratch = claimPassing(store, run, 'replay')
  try {
    const compiled = await compileFor(options, record, scratch)
    const stage = compiled.stages.find(({ inputs }) => inputs.some(({ type }) => type === 'dataset'))
    if (!stage)
      throw new RuntimeError('bad-program', `job ${compiled.name}: stages expected one that reads a dataset, got none`)
    return await replay({ store, record, compiled, stage, scratch }, bad)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** The bad records of a run: of its dataset, or of its journal when it never committed. */
async function quarantined(store: ObjectStore, manifest: Manifest, run: string): Promise<readonly BadRecord[]> {
  const snapshot = await manifest.snapshot()
  const dataset = quarantineDataset(run)
  if (!snapshot.has(dataset)) return badRecordsOf(await readJournal(store, run))
  const records: BadRecord[] = []
  for await (const block of snapshot.blocks(dataset)) {
    const schema = await snapshot.schema(block.schemaId)
    for await (const { batch } of readBlock({ store, block, schema, columns: QUARANTINE_COLUMNS }))
      for (let row = 0; row < batch.length; row++) records.push(recordAt(batch, row))
  }
  return records
}

function recordAt({ columns }: Batch, row: number): BadRecord {
  const text = (name: string): string => String(valueAt(columns[name]!, row))
  return {
    ...{ block: text('block'), position: Number(valueAt(columns.position!, row)), record: text('record') },
    ...{ error: text('error'), stack: text('stack') },
  }
}

async function compileFor(
  { store, run, job }: ReplayOptions,
  record: RunRecord,
  scratch: string,
): Promise<CompiledJob> {
  if (job) return job.compile(record.job.datasets)
  if (record.job.bundle === '')
    throw new RuntimeError('bad-option', `run ${run}: expected a job from a file to replay, got one from memory`)
  return loadCompiledJob(await placeJobFiles(store, run, record.job, scratch))
}

interface Replay {
  readonly store: ObjectStore
  readonly record: RunRecord
  readonly compiled: CompiledJob
  readonly stage: CompiledStage
  readonly scratch: string
}

async function replay(work: Replay, bad: readonly BadRecord[]): Promise<ReplayOutcome> {
  const { record, stage, store, compiled, scratch } = work
  const pieces = piecesOf(record, stage.program, bad)
  const { run, plan, job } = record
  const common = {
    ...{ formatVersion: 1 as const, run, task: 0, attempt: 1, epoch: 0, generation: 0, store: store.url, job },
    ...{ program: stage.id, from: plan.from, to: plan.to, scratch, memoryBytes: MEMORY_BYTES, keepsFiles: false },
  }
  const map: MapTask = {
    ...common,
    ...{ type: 'map', stage: 'replay-map', partitions: 1, pieces, onCorrupt: 'fail', maxBadRecords: bad.length },
    records: pieces.reduce((sum, { block, first }) => sum + block.chunks[first]![2], 0),
  }
  const mapped = await runAttempt(map, { store, job: compiled, commit: false })
  const { path, checksum } = mapped.file!
  const sources = [{ stage: 'replay-map', task: 0, path, checksum }]
  const all = { partitions: { first: 0, count: 1 }, tasks: 1 }
  const reduce: ReduceTask = { ...common, type: 'reduce', stage: 'replay-reduce', ...all, sources, ordered: true }
  const reduced = await runAttempt(reduce, { store, job: compiled, commit: false })
  const { output } = stage.program
  const rows = readRows(reduced.file!.path, stage.program)
  return { run, replayed: bad.length, bad: mapped.badRecords, columns: output, rows }
}

/** A piece for each chunk that holds bad records. */
function piecesOf(
  { plan, schemas, job }: RunRecord,
  program: Program,
  bad: readonly BadRecord[],
): readonly BlockPiece[] {
  const keys = [...new Set(bad.map(({ block }) => block))]
  return keys.flatMap((key) => {
    const records = bad.filter(({ block }) => block === key)
    const found = findBlock(datasetInputs(plan), key)
    if (!found) throw new RuntimeError('not-found', `replay: block ${key} expected in the plan of the run, got none`)
    const { block, input } = found
    const { dataset, timed } = input
    const names = new Set([...program.reads, ...(program.where?.columns ?? []), ...(timed ? ['start', 'end'] : [])])
    const columns = (job.datasets[dataset] ?? input.columns).filter(({ name }) => names.has(name))
    let firstRecord = 0
    return block.chunks.flatMap(([, , count], first): BlockPiece[] => {
      const from = firstRecord
      firstRecord += count
      const positions = records.map(({ position }) => position).filter((at) => at >= from && at < from + count)
      if (positions.length === 0) return []
      const piece = { type: 'block' as const, block, schema: schemas[block.schemaId], columns, timed }
      return [{ ...piece, first, count: 1, countSampling: false, records: positions.sort((a, b) => a - b) }]
    })
  })
}

function findBlock(
  inputs: readonly DatasetInput[],
  key: string,
): { block: BlockInfo; input: DatasetInput } | undefined {
  for (const input of inputs) {
    const block = input.blocks.find((candidate) => candidate.key === key)
    if (block) return { block, input }
  }
  return undefined
}

function readRows(path: string, program: Program): readonly Batch[] {
  const reader = new RunReader(path)
  try {
    const rows = new RowReader(rowForm(program))
    const cursor = reader.cursor(0)
    const batches: Batch[] = []
    let append = (_: Cursor): void => {}
    for (let row = 0; cursor.next(); row++) {
      if (row % BATCH_ROWS === 0) {
        const batch = createBatch(program.output, BATCH_ROWS)
        batch.length = 0
        batches.push(batch)
        append = rows.into(batch)
      }
      append(cursor)
    }
    return batches
  } finally {
    reader.close()
  }
}
