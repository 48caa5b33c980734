import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { RowCodec } from '../../flow/canonical.ts'
import { avroSchema } from '../../flow/schema.ts'
import { BlockEncoder } from '../../storage/block/encode.ts'
import { resultBlockKey } from '../../storage/block/keys.ts'
import { StorageError } from '../../storage/errors.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { LiveCounters } from '../counters.ts'
import { NO_COUNTERS } from '../counters.ts'
import type { Program } from '../program.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { firstOf } from '../shuffle/cursor.ts'
import type { SourceSlice } from '../shuffle/merge-sources.ts'
import { mergeSources, sliceOfEach } from '../shuffle/merge-sources.ts'
import type { ResultTask, TaskResult } from './description.ts'
import type { TaskEnvironment } from './map-task.ts'
import { RowMerge } from './row-merge.ts'

const ROWS = 4096

/**
 * Carries out the last task of a run: merges the sorted rows of every reduce task into the one order of the result and stores them as blocks, cut by row count, so
 * that the bytes depend on the rows alone. A block that an earlier attempt has stored is the same, and stays.
 */
export async function runResultTask(task: ResultTask, environment: TaskEnvironment): Promise<TaskResult> {
  const { program } = environment
  const since = performance.now()
  const slices = sliceOfEach(task.sources, 0)
  const { blocks, counters } =
    (await writeByKernel(task, environment, slices)) ?? (await writeByCursor(task, environment, slices))
  const timings = { readMs: 0, computeMs: 0, writeMs: performance.now() - since }
  const schema = avroSchema(program.name, program.output)
  return { blocks, schema, counters, userCounters: {}, badRecords: [], timings }
}

/** Gives the rows of a result in order. */
interface RowSource {
  readonly isDone: boolean
  /** Appends rows to a block, up to `most`; returns how many, undefined when it cannot. */
  fill(encoder: BlockEncoder, most: number): number | undefined
}

/** Undefined for rows that the kernel does not take. */
async function writeByKernel(
  task: ResultTask,
  environment: TaskEnvironment,
  slices: readonly SourceSlice[],
): Promise<Written | undefined> {
  const merge = RowMerge.for(environment.program, slices, ROWS)
  if (!merge) return undefined
  const source: RowSource = {
    get isDone() {
      return merge.isDone
    },
    fill(encoder, most) {
      const next = merge.next(most)
      if (next) encoder.addRows(next.plain, next.rows)
      return next?.rows
    },
  }
  try {
    return await writeBlocks(task, environment, source)
  } finally {
    merge.close()
  }
}

/** Takes any rows, and says what is wrong with one that cannot be stored. */
async function writeByCursor(
  task: ResultTask,
  environment: TaskEnvironment,
  slices: readonly SourceSlice[],
): Promise<Written> {
  const { program, files } = environment
  const budgetBytes = task.memoryBytes / 2
  const merged = mergeSources({
    ...{ slices, budgetBytes },
    combine: (cursor) => firstOf(cursor, program.limit),
    nextPath: () => files.nextPath(),
  })
  try {
    return (await writeBlocks(task, environment, new CursorRows(program, merged.cursor)))!
  } finally {
    merged.close()
  }
}

class CursorRows implements RowSource {
  readonly #cursor: Cursor
  readonly #codec: RowCodec
  readonly #batch: Batch
  #more: boolean

  constructor({ output }: Program, cursor: Cursor) {
    this.#cursor = cursor
    this.#codec = new RowCodec(output)
    this.#batch = createBatch(output, ROWS)
    this.#more = cursor.next()
  }

  get isDone(): boolean {
    return !this.#more
  }

  fill(encoder: BlockEncoder, most: number): number {
    const batch = this.#batch
    const columns = this.#codec.columnsOf(batch)
    batch.length = 0
    while (this.#more && batch.length < most) {
      this.#codec.read(columns, batch.length++, this.#cursor.bytes, this.#cursor.payloadStart)
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

/** Stores all rows of a source, or as many as the job wants; undefined when the source gives up. */
async function writeBlocks(
  task: ResultTask,
  environment: TaskEnvironment,
  source: RowSource,
): Promise<Written | undefined> {
  const { program } = environment
  const counters: LiveCounters = { ...NO_COUNTERS }
  const blocks: BlockInfo[] = []
  const { limit = Number.POSITIVE_INFINITY } = program
  while (!source.isDone && counters.resultRows < limit) {
    const encoder = new BlockEncoder({ name: program.name, columns: program.output, compressor: 'library' })
    while (!source.isDone && encoder.records < task.rowsPerBlock && counters.resultRows < limit) {
      const most = Math.min(ROWS, task.rowsPerBlock - encoder.records, limit - counters.resultRows)
      const rows = source.fill(encoder, most)
      if (rows === undefined) return undefined
      counters.resultRows += rows
      environment.onProgress?.(counters)
      await setImmediate()
    }
    const block = await storeBlock(task, environment, blocks.length, encoder)
    counters.resultBytes += block.sizeBytes
    blocks.push(block)
  }
  return { blocks, counters }
}

async function storeBlock(
  task: ResultTask,
  { program, store }: TaskEnvironment,
  number: number,
  encoder: BlockEncoder,
): Promise<BlockInfo> {
  const { bytes, info } = encoder.finish()
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const key = resultBlockKey(program.name, task.run, number, hash)
  try {
    await store.write(key, bytes, { ifAbsent: true })
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'exists')) throw error
  }
  return { key, collector: task.run, ...info }
}
