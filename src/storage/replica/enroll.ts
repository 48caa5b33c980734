import { StorageError } from '../errors.ts'
import { isPlaced } from './placement.ts'
import { markReconciled, reconcile } from './reconcile.ts'
import { type EpochRecord, encodeRecord, epochKey, REPLICA_PREFIX, VOLUME_KEY } from './records.ts'
import type { ReplicaSet, SetView } from './replica-set.ts'
import { isVolumeFailure, readIfThere, type Volume, writeOnce } from './volume.ts'

/** Objects beyond which a volume without identity is not looked through. */
const MAX_LEFTOVERS = 10_000

/**
 * Takes volumes that answer but are not in the current epoch into it: blank ones, ones that joined halfway, and ones back from before a promotion. Returns their
 * slots. One that fails meanwhile is left for the next time.
 */
export async function enroll(set: ReplicaSet, view: SetView): Promise<number[]> {
  const { record, primary } = view
  if (record === undefined || primary === undefined) return []
  const enrolled: number[] = []
  for (const [slot, { type }] of view.states.entries()) {
    if (view.current.includes(slot) || type === 'down') continue
    const volume = set.volume(slot)
    try {
      if (type === 'foreign' && !(await holdsLeftovers(set, view, volume))) continue
      await enrollOne(set, view, record, set.volume(primary), volume)
      enrolled.push(slot)
    } catch (error) {
      if (!isVolumeFailure(error)) throw error
    }
  }
  if (enrolled.length > 0) set.forget()
  return enrolled
}

/** A volume gets the epoch only when it has what every volume must have; commits made meanwhile it gets from their writers, or in the second look. */
async function enrollOne(
  set: ReplicaSet,
  view: SetView,
  record: EpochRecord,
  primary: Volume,
  volume: Volume,
): Promise<void> {
  const { epoch } = record
  const at = set.standpoint(view, primary.slot)
  if (view.states[volume.slot]?.type !== 'member') await clearRecords(volume)
  const identity = await set.join(volume.slot, record.set)
  if (identity.set !== record.set) {
    const message = `store: replica volume expected of set ${record.set}, got ${identity.set} at ${volume.url}`
    throw new StorageError('conflict', message)
  }
  await reconcile(primary, volume, { at, deep: true })
  await writeOnce(volume.store, epochKey(epoch), encodeRecord(record))
  await reconcile(primary, volume, { at, deep: false })
  await markReconciled(volume, epoch)
}

/** What is left of another identity on a volume that has none would stand against the new one. */
async function clearRecords({ store }: Volume): Promise<void> {
  for await (const { key } of store.list(REPLICA_PREFIX)) if (key !== VOLUME_KEY) await store.remove(key)
}

/**
 * True for a volume without identity that holds nothing but copies of what the set has: one that was emptied while somebody wrote to it. A plain store is told
 * from it by its first commit, which is another.
 */
async function holdsLeftovers(set: ReplicaSet, view: SetView, volume: Volume): Promise<boolean> {
  const members = set.volumes.filter(({ slot }) => view.states[slot]?.type === 'member')
  let count = 0
  for await (const { key, sizeBytes } of volume.store.list('')) {
    if (key.startsWith(REPLICA_PREFIX)) continue
    if (++count > MAX_LEFTOVERS || !(await isCopy(members, volume, key, sizeBytes))) return false
  }
  return true
}

async function isCopy(members: readonly Volume[], volume: Volume, key: string, sizeBytes: number): Promise<boolean> {
  for (const { store } of members) {
    if ((await store.stat(key))?.sizeBytes !== sizeBytes) continue
    if (isPlaced(key)) return true
    const [own, other] = await Promise.all([readIfThere(volume.store, key), readIfThere(store, key)])
    if (own && other && Buffer.compare(own, other) === 0) return true
  }
  return false
}
