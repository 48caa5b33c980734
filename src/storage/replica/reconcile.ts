import { StorageError } from '../errors.ts'
import type { ObjectEntry } from '../store.ts'
import { Crew } from './crew.ts'
import { mergeLists } from './merge-list.ts'
import { BLOCKS_PREFIX, isPlaced } from './placement.ts'
import { encodeRecord, parseReconciled, RECONCILED_KEY, REPLICA_PREFIX } from './records.ts'
import { readIfThere, type Standpoint, type Volume } from './volume.ts'

/** Objects copied at a time. */
const CONCURRENCY = 8

export interface ReconcileOptions {
  /** The epoch, and the primary in it. */
  readonly at: Standpoint
  readonly deep: boolean
}

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
 * What `to` has is touched only while the primary is the volume it was, which an emptied one is not, and no promotion was seen on either.
 */
export async function reconcile(primary: Volume, to: Volume, { at, deep }: ReconcileOptions): Promise<ReconcileCounts> {
  const counts = { copied: 0, removed: 0 }
  const settleOne = async ({ key }: ObjectEntry, sources: readonly number[]): Promise<void> => {
    const isGone = !sources.includes(0) && (await primary.store.stat(key)) === undefined
    if (sources.includes(1)) await refuseOvertaken(primary, to, at)
    if (isGone) {
      await to.store.remove(key)
      counts.removed++
    } else if (await copyObject(primary, to, key)) counts.copied++
  }
  const sizes = new Map<string, number>()
  const remember = async function* (list: AsyncIterable<ObjectEntry>): AsyncIterable<ObjectEntry> {
    for await (const entry of list) {
      sizes.set(entry.key, entry.sizeBytes)
      yield entry
    }
  }
  await Crew.run(CONCURRENCY, async (crew) => {
    for await (const { entry, sources } of mergeLists([followedKeys(primary), remember(followedKeys(to))])) {
      const ownSize = sizes.get(entry.key)
      sizes.delete(entry.key)
      const alike = sources.length === 2 && ownSize === entry.sizeBytes
      if (!alike || (deep && (await differs(primary, to, entry.key)))) await crew.add(() => settleOne(entry, sources))
    }
  })
  await refuseOvertaken(primary, to, at)
  return counts
}

async function refuseOvertaken(primary: Volume, to: Volume, at: Standpoint): Promise<void> {
  const [own, moved] = await Promise.all([primary.standing(at), to.hasMoved(at.epoch)])
  if (own === 'current' && !moved) return
  const message = `store: reconcile expected the primary of epoch ${at.epoch}, got another or an emptied one at ${primary.url}`
  throw new StorageError('unavailable', message)
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

/** The last epoch in which this volume was compared byte by byte; 0 for never. */
export async function reconciledEpoch(volume: Volume): Promise<number> {
  const bytes = await readIfThere(volume.store, RECONCILED_KEY)
  return bytes === undefined ? 0 : parseReconciled(bytes, volume.url)
}

export async function markReconciled(volume: Volume, epoch: number): Promise<void> {
  await volume.store.write(RECONCILED_KEY, encodeRecord({ epoch }))
}
