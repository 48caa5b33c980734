import type { ObjectEntry } from '../store.ts'
import { Crew } from './crew.ts'
import { enroll } from './enroll.ts'
import { mergeLists } from './merge-list.ts'
import { placementOrder } from './placement.ts'
import { copyObject, markReconciled, placedKeys, reconcile, reconciledEpoch } from './reconcile.ts'
import { encodeRecord, HEARTBEAT_KEY, HEARTBEATS_KEY, type Heartbeats, parseHeartbeats } from './records.ts'
import type { ReplicaSet, SetView } from './replica-set.ts'
import { isVolumeFailure, readIfThere, type Volume } from './volume.ts'

/** Blocks copied at a time. */
const CONCURRENCY = 4

export interface VolumeHealth {
  readonly url: string
  /** `behind`: a volume of the set that is not in the current epoch yet. */
  readonly state: 'primary' | 'follower' | 'behind' | 'blank' | 'foreign' | 'down'
  /** Last heartbeat, milliseconds; null for one never seen. */
  readonly heartbeat: number | null
  /** True when the heartbeat is missing for so long that its blocks are copied elsewhere. */
  readonly givenUp: boolean
}

export interface MaintenanceReport {
  readonly volumes: readonly VolumeHealth[]
  /** Volumes taken in: new, emptied or back. */
  readonly enrolled: number
  /** Objects other than blocks that followers lacked. */
  readonly followed: number
  /** Copies of blocks made. */
  readonly copied: number
  /** Blocks that still have fewer copies than the factor. */
  readonly underReplicated: number
}

