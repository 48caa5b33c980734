import { StorageError } from '../errors.ts'
import { isManifestKey } from './catch-up.ts'
import type { ReplicaSet, SetView } from './replica-set.ts'
import { isVolumeFailure, type Volume } from './volume.ts'
import { type Ready, readyToCommit } from './write.ts'

/** Removes every copy of a block in reach. One on a volume out of reach stays, and is an orphan when that is back. */
export async function removeBlock(set: ReplicaSet, { states }: SetView, key: string): Promise<void> {
  const volumes = set.volumes.filter(({ slot }) => states[slot]?.type === 'member')
  const removed = await Promise.all(volumes.map((volume) => toleratingLoss(volume.use((store) => store.remove(key)))))
  if (removed.includes(true)) return
  throw new StorageError('unavailable', `store: remove of ${key} expected a volume to answer, got none`, { key })
}

/**
 * Removes an object that every volume has: from the primary first, so that reconciling only takes away what the primary no longer has. Before the first of what
 * snapshots are read from goes, a quorum must have what stands in for it.
 */
export async function removeFollowed(set: ReplicaSet, key: string): Promise<void> {
  const ready = await readyToCommit(set)
  const primary = set.volume(ready.primary)
  const followers = set.volumes.filter(({ slot }) => slot !== ready.primary && ready.states[slot]?.type === 'member')
  if (isManifestKey(key)) await secure(set, ready, primary, followers, key)
  await primary.use((store) => store.remove(key))
  await Promise.all(followers.map((volume) => toleratingLoss(volume.use((store) => store.remove(key)))))
}

async function secure(
  set: ReplicaSet,
  { record }: Ready,
  primary: Volume,
  followers: readonly Volume[],
  key: string,
): Promise<void> {
  const secured = await Promise.all(
    followers.map((volume) => toleratingLoss(set.catchUp.everything(record.epoch, primary, volume))),
  )
  const count = 1 + secured.filter(Boolean).length
  if (count >= record.quorum) return
  throw new StorageError(
    'unavailable',
    `store: remove of ${key} expected ${record.quorum} volumes up to date, got ${count}`,
    { key },
  )
}

/** False when the volume failed as a whole. */
async function toleratingLoss(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    if (isVolumeFailure(error)) return false
    throw error
  }
}
