import pLimit from 'p-limit'
import { StorageError } from '../errors.ts'
import type { ObjectEntry } from '../store.ts'
import { mergeLists } from './merge-list.ts'
import { BLOCKS_PREFIX, isPlaced } from './placement.ts'
import { encodeRecord, epochKey, parseReconciled, RECONCILED_KEY, REPLICA_PREFIX } from './records.ts'
import type { ReplicaSet, SetView } from './replica-set.ts'
import { isVolumeFailure, readIfThere, type Volume, writeOnce } from './volume.ts'

/** Objects copied at a time. */
const CONCURRENCY = 8

export interface ReconcileCounts {
  copied: number
  removed: number
}

/** Keys that every volume has: all but the blocks and the set's own. */
export async function* followedKeys(volume: Volume): AsyncIterable<ObjectEntry> {
  for await (const entry of volume.store.list(''))
    if (!isPlaced(entry.key) && !entry.key.startsWith(REPLICA_PREFIX)) yield entry
}

/** Blocks on one volume. */
export function placedKeys(volume: Volume): AsyncIterable<ObjectEntry> {
  return volume.store.list(BLOCKS_PREFIX)
}

/**
 * Makes what every volume has the same on `to` as on the primary: missing objects are copied, objects that are gone removed, others replaced when their
 * sizes differ or, with `deep`, any byte. A writer that commits meanwhile writes to the primary first, so an object on `to` alone is looked for once more before it goes.
 */
export async function reconcile(
  primary: Volume,
  to: Volume,
  { deep }: { readonly deep: boolean },
): Promise<ReconcileCounts> {
  const counts = { copied: 0, removed: 0 }
  const limit = pLimit(CONCURRENCY)
  const work: Promise<void>[] = []
  const settleOne = async ({ key }: ObjectEntry, sources: readonly number[]): Promise<void> => {
    if (sources.includes(0)) {
      if (await copyObject(primary, to, key)) counts.copied++
    } else if ((await primary.store.stat(key)) === undefined) {
      await to.store.remove(key)
      counts.removed++
    }
  }
  const sizes = new Map<string, number>()
  const remember = async function* (list: AsyncIterable<ObjectEntry>): AsyncIterable<ObjectEntry> {
    for await (const entry of list) {
      sizes.set(entry.key, entry.sizeBytes)
      yield entry
    }
  }
  for await (const { entry, sources } of mergeLists([followedKeys(primary), remember(followedKeys(to))])) {
    const ownSize = sizes.get(entry.key)
    sizes.delete(entry.key)
    const same =
      sources.length === 2 && ownSize === entry.sizeBytes && !(deep && (await differs(primary, to, entry.key)))
    if (same) continue
    work.push(limit(() => settleOne(entry, sources)))
    if (work.length >= CONCURRENCY * 4) await Promise.all(work.splice(0))
  }
  await Promise.all(work)
  return counts
}

async function differs(primary: Volume, to: Volume, key: string): Promise<boolean> {
  const [right, own] = await Promise.all([readIfThere(primary.store, key), readIfThere(to.store, key)])
  return right !== undefined && (own === undefined || Buffer.compare(right, own) !== 0)
}

/** Copies one object; false when it is gone. */
export async function copyObject(from: Volume, to: Volume, key: string): Promise<boolean> {
  const bytes = await from.use((store) => readIfThere(store, key))
  if (bytes === undefined) return false
  await to.use((store) => store.write(key, bytes))
  return true
}

/**
 * Takes volumes that answer but are not in the current epoch into it: blank ones, ones that joined halfway, and ones back from before a promotion. A volume gets
 * the epoch only when it has what every volume must have; commits made meanwhile it gets from their writers, or in the second look.
 */
export async function enroll(set: ReplicaSet, view: SetView): Promise<number[]> {
  const { record, primary } = view
  if (record === undefined || primary === undefined) return []
  const enrolled: number[] = []
  for (const [slot, state] of view.states.entries()) {
    if (view.current.includes(slot) || state.type === 'down') continue
    if (state.type === 'foreign') continue
    const volume = set.volume(slot)
    try {
      const identity = await set.join(slot, record.set)
      if (identity.set !== record.set)
        throw new StorageError(
          'conflict',
          `store: replica volume expected of set ${record.set}, got ${identity.set} at ${volume.url}`,
        )
      await reconcile(set.volume(primary), volume, { deep: true })
      const bytes = await set.volume(primary).store.read(epochKey(record.epoch))
      await writeOnce(volume.store, epochKey(record.epoch), bytes)
      await reconcile(set.volume(primary), volume, { deep: false })
      await markReconciled(volume, record.epoch)
      enrolled.push(slot)
    } catch (error) {
      if (!isVolumeFailure(error)) throw error
    }
  }
  if (enrolled.length > 0) set.forget()
  return enrolled
}

/** The last epoch in which this volume was compared byte by byte; 0 for never. */
export async function reconciledEpoch(volume: Volume): Promise<number> {
  const bytes = await readIfThere(volume.store, RECONCILED_KEY)
  return bytes === undefined ? 0 : parseReconciled(bytes, volume.url)
}

export async function markReconciled(volume: Volume, epoch: number): Promise<void> {
  await volume.store.write(RECONCILED_KEY, encodeRecord({ epoch }))
}
