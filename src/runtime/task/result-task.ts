import { setImmediate } from 'node:timers/promises'
import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { monotonicMs } from '../../flow/clock.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { avroSchema } from '../../flow/schema.ts'
import { BlockEncoder } from '../../storage/block/encode.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { LiveCounters } from '../counters.ts'
import { NO_COUNTERS } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { Program } from '../program.ts'
import { RowReader, rowForm } from '../row-form.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { firstOf } from '../shuffle/cursor.ts'
import type { SourceSlice } from '../shuffle/merge-sources.ts'
import { mergeSources, sliceOfEach } from '../shuffle/merge-sources.ts'
import type { RunSource } from '../shuffle/run-source.ts'
import { openSource } from '../shuffle/run-source.ts'
import { BlockQueue } from './block-queue.ts'
import type { ResultTask, TaskResult } from './description.ts'
import type { TaskEnvironment } from './map-task.ts'
import { RowMerge } from './row-merge.ts'

const ROWS = 4096
/** Room for a block, by the size of the one before. */
const LIKE_BEFORE = 1.05

/**
 * Carries out the last task of a run: merges the sorted rows of every reduce task into the one order of the result and stores them as blocks, cut by row count, so
 * that the bytes depend on the rows alone. A block that an earlier attempt has stored is the same, and stays.
 */
export async function runResultTask(task: ResultTask, environment: TaskEnvironment): Promise<TaskResult> {
  const { program } = environment
  const since = monotonicMs()
  const slices = sliceOfEach(task.sources, 0)
  const work = { task, environment, slices, range: rangeOf(task, program) }
  const { blocks, counters } = await write(work)
  const timings = { readMs: 0, computeMs: 0, writeMs: monotonicMs() - since }
  const schema = avroSchema(program.name, program.output)
  return { blocks, schema, counters, userCounters: {}, badRecords: [], timings }
}

interface ResultWork {
  readonly task: ResultTask
  readonly environment: TaskEnvironment
  readonly slices: readonly SourceSlice[]
  readonly range: RowRange
}

/** Rows of a result, by number, from `first` to `end` (exclusive), and the number of the block that they begin. */
interface RowRange {
  readonly first: number
  readonly end: number
  readonly firstBlock: number
}

/** The rows of a task: each has about as many whole blocks. */
function rangeOf({ sources, task, tasks = 1, rowsPerBlock }: ResultTask, program: Program): RowRange {
  const { limit = Number.POSITIVE_INFINITY } = program
  const { rest } = rowForm(program)
  const rows = Math.min(
    limit,
    sources.reduce((sum, source) => sum + rowsOf(source, rest), 0),
  )
  const blocks = Math.ceil(rows / rowsPerBlock)
  const [firstBlock, endBlock] = [task, task + 1].map((number) => Math.floor((blocks * number) / tasks)) as [
    number,
    number,
  ]
  return { first: firstBlock * rowsPerBlock, end: Math.min(rows, endBlock * rowsPerBlock), firstBlock }
}

/** Rows that another version has left in another form fail as if they were damaged, so that they are made again. */
function rowsOf(source: RunSource, payload: readonly ColumnSpec[]): number {
  const reader = openSource(source)
  reader.close()
  const [expected, got] = [payload, reader.header.value].map((columns) => columns.map(({ name }) => name).join(', '))
  if (expected === got) return reader.slices[0]!.records
  const { path } = source
  throw new RuntimeError('corrupt-run-file', `run file: ${path}: payloads expected of '${expected}', got '${got}'`, {
    path,
  })
}

/** Gives the rows of a result in order. */
interface RowSource {
  /** Appends rows to a block, up to `most`; returns how many, undefined when it cannot. */
  fill(encoder: BlockEncoder, most: number): number | undefined
}

