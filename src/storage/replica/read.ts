import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import { placementOrder } from './placement.ts'
import { describe, type ReplicaSet, type SetView } from './replica-set.ts'
import { isVolumeFailure, type Volume } from './volume.ts'

/** Asks one volume; undefined is the answer "no such object". */
export type Ask<Answer> = (store: ObjectStore) => Promise<Answer | undefined>

/**
 * Asks for an object that every volume has: the primary, whose word is final as long as it is the volume it was and nobody was promoted; without it
 * the others. Their "no such object" counts when so many say it that at least one of them would have an object that was ever acknowledged.
 */
export async function askFollowed<Answer>(set: ReplicaSet, ask: Ask<Answer>): Promise<Answer | undefined> {
  for (let tried = 0; tried < 3; tried++) {
    const view = await set.view()
    if (view.record === undefined) return absentWithoutSet(view)
    if (view.primary === undefined || set.volume(view.primary).suspect) return askOthers(set, view, ask)
    const primary = set.volume(view.primary)
    try {
      const answer = await primary.use(ask)
      if (answer !== undefined) return answer
      if ((await set.standing(view, view.primary)) === 'current') return undefined
    } catch (error) {
      if (!passesOn(error)) throw error
      return askOthers(set, view, ask)
    }
    set.forget()
  }
  throw new StorageError('unavailable', 'store: replica set expected its primary to stay, got a new one with every try')
}

async function askOthers<Answer>(set: ReplicaSet, view: SetView, ask: Ask<Answer>): Promise<Answer | undefined> {
  const volumes = trustedFirst(view.current.map((slot) => set.volume(slot)))
  let absent = 0
  let failure: unknown
  for (const volume of volumes) {
    try {
      const answer = await volume.use(ask)
      if (answer !== undefined) return answer
      if ((await set.standing(view, volume.slot)) === 'current') absent++
    } catch (error) {
      if (!passesOn(error)) throw error
      failure = error
    }
  }
  const enough = set.volumes.length - set.quorum + 1
  if (absent >= enough) return undefined
  throw new StorageError(
    'unavailable',
    `store: replica set expected ${enough} volumes to answer, got ${absent} of ${describe(view)}`,
    {},
    failure,
  )
}

export interface PlacedAnswer<Answer> {
  readonly answer: Answer
  readonly from: Volume
  /** Volumes that were asked first and do not have the object, or not in a whole state. */
  readonly without: readonly Volume[]
}

/** Asks for a block, volume by volume in the order of its placement. It is absent when so few volumes were out of reach that it cannot be on them alone. */
export async function askPlaced<Answer>(
  set: ReplicaSet,
  key: string,
  ask: Ask<Answer>,
): Promise<PlacedAnswer<Answer> | undefined> {
  const view = await set.view()
  if (view.record === undefined) return absentWithoutSet(view)
  const slots = placementOrder(key, set.volumes.length).filter((slot) => view.states[slot]?.type === 'member')
  const without: Volume[] = []
  let absent = 0
  let failure: unknown
  for (const volume of trustedFirst(slots.map((slot) => set.volume(slot)))) {
    try {
      const answer = await volume.use(ask)
      if (answer !== undefined) return { answer, from: volume, without }
      without.push(volume)
    } catch (error) {
      if (!passesOn(error)) throw error
      if (error.code === 'corrupt') without.push(volume)
      failure = error
    }
  }
  for (const volume of without) if (await isMember(set, view, volume)) absent++
  if (set.volumes.length - absent < set.blockQuorum) return undefined
  throw new StorageError(
    'unavailable',
    `store: replica set expected ${key} on a volume in reach, got none of ${describe(view)}`,
    { key },
    failure,
  )
}

/** Volumes that have been working first. */
function trustedFirst(volumes: readonly Volume[]): Volume[] {
  return [...volumes.filter((volume) => !volume.suspect), ...volumes.filter((volume) => volume.suspect)]
}

/** True when a volume that has nothing under a key is still a volume of the set, not an emptied one. */
async function isMember(set: ReplicaSet, view: SetView, volume: Volume): Promise<boolean> {
  try {
    return (await set.standing(view, volume.slot)) !== 'absent'
  } catch (error) {
    if (isVolumeFailure(error)) return false
    throw error
  }
}

/** True for a failure that another volume may make good. */
function passesOn(error: unknown): error is StorageError {
  return isVolumeFailure(error) || (error instanceof StorageError && error.code === 'corrupt')
}

/** A set that was never made is empty, if every volume says so. */
export function absentWithoutSet(view: SetView): undefined {
  const down = view.states.find((state) => state.type === 'down')
  if (down)
    throw new StorageError(
      'unavailable',
      'store: replica set expected a volume of it to answer, got none',
      {},
      down.error,
    )
  if (view.states.some((state) => state.type === 'foreign'))
    throw new StorageError(
      'not-a-store',
      'store: replica set expected, got a plain store among its volumes (fs promote makes that the first)',
    )
  return undefined
}
