import type { Keyed } from './key-merge.ts'
import { mergeByKey } from './key-merge.ts'
import type { Manifest, StoreSnapshot } from './manifest/manifest.ts'

/** What is kept: every version from `version` to that of `head`, and the leased ones before. */
export interface Kept {
  readonly head: StoreSnapshot
  readonly version: number
  readonly leased: readonly number[]
}

/**
 * Keys of the blocks that some kept version shows, in order, some of them more than once: those live in the oldest kept version, those
 * added since, and those live in leased versions. Holds only the keys added since.
 */
export async function neededKeys(manifest: Manifest, kept: Kept): Promise<AsyncIterable<Keyed>> {
  const snapshots = await Promise.all([kept.version, ...kept.leased].map((version) => manifest.snapshot({ version })))
  const live = await Promise.all(snapshots.map(liveKeys))
  return mergeByKey([await addedSince(manifest, kept), ...live.flat()])
}

/** The live keys of a snapshot, one sorted stream per dataset. */
async function liveKeys(snapshot: StoreSnapshot): Promise<AsyncIterable<Keyed>[]> {
  const datasets = await snapshot.datasets()
  return datasets.map(({ dataset }) => snapshot.blocks(dataset))
}

async function addedSince(manifest: Manifest, { head, version }: Kept): Promise<AsyncIterable<Keyed>> {
  const keys: string[] = []
  for await (const { header, actions } of manifest.history({ before: head.version + 1 })) {
    if (header.version <= version) break
    for (const action of actions) if (action.type === 'addBlock') keys.push(action.block.key)
  }
  return sorted(keys)
}

async function* sorted(keys: string[]): AsyncGenerator<Keyed> {
  for (const key of keys.sort()) yield { key }
}