/** Loads no kernel for a result without rows. */
async function write(work: ResultWork): Promise<Written> {
  const { first, end } = work.range
  if (first >= end) return { blocks: [], counters: NO_COUNTERS }
  return (await writeByKernel(work)) ?? (await writeByCursor(work))
}

/** Undefined for rows that the kernel does not take. */
async function writeByKernel(work: ResultWork): Promise<Written | undefined> {
  const { environment, slices, range } = work
  const merge = RowMerge.for(environment.program, slices, { mostRows: ROWS, firstRow: range.first })
  if (!merge) return undefined
  const source: RowSource = {
    fill(encoder, most) {
      const next = merge.next(most)
      if (next) encoder.addRows(next.plain, next.rows)
      return next?.rows
    },
  }
  try {
    return await writeBlocks(work, source)
  } finally {
    merge.close()
  }
}

/** Takes any rows, and says what is wrong with one that cannot be stored. */
async function writeByCursor(work: ResultWork): Promise<Written> {
  const { task, environment, slices, range } = work
  const { program, files } = environment
  const budgetBytes = task.memoryBytes / 2
  const merged = mergeSources({
    ...{ slices, budgetBytes },
    combine: (cursor) => firstOf(cursor, program.limit),
    nextPath: () => files.nextPath(),
  })
  try {
    for (let row = 0; row < range.first; row++) merged.cursor.next()
    return (await writeBlocks(work, new CursorRows(program, merged.cursor)))!
  } finally {
    merged.close()
  }
}

class CursorRows implements RowSource {
  readonly #cursor: Cursor
  readonly #batch: Batch
  readonly #append: (cursor: Cursor) => void
  #more: boolean

  constructor(program: Program, cursor: Cursor) {
    this.#cursor = cursor
    this.#batch = createBatch(program.output, ROWS)
    this.#append = new RowReader(rowForm(program)).into(this.#batch)
    this.#more = cursor.next()
  }

  fill(encoder: BlockEncoder, most: number): number {
    const batch = this.#batch
    batch.length = 0
    while (this.#more && batch.length < most) {
      this.#append(this.#cursor)
      this.#more = this.#cursor.next()
    }
    encoder.add(batch)
    return batch.length
  }
}

interface Written {
  readonly blocks: readonly BlockInfo[]
  readonly counters: LiveCounters
}

/** Stores the rows of the task, each block while the next is made; undefined when the source gives up. */
async function writeBlocks(work: ResultWork, source: RowSource): Promise<Written | undefined> {
  const { task, environment, range } = work
  const counters: LiveCounters = { ...NO_COUNTERS }
  const queue = new BlockQueue(task, environment, range.firstBlock)
  try {
    let sizeBytes = 0
    while (range.first + counters.resultRows < range.end) {
      const encoder = await fillBlock(work, source, counters, sizeBytes)
      if (!encoder) return undefined
      sizeBytes = Math.ceil(encoder.sizeBytes * LIKE_BEFORE)
      await queue.add(encoder)
    }
    const blocks = await queue.finish()
    counters.resultBytes = blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return { blocks, counters }
  } finally {
    await queue.settle()
  }
}

/** Makes the next block, in room for so many bytes; undefined when the source gives up. */
async function fillBlock(
  { task, environment, range }: ResultWork,
  source: RowSource,
  counters: LiveCounters,
  sizeBytes: number,
): Promise<BlockEncoder | undefined> {
  const { name, output } = environment.program
  const encoder = new BlockEncoder({ name, columns: output, compressor: 'library', sizeBytes })
  const left = (): number =>
    Math.min(task.rowsPerBlock - encoder.records, range.end - range.first - counters.resultRows)
  while (left() > 0) {
    const rows = source.fill(encoder, Math.min(ROWS, left()))
    if (rows === undefined) return undefined
    if (rows === 0) throw new RuntimeError('corrupt-run-file', `result: ${left()} more rows expected, got none`)
    counters.resultRows += rows
    environment.onProgress?.(counters)
    await setImmediate()
  }
  return encoder
}
