import type { ChunkInfo } from '../manifest/actions.ts'
import type { TimeSpan } from './statistics.ts'
import { lastTime, mergeSpan } from './statistics.ts'

/** Most chunks of a block that the manifest describes. */
export const MAX_CHUNKS = 64

/** One sync-block of a finished file. */
export interface SyncBlockInfo {
  readonly offset: number
  readonly length: number
  readonly records: number
  readonly span: Readonly<TimeSpan>
}

/** Groups sync-blocks, which follow one another without gaps, into at most 64 chunks of equally many. */
export function groupChunks(syncBlocks: readonly SyncBlockInfo[]): ChunkInfo[] {
  const size = Math.max(1, Math.ceil(syncBlocks.length / MAX_CHUNKS))
  const chunks: ChunkInfo[] = []
  for (let i = 0; i < syncBlocks.length; i += size) {
    const group = syncBlocks.slice(i, i + size)
    const span: TimeSpan = { minStart: null, maxStart: null, minEnd: null, maxEnd: null }
    let length = 0
    let records = 0
    for (const block of group) {
      mergeSpan(span, block.span)
      length += block.length
      records += block.records
    }
    chunks.push([group[0]!.offset, length, records, span.minStart, lastTime(span)])
  }
  return chunks
}
