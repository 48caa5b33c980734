import { StorageError } from '../errors.ts'
import { holdsSource, withSource } from '../source.ts'
import type { LocalFile } from '../store.ts'
import { LOG_PREFIX } from './catch-up.ts'
import { enroll } from './enroll.ts'
import { placementOrder } from './placement.ts'
import type { EpochRecord } from './records.ts'
import type { ReplicaSet, SetView } from './replica-set.ts'
import { type EpochStanding, isVolumeFailure, type Volume, writeOnce } from './volume.ts'

export interface ReplicaWrite {
  readonly key: string
  readonly body: Uint8Array | LocalFile
  readonly ifAbsent: boolean
}

export type Ready = SetView & { readonly record: EpochRecord; readonly primary: number }

/** Rounds after which a write that meets a new primary each time is given up. */
const ROUNDS = 3

/**
 * Writes an object that every volume is to have. The primary decides, by its conditional create, between racing writers. The write counts when a quorum
 * of volumes has the object and was, after it had it, still in the epoch this writer knows. A promotion closes the epoch on so many volumes that one of
 * that quorum is among them, and only then looks at what they have; so it either finds the object or the writer finds the promotion.
 */
export async function writeFollowed(set: ReplicaSet, write: ReplicaWrite): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const ready = await readyToCommit(set)
    const primary = set.volume(ready.primary)
    const won = await decide(primary, write, round > 0)
    if (!won && (await set.standing(ready, primary.slot)) === 'current') throw exists(set, write.key)
    if (won && (await spread(set, ready, write)) === 'done') return
    set.forget()
  }
  throw short(`one primary during ${ROUNDS} tries`, 'another each time', write.key)
}

/** Writes to the primary; false when another writer was there first. In a later round the object may be this writer's own, from before a promotion. */
async function decide(primary: Volume, { key, body, ifAbsent }: ReplicaWrite, again: boolean): Promise<boolean> {
  if (!ifAbsent) {
    await primary.use((store) => store.write(key, body))
    return true
  }
  if (await primary.use((store) => writeOnce(store, key, body))) return true
  return again && (await primary.use((store) => withSource(body, (source) => holdsSource(store, key, source))))
}

/**
 * Brings what the primary has to the others and counts. The primary must be the volume it was when it decided: an emptied one lets anybody win, and that must
 * not reach the others.
 */
async function spread(set: ReplicaSet, ready: Ready, write: ReplicaWrite): Promise<'done' | 'moved'> {
  const { record, states } = ready
  const primary = set.volume(ready.primary)
  if ((await set.standing(ready, primary.slot)) === 'absent') {
    await takeBack(primary, write)
    return 'moved'
  }
  const followers = set.volumes.filter((volume) => volume !== primary && states[volume.slot]?.type === 'member')
  const copied = await Promise.all(followers.map((volume) => follow(set, ready, volume, write)))
  // after the copies: what the primary says now holds for the time they were made
  const standings = [await standingOf(set, ready, primary), ...copied]
  if (standings.includes('moved')) return 'moved'
  const count = standings.filter((standing) => standing === 'current').length
  if (count >= record.quorum) return 'done'
  set.forget()
  throw short(`${record.quorum} volumes to take it`, String(count), write.key)
}

/** Gives a follower the commits that it lacks and then its copy; says in which epoch it was, before and after. */
async function follow(
  set: ReplicaSet,
  ready: Ready,
  volume: Volume,
  write: ReplicaWrite,
): Promise<EpochStanding | 'down'> {
  if (volume.suspect) return 'down'
  try {
    const before = await set.standing(ready, volume.slot)
    if (before !== 'current') return before
    if (write.key.startsWith(LOG_PREFIX))
      await set.catchUp.commits(ready.record.epoch, set.volume(ready.primary), volume, write.key)
    await copyTo(set, ready, volume, write)
    return await set.standing(ready, volume.slot)
  } catch (error) {
    if (isVolumeFailure(error)) return 'down'
    throw error
  }
}

