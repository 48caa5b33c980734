import { blockKey } from '../../src/storage/block/keys.ts'
import type { BlockInfo } from '../../src/storage/manifest/actions.ts'
import { ulid } from '../../src/storage/ulid.ts'
import type { FlowStore } from './flow-store.ts'
import { START } from './flow-store.ts'

/** Commits blocks of a million flows and 40 MB each that are in the manifest alone: enough to plan with, and nothing to read. */
export async function addUnreadableBlocks({ manifest, system }: FlowStore, count: number): Promise<void> {
  const [known] = await blocksOf(manifest)
  if (!known) throw new Error('large store: expected a block to copy, got none')
  const [header = 0] = known.chunks[0] ?? []
  const length = 10_000_000
  const chunks = [0, 1, 2, 3].map(
    (chunk) => [header + chunk * length, length, 250_000, START, START + 3_600_000] as const,
  )
  const actions = Array.from({ length: count }, () => {
    const key = blockKey('flows', START, ulid(system), 'avro')
    const block: BlockInfo = {
      ...known,
      key,
      records: 1_000_000,
      sizeBytes: header + 4 * length,
      samplingUnknown: 0,
      chunks,
    }
    return { type: 'addBlock' as const, dataset: 'flows', block }
  })
  await manifest.commit({ operation: 'import', writer: 'test', actions })
}

async function blocksOf(manifest: FlowStore['manifest']): Promise<BlockInfo[]> {
  const blocks: BlockInfo[] = []
  for await (const block of (await manifest.snapshot()).blocks('flows', {})) blocks.push(block)
  return blocks
}
