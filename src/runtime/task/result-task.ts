import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { createBatch } from '../../flow/batch.ts'
import { RowCodec } from '../../flow/canonical.ts'
import { avroSchema } from '../../flow/schema.ts'
import { BlockEncoder } from '../../storage/block/encode.ts'
import { resultBlockKey } from '../../storage/block/keys.ts'
import { StorageError } from '../../storage/errors.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { LiveCounters } from '../counters.ts'
import { NO_COUNTERS } from '../counters.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { firstOf } from '../shuffle/cursor.ts'
import { mergeSources, sliceOfEach } from '../shuffle/merge-sources.ts'
import type { ResultTask, TaskResult } from './description.ts'
import type { TaskEnvironment } from './map-task.ts'

const ROWS = 4096

/**
 * Carries out the last task of a run: merges the sorted rows of every reduce task into the one order of the result and stores them as blocks, cut by row count, so
 * that the bytes depend on the rows alone. A block that an earlier attempt has stored is the same, and stays.
 */
export async function runResultTask(task: ResultTask, environment: TaskEnvironment): Promise<TaskResult> {
  const { program, files } = environment
  const counters: LiveCounters = { ...NO_COUNTERS }
  const since = performance.now()
  const merged = mergeSources({
    slices: sliceOfEach(task.sources, 0),
    budgetBytes: task.memoryBytes / 2,
    combine: (cursor) => firstOf(cursor, program.limit),
    nextPath: () => files.nextPath(),
  })
  try {
    const blocks = await writeBlocks(task, environment, firstOf(merged.cursor, program.limit), counters)
    const timings = { readMs: 0, computeMs: 0, writeMs: performance.now() - since }
    const schema = avroSchema(program.name, program.output)
    return { blocks, schema, counters, userCounters: {}, badRecords: [], timings }
  } finally {
    merged.close()
  }
}

async function writeBlocks(
  task: ResultTask,
  environment: TaskEnvironment,
  cursor: Cursor,
  counters: LiveCounters,
): Promise<BlockInfo[]> {
  const { program } = environment
  const codec = new RowCodec(program.output)
  const batch = createBatch(program.output, ROWS)
  const columns = codec.columnsOf(batch)
  const blocks: BlockInfo[] = []
  for (let more = cursor.next(); more; ) {
    const encoder = new BlockEncoder({ name: program.name, columns: program.output, compressor: 'library' })
    while (more && encoder.records < task.rowsPerBlock) {
      const most = Math.min(ROWS, task.rowsPerBlock - encoder.records)
      batch.length = 0
      while (more && batch.length < most) {
        codec.read(columns, batch.length++, cursor.bytes, cursor.payloadStart)
        more = cursor.next()
      }
      encoder.add(batch)
      counters.resultRows += batch.length
      environment.onProgress?.(counters)
      await setImmediate()
    }
    const block = await storeBlock(task, environment, blocks.length, encoder)
    counters.resultBytes += block.sizeBytes
    blocks.push(block)
  }
  return blocks
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