/** One round of upkeep: a heartbeat of every volume, volumes taken in, followers brought up, and blocks brought to their factor. */
export async function maintain(
  set: ReplicaSet,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<MaintenanceReport> {
  const volumes = await beat(set)
  let view = await set.refresh()
  const enrolled = await enroll(set, view)
  if (enrolled.length > 0) view = await set.refresh()
  const followed = await bringUpFollowers(set, view)
  const waiting = volumes.filter(({ state, givenUp }, slot) => state === 'down' && !givenUp && !enrolled.includes(slot))
  const { copied, underReplicated } = await replicate(set, view, waiting.length, signal)
  return { volumes, enrolled: enrolled.length, followed, copied, underReplicated }
}

/** Writes the heartbeat of every volume, reads it back, and tells all that answer when each was last seen. */
export async function beat(set: ReplicaSet): Promise<VolumeHealth[]> {
  const view = await set.refresh()
  const now = set.system.now()
  const alive = await Promise.all(set.volumes.map((volume) => isAlive(volume, view, now)))
  const seen = { ...(await lastSeen(set, view)) }
  for (const [slot, answers] of alive.entries()) if (answers) seen[slot] = Math.max(now, seen[slot] ?? 0)
  const told = encodeRecord({ volumes: seen })
  await Promise.all(
    set.volumes.map(
      (volume, slot) => alive[slot] && attempt(() => volume.use((store) => store.write(HEARTBEATS_KEY, told))),
    ),
  )
  return healthOf(set, view, seen)
}

/** How the volumes stand by the last heartbeats that were written, without writing any. */
export async function health(set: ReplicaSet): Promise<VolumeHealth[]> {
  const view = await set.refresh()
  return healthOf(set, view, await lastSeen(set, view))
}

function healthOf(set: ReplicaSet, view: SetView, seen: Heartbeats): VolumeHealth[] {
  const now = set.system.now()
  return set.volumes.map(({ url, slot }) => {
    const type = view.states[slot]?.type ?? 'down'
    const heartbeat = seen[slot] ?? null
    const since = now - (heartbeat ?? view.record?.time ?? now)
    const role = slot === view.primary ? 'primary' : view.current.includes(slot) ? 'follower' : 'behind'
    const state = type === 'member' ? role : type
    return { url, state, heartbeat, givenUp: type === 'down' && since > set.location.missedMs }
  })
}

async function isAlive(volume: Volume, { states }: SetView, now: number): Promise<boolean> {
  if (states[volume.slot]?.type !== 'member') return false
  const mark = encodeRecord({ time: now })
  return attempt(async () => {
    await volume.use((store) => store.write(HEARTBEAT_KEY, mark))
    await volume.use((store) => store.read(HEARTBEAT_KEY))
  })
}

/** The latest that any volume was told about each slot. */
async function lastSeen(set: ReplicaSet, { states }: SetView): Promise<Heartbeats> {
  const latest: { [slot: string]: number } = {}
  for (const volume of set.volumes) {
    if (states[volume.slot]?.type !== 'member') continue
    await attempt(async () => {
      const bytes = await volume.use((store) => readIfThere(store, HEARTBEATS_KEY))
      const told = bytes === undefined ? {} : parseHeartbeats(bytes, volume.url)
      for (const [slot, time] of Object.entries(told)) latest[slot] = Math.max(time, latest[slot] ?? 0)
    })
  }
  return latest
}

/** Brings every follower up to the primary: byte by byte once in each epoch, by name and size otherwise. */
async function bringUpFollowers(set: ReplicaSet, view: SetView): Promise<number> {
  const { primary, record } = view
  if (primary === undefined || record === undefined) return 0
  let changed = 0
  for (const slot of view.current) {
    if (slot === primary) continue
    const volume = set.volume(slot)
    await attempt(async () => {
      const deep = (await reconciledEpoch(volume)) < record.epoch
      const { copied, removed } = await reconcile(set.volume(primary), volume, {
        at: set.standpoint(view, primary),
        deep,
      })
      changed += copied + removed
      if (deep) await markReconciled(volume, record.epoch)
    })
  }
  return changed
}

/** A block and the slots that have it. */
export interface BlockCopies {
  readonly entry: ObjectEntry
  readonly slots: readonly number[]
}

/** All blocks in order of key, with the slots of the volumes in reach that have each. */
export async function* blockCopies(set: ReplicaSet, view: SetView): AsyncIterable<BlockCopies> {
  const volumes = set.volumes.filter(({ slot }) => view.states[slot]?.type === 'member')
  for await (const { entry, sources } of mergeLists(volumes.map(placedKeys)))
    yield { entry, slots: sources.flatMap((index) => volumes[index]?.slot ?? []) }
}

/**
 * Copies blocks that have too few copies to the next volumes of their placement. A volume that is down but not given up may hold a copy of any block, and
 * no copy is made in its stead.
 */
async function replicate(
  set: ReplicaSet,
  view: SetView,
  waiting: number,
  signal: AbortSignal | undefined,
): Promise<{ copied: number; underReplicated: number }> {
  const counts = { copied: 0, underReplicated: 0 }
  const wanted = set.location.factor
  await Crew.run(CONCURRENCY, async (crew) => {
    for await (const { entry, slots } of blockCopies(set, view)) {
      signal?.throwIfAborted()
      const missing = wanted - slots.length - waiting
      if (missing > 0) await crew.add(() => copyBlock(set, view, entry.key, slots, missing, counts))
      else if (slots.length < wanted) counts.underReplicated++
    }
  })
  return counts
}

async function copyBlock(
  set: ReplicaSet,
  view: SetView,
  key: string,
  slots: readonly number[],
  missing: number,
  counts: { copied: number; underReplicated: number },
): Promise<void> {
  const targets = placementOrder(key, set.volumes.length).filter(
    (slot) => view.current.includes(slot) && !slots.includes(slot),
  )
  let made = 0
  for (const target of targets) {
    if (made === missing) break
    for (const source of slots)
      if (await attempt(async () => void (await copyObject(set.volume(source), set.volume(target), key)))) {
        made++
        break
      }
  }
  counts.copied += made
  if (slots.length + made < set.location.factor) counts.underReplicated++
}

/** False when a volume failed as a whole; the next round tries again. */
async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (isVolumeFailure(error)) return false
    throw error
  }
}