/** Writes one follower's copy. One that is there and differs was left by a writer that a promotion overtook; perhaps that is this one. */
async function copyTo(
  set: ReplicaSet,
  ready: Ready,
  volume: Volume,
  { key, body, ifAbsent }: ReplicaWrite,
): Promise<void> {
  if (ifAbsent) {
    if (await volume.use((store) => writeOnce(store, key, body))) return
    if (await volume.use((store) => withSource(body, (source) => holdsSource(store, key, source)))) return
    if ((await set.standing(ready, volume.slot)) !== 'current') return
  }
  await volume.use((store) => store.write(key, body))
}

/**
 * Writes a block to `factor` volumes in the order of its placement, going on to the next where one fails. It counts when the block quorum has it; what is short
 * of the factor, maintenance makes up. With `ifAbsent` the primary decides and has a copy.
 */
export async function writePlaced(set: ReplicaSet, write: ReplicaWrite): Promise<void> {
  const ready = await readyToCommit(set)
  const { primary, states } = ready
  const holders = new Set<number>()
  if (write.ifAbsent) {
    if (!(await decide(set.volume(primary), write, false))) throw exists(set, write.key)
    if ((await set.standing(ready, primary)) === 'absent') {
      await takeBack(set.volume(primary), write)
      set.forget()
      throw short(`the primary at ${set.volume(primary).url}`, 'an emptied volume', write.key)
    }
    holders.add(primary)
  }
  const order = placementOrder(write.key, set.volumes.length).filter(
    (slot) => states[slot]?.type === 'member' && !holders.has(slot),
  )
  const queue = [
    ...order.filter((slot) => !set.volume(slot).suspect),
    ...order.filter((slot) => set.volume(slot).suspect),
  ]
  while (holders.size < set.location.factor && queue.length > 0) {
    const next = queue.splice(0, set.location.factor - holders.size)
    const outcomes = await Promise.all(next.map((slot) => place(set, ready, set.volume(slot), write)))
    for (const [index, slot] of next.entries()) if (outcomes[index]) holders.add(slot)
  }
  if (holders.size >= set.blockQuorum) return
  set.forget()
  throw short(`${set.blockQuorum} volumes to take it`, String(holders.size), write.key)
}

/** Writes one copy of a block; false when the volume failed, or is no longer the one it was. */
async function place(set: ReplicaSet, ready: Ready, volume: Volume, write: ReplicaWrite): Promise<boolean> {
  try {
    await volume.use((store) => store.write(write.key, write.body))
    if ((await set.standing(ready, volume.slot)) !== 'absent') return true
    await takeBack(volume, write)
    return false
  } catch (error) {
    if (isVolumeFailure(error)) return false
    throw error
  }
}

/** The set, ready for a write: when too few volumes are in the epoch, those that can be taken in are. */
export async function readyToCommit(set: ReplicaSet): Promise<Ready> {
  const ready = await set.writable()
  if (ready.current.length >= ready.record.quorum) return ready
  await enroll(set, await set.refresh())
  return set.writable()
}

/** Best effort: an object on a volume that turned out to be an emptied one is in the way of its taking part again. */
async function takeBack(volume: Volume, { key }: ReplicaWrite): Promise<void> {
  await volume.store.remove(key).catch(() => undefined)
}

async function standingOf(set: ReplicaSet, ready: Ready, volume: Volume): Promise<EpochStanding | 'down'> {
  try {
    return await set.standing(ready, volume.slot)
  } catch (error) {
    if (isVolumeFailure(error)) return 'down'
    throw error
  }
}

function exists(set: ReplicaSet, key: string): StorageError {
  const { volumes } = set.location
  return new StorageError(
    'exists',
    `store: object expected absent in a set of ${volumes.length} volumes, got one at ${key}`,
    { key },
  )
}

function short(expected: string, got: string, key: string): StorageError {
  return new StorageError('unavailable', `store: write of ${key} expected ${expected}, got ${got}`, { key })
}
