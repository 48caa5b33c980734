import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { copyRows } from '../../flow/copy.ts'
import { timeOrder } from '../../kernels/time-order.ts'
import { blockKey } from '../block/keys.ts'
import { readBlock } from '../block/read.ts'
import { datasetColumns, rewriteSchema } from '../dataset-columns.ts'
import { StorageError } from '../errors.ts'
import type { Action, BlockInfo, RemoveBlock } from '../manifest/actions.ts'
import type { Manifest } from '../manifest/manifest.ts'
import { encodeParquetBlock } from '../parquet/block-encoder.ts'
import type { ObjectStore } from '../store.ts'
import type { System } from '../system.ts'
import { ulid } from '../ulid.ts'
import type { ChooseOptions } from './choose.ts'
import { chooseGroups } from './choose.ts'

export interface CompactOptions extends Partial<ChooseOptions> {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  readonly dataset?: string
  /** Who commits. */
  readonly writer: string
  readonly onProgress?: (progress: CompactProgress) => void
  /** Stops between two groups. */
  readonly signal?: AbortSignal
}

export interface CompactProgress {
  readonly groups: number
  readonly groupsDone: number
  readonly records: number
  readonly recordsDone: number
}

export interface CompactSummary {
  readonly dataset: string
  /** Avro blocks and bytes that were replaced, and the Parquet blocks and bytes that replace them. */
  readonly blocksBefore: number
  readonly bytesBefore: number
  readonly blocksAfter: number
  readonly bytesAfter: number
  readonly records: number
  /** Groups another compactor, or a removal, was faster with; their blocks are as that one left them. */
  readonly conflicts: number
}

/** Flows of a compacted block, about. It bounds memory: a flow takes about 200 bytes while it is sorted. */
export const TARGET_RECORDS = 1 << 20

/**
 * Rewrites sealed Avro blocks into Parquet blocks sorted by `start`, each group swapped in one commit: a job sees either form, never both
 * and never neither. Safe beside ingest, jobs and other compactors, because a removal needs its block live. Replaced blocks stay until gc.
 */
export async function compact(options: CompactOptions): Promise<CompactSummary> {
  const { manifest, dataset = 'flows', onProgress, signal } = options
  const { sealedBefore = Number.POSITIVE_INFINITY, targetRecords = TARGET_RECORDS, minBlocks = 1 } = options
  const snapshot = await manifest.snapshot()
  const blocks: BlockInfo[] = []
  for await (const block of snapshot.blocks(dataset)) blocks.push(block)
  const groups = chooseGroups(blocks, { sealedBefore, targetRecords, minBlocks })
  const summary = { dataset, blocksBefore: 0, bytesBefore: 0, blocksAfter: 0, bytesAfter: 0, records: 0, conflicts: 0 }
  const records = groups.flat().reduce((sum, block) => sum + block.records, 0)
  let recordsDone = 0
  for (const [groupsDone, group] of groups.entries()) {
    signal?.throwIfAborted()
    onProgress?.({ groups: groups.length, groupsDone, records, recordsDone })
    const schema = await snapshot.schema((group[0] as BlockInfo).schemaId)
    const replaced = await compactGroup(options, dataset, group, schema)
    recordsDone += sumOf(group, 'records')
    if (!replaced) {
      summary.conflicts++
      continue
    }
    summary.blocksBefore += group.length
    summary.bytesBefore += sumOf(group, 'sizeBytes')
    summary.blocksAfter++
    summary.bytesAfter += replaced.sizeBytes
    summary.records += replaced.records
  }
  onProgress?.({ groups: groups.length, groupsDone: groups.length, records, recordsDone })
  return summary
}

const sumOf = (blocks: readonly BlockInfo[], field: 'records' | 'sizeBytes'): number =>
  blocks.reduce((sum, block) => sum + block[field], 0)

/** Writes and commits one group; undefined when one of its blocks was removed meanwhile. */
async function compactGroup(
  { store, manifest, system, writer }: CompactOptions,
  dataset: string,
  group: readonly BlockInfo[],
  schema: unknown,
): Promise<BlockInfo | undefined> {
  const columns = datasetColumns(dataset, [schema])
  const target = rewriteSchema(dataset, schema)
  const id = ulid(system)
  const batch = await readAll(store, group, schema, columns)
  const { start, received } = batch.columns
  const order =
    start?.type === 'instant'
      ? timeOrder(start.values, batch.length)
      : Uint32Array.from({ length: batch.length }, (_, row) => row)
  const firstReceived = received?.type === 'instant' ? (received.values[order[0] ?? 0] ?? 0) : 0
  const { bytes, info } = encodeParquetBlock(batch, order, { columns, schema: target })
  const collector = [...new Set(group.map((block) => block.collector))].sort().join('+')
  const block: BlockInfo = { key: blockKey(dataset, firstReceived, id, 'parquet'), collector, ...info }
  await store.write(block.key, bytes, { ifAbsent: true })
  const removals = group.map(({ key }): RemoveBlock => ({ type: 'removeBlock', dataset, key }))
  const additions: Action[] = [
    { type: 'addSchema', schemaId: block.schemaId, schema: target },
    { type: 'addBlock', dataset, block },
  ]
  try {
    await manifest.commit({ operation: 'compact', writer, actions: [...removals, ...additions] })
  } catch (error) {
    // The file stays behind as an orphan, which gc removes.
    if (error instanceof StorageError && error.code === 'conflict') return undefined
    throw error
  }
  return block
}

/** The rows of all blocks of a group, in order of the blocks. */
async function readAll(
  store: ObjectStore,
  group: readonly BlockInfo[],
  schema: unknown,
  columns: readonly ColumnSpec[],
): Promise<Batch> {
  const all = createBatch(columns, sumOf(group, 'records'))
  for (const block of group) {
    for await (const { batch } of readBlock({ store, block, schema, columns })) copyRows(batch, 0, batch.length, all)
  }
  return all
}
