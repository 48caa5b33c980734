import { mergeByKey } from './key-merge.ts'
import type { BlockInfo } from './manifest/actions.ts'
import type { StoreSnapshot } from './manifest/manifest.ts'

/** The blocks that a snapshot shows in all its datasets, in order of key. */
export async function liveBlocks(snapshot: StoreSnapshot): Promise<AsyncGenerator<BlockInfo>> {
  const datasets = await snapshot.datasets()
  return mergeByKey(datasets.map(({ dataset }) => snapshot.blocks(dataset)))
}
