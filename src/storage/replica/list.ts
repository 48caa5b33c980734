import { StorageError } from '../errors.ts'
import type { ObjectEntry } from '../store.ts'
import { mergeLists } from './merge-list.ts'
import { BLOCKS_PREFIX, isPlaced } from './placement.ts'
import { absentWithoutSet } from './read.ts'
import { REPLICA_PREFIX } from './records.ts'
import { describe, type ReplicaSet, type SetView } from './replica-set.ts'
import { isVolumeFailure, type Volume } from './volume.ts'

export interface ListOptions {
  readonly prefix: string
  readonly startAfter: string
}

/** Lists a set: blocks as all volumes together have them, everything else as the primary has it. */
export async function* listSet(set: ReplicaSet, options: ListOptions): AsyncIterable<ObjectEntry> {
  const view = await viewWithPrimary(set)
  if (view.record === undefined) return absentWithoutSet(view)
  const { prefix } = options
  const lists: AsyncIterable<ObjectEntry>[] = []
  if (!isPlaced(prefix)) lists.push(listFollowed(set, view, options))
  if (isPlaced(prefix) || BLOCKS_PREFIX.startsWith(prefix)) lists.push(listPlaced(set, view, options))
  for await (const { entry } of mergeLists(lists)) yield entry
}

/** The view, looked at anew when the primary turns out to be another than it was. */
async function viewWithPrimary(set: ReplicaSet): Promise<SetView> {
  const view = await set.view()
  if (view.record === undefined || view.primary === undefined) return view
  const standing = await set.standing(view, view.primary).catch((error: unknown) => {
    if (isVolumeFailure(error)) return 'down' as const
    throw error
  })
  return standing === 'current' ? view : set.refresh()
}

/** What every volume has, by the primary; without it by all others together, if they are enough to know every object that was acknowledged. */
async function* listFollowed(set: ReplicaSet, view: SetView, options: ListOptions): AsyncIterable<ObjectEntry> {
  if (view.primary !== undefined) {
    yield* ownKeys(set.volume(view.primary), options)
    return confirm(set, view)
  }
  const enough = set.volumes.length - set.quorum + 1
  if (view.current.length < enough)
    throw new StorageError(
      'unavailable',
      `store: replica set expected ${enough} volumes to answer, got ${view.current.length} of ${describe(view)}`,
    )
  const lists = view.current.map((slot) => ownKeys(set.volume(slot), options))
  for await (const { entry } of mergeLists(lists)) yield entry
}

/** A volume that was emptied while it was listed has shown too little. */
async function confirm(set: ReplicaSet, view: SetView): Promise<void> {
  const { primary } = view
  if (primary === undefined) return
  if ((await set.standing(view, primary)) === 'current') return
  set.forget()
  throw new StorageError('unavailable', 'store: list expected the primary to stay, got another')
}

async function* ownKeys(volume: Volume, { prefix, startAfter }: ListOptions): AsyncIterable<ObjectEntry> {
  for await (const entry of volume.store.list(prefix, startAfter))
    if (!isPlaced(entry.key) && !entry.key.startsWith(REPLICA_PREFIX)) yield entry
}

/** Blocks of all volumes that answer; refused when so many do not that all copies of a block may be on them. */
async function* listPlaced(
  set: ReplicaSet,
  view: SetView,
  { prefix, startAfter }: ListOptions,
): AsyncIterable<ObjectEntry> {
  const members = [...view.states.keys()].filter((slot) => view.states[slot]?.type === 'member')
  let missing = set.volumes.length - members.length
  const check = (): void => {
    if (missing >= set.blockQuorum)
      throw new StorageError(
        'unavailable',
        `store: list expected fewer than ${set.blockQuorum} volumes out of reach, got ${missing}`,
      )
  }
  check()
  const from = isPlaced(prefix) ? prefix : BLOCKS_PREFIX
  const tolerant = async function* (volume: Volume): AsyncIterable<ObjectEntry> {
    try {
      yield* volume.store.list(from, startAfter)
    } catch (error) {
      if (!isVolumeFailure(error)) throw error
      missing++
      check()
    }
  }
  for await (const { entry } of mergeLists(members.map((slot) => tolerant(set.volume(slot))))) yield entry
}
