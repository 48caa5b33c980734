import type { RemoveBlock } from '../manifest/actions.ts'
import type { Manifest } from '../manifest/manifest.ts'

export interface ExpireOptions {
  readonly manifest: Manifest
  readonly dataset?: string
  /** Blocks all of whose flows ended before this time (milliseconds) go. */
  readonly before: number
  readonly writer: string
  readonly dryRun?: boolean
}

export interface ExpireSummary {
  readonly dataset: string
  readonly blocks: number
  readonly bytes: number
  readonly records: number
}

/** Retention: removes the blocks that are wholly older than a time from the manifest, in one commit; gc deletes the files later. */
export async function expire({
  manifest,
  dataset = 'flows',
  before,
  writer,
  dryRun = false,
}: ExpireOptions): Promise<ExpireSummary> {
  const snapshot = await manifest.snapshot()
  const actions: RemoveBlock[] = []
  const summary = { dataset, blocks: 0, bytes: 0, records: 0 }
  for await (const { key, maxEnd, maxStart, sizeBytes, records } of snapshot.blocks(dataset, { to: before })) {
    if (maxEnd === null || maxStart === null || Math.max(maxEnd, maxStart) >= before) continue
    actions.push({ type: 'removeBlock', dataset, key })
    summary.blocks++
    summary.bytes += sizeBytes
    summary.records += records
  }
  if (actions.length > 0 && !dryRun) await manifest.commit({ operation: 'expire', writer, actions })
  return summary
}
