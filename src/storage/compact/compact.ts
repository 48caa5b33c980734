import type { BlockInfo } from '../manifest/actions.ts'
import type { Manifest } from '../manifest/manifest.ts'
import type { ObjectStore } from '../store.ts'
import type { System } from '../system.ts'
import type { ChooseOptions } from './choose.ts'
import { chooseGroups } from './choose.ts'
import { GroupWriter } from './group-writer.ts'

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
  /** Threads that read and encode; default: one per core. */
  readonly threads?: number
  /** Bound on the memory of the process, about; a group that needs more becomes several blocks. */
  readonly memoryBytes?: number
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

/** Flows of a compacted block, about. */
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
  const committed = (group: readonly BlockInfo[], made: readonly BlockInfo[] | undefined): void => {
    recordsDone += sumOf(group, 'records')
    if (!made) {
      summary.conflicts++
      return
    }
    summary.blocksBefore += group.length
    summary.bytesBefore += sumOf(group, 'sizeBytes')
    summary.blocksAfter += made.length
    summary.bytesAfter += sumOf(made, 'sizeBytes')
    summary.records += sumOf(made, 'records')
  }
  let groupsDone = 0
  for (const ofSchema of bySchema(groups)) {
    const schema = await snapshot.schema(ofSchema[0]![0]!.schemaId) // groups have blocks
    const writer = new GroupWriter({ ...options, dataset, schema, groups: ofSchema, onCommit: committed })
    try {
      for (const group of ofSchema) {
        signal?.throwIfAborted()
        onProgress?.({ groups: groups.length, groupsDone: groupsDone++, records, recordsDone })
        await writer.write(group)
      }
      await writer.drain()
    } finally {
      await writer.close()
    }
  }
  onProgress?.({ groups: groups.length, groupsDone, records, recordsDone })
  return summary
}

/** Groups of one schema together; they come sorted so. */
function bySchema(groups: readonly BlockInfo[][]): BlockInfo[][][] {
  const sorted = new Map<string, BlockInfo[][]>()
  for (const group of groups) {
    const id = group[0]!.schemaId
    sorted.set(id, [...(sorted.get(id) ?? []), group])
  }
  return [...sorted.values()]
}

const sumOf = (blocks: readonly BlockInfo[], field: 'records' | 'sizeBytes'): number =>
  blocks.reduce((sum, block) => sum + block[field], 0)
