import { StorageError } from '../errors.ts'
import { LOG_PREFIX } from './catch-up.ts'
import { mergeLists } from './merge-list.ts'
import { followedKeys, markReconciled, reconcile } from './reconcile.ts'
import { EPOCHS_PREFIX, type EpochRecord, encodeRecord, epochKey, epochOfKey, parseEpochRecord } from './records.ts'
import type { ReplicaSet, SetView } from './replica-set.ts'
import { isVolumeFailure, readIfThere, type Standpoint, type Volume, writeOnce } from './volume.ts'

export interface PromoteOptions {
  /** Go on although too few volumes answer to be sure of every commit; the last ones may be lost. */
  readonly force?: boolean
}

export interface PromoteReport {
  readonly epoch: number
  /** URL of the new primary. */
  readonly primary: string
  /** Objects that the new primary lacked. */
  readonly copied: number
}

/**
 * Makes the volume in `slot` the primary. First the running epoch is closed, on the old primary before all: from then on no writer can finish a commit
 * in it. Then the new primary gets every commit that was ever acknowledged, from the old one or, without it, from all that answer. Then a new
 * epoch opens. Broken off anywhere, it is run again. On a set that was never made it makes one, with what that volume holds.
 */
export async function promote(
  set: ReplicaSet,
  slot: number,
  { force = false }: PromoteOptions = {},
): Promise<PromoteReport> {
  const target = set.volume(slot)
  const view = await set.finishFounding(await set.refresh())
  const { record } = view
  if (record === undefined) return makeWith(set, view, slot)
  const members = membersOf(set, view)
  if (!members.includes(target))
    throw new StorageError(
      'conflict',
      `store: promote expected a volume of the set, got ${view.states[slot]?.type} at ${target.url}`,
    )
  const enough = record.volumes - record.quorum + 1
  if (members.length < enough && !force)
    throw new StorageError(
      'unavailable',
      `store: promote expected ${enough} volumes to answer, got ${members.length} (with force the last commits may be lost)`,
    )
  const old = await lastPrimary(set, view, members)
  const { volumes, quorum } = record
  const closing = { ...set.newRecord(record.set, record.epoch + 1, null), volumes, quorum }
  const reached = await close(old ? [old, ...members.filter((volume) => volume !== old)] : members, closing)
  if (!reached.includes(target) || (reached.length < enough && !force))
    throw new StorageError(
      'unavailable',
      `store: promote expected ${enough} volumes to take the new epoch, got ${reached.length}`,
    )
  const oldPrimary =
    old && reached.includes(old)
      ? { volume: old, at: set.standpoint({ ...view, record: closing }, old.slot) }
      : undefined
  const copied = await gather(target, oldPrimary, reached)
  const opening = set.newRecord(record.set, record.epoch + 2, await identityOf(target))
  await open(set, target, reached, opening)
  return { epoch: opening.epoch, primary: target.url, copied }
}

async function makeWith(set: ReplicaSet, view: SetView, slot: number): Promise<PromoteReport> {
  for (const [other, state] of view.states.entries()) {
    const { url } = set.volume(other)
    if (state.type === 'down')
      throw new StorageError(
        'unavailable',
        `store: promote expected every volume when a set is made, got none at ${url}`,
        {},
        state.error,
      )
    if (state.type === 'foreign' && other !== slot)
      throw new StorageError('conflict', `store: promote expected the other volumes empty, got objects in ${url}`)
  }
  const { primary } = await set.found(slot)
  set.forget()
  if (primary !== (await identityOf(set.volume(slot)))) throw notAlone()
  return { epoch: 1, primary: set.volume(slot).url, copied: 0 }
}

/** Volumes that have taken part in an epoch; a blank one can be no primary, for it would start a second history. */
function membersOf(set: ReplicaSet, { states }: SetView): Volume[] {
  return set.volumes.filter(({ slot }) => {
    const state = states[slot]
    return state?.type === 'member' && state.record !== undefined
  })
}

/** The volume that was primary last, when it answers and all agree which it was. */
async function lastPrimary(
  set: ReplicaSet,
  { states }: SetView,
  members: readonly Volume[],
): Promise<Volume | undefined> {
  let last: EpochRecord | undefined
  let agreed = true
  for (const { store, url } of members)
    for await (const { key } of store.list(EPOCHS_PREFIX)) {
      if ((epochOfKey(key) ?? 0) < (last?.epoch ?? 0)) continue
      const record = parseEpochRecord(await store.read(key), key, url)
      if (record.primary === null) continue
      // a record that differs comes from one who began to make the set, slept, and went on when a volume had been emptied
      agreed = last?.epoch !== record.epoch || (agreed && last.nonce === record.nonce)
      last = record
    }
  if (!agreed) return undefined
  return set.volumes.find(({ slot }) => {
    const state = states[slot]
    return state?.type === 'member' && state.identity.volume === last?.primary
  })
}

/** Closes the epoch; returns the volumes that took the record. Another's record in its place is another promotion at the same time. */
async function close(volumes: readonly Volume[], closing: EpochRecord): Promise<Volume[]> {
  const key = epochKey(closing.epoch)
  const reached: Volume[] = []
  for (const volume of volumes) {
    try {
      await volume.use((store) => writeOnce(store, key, encodeRecord(closing)))
      const taken = parseEpochRecord(await volume.use((store) => store.read(key)), key, volume.url)
      if (taken.nonce !== closing.nonce) throw notAlone()
      reached.push(volume)
    } catch (error) {
      if (!isVolumeFailure(error)) throw error
    }
  }
  return reached
}

/** Opens the new epoch, on the new primary first: from then on writers find it. */
async function open(set: ReplicaSet, target: Volume, reached: readonly Volume[], opening: EpochRecord): Promise<void> {
  const key = epochKey(opening.epoch)
  const bytes = encodeRecord(opening)
  if (!(await writeOnce(target.store, key, bytes))) throw notAlone()
  await markReconciled(target, opening.epoch)
  for (const volume of reached) {
    if (volume === target) continue
    await volume
      .use((store) => writeOnce(store, key, bytes))
      .catch((error: unknown) => {
        if (!isVolumeFailure(error)) throw error
      })
  }
  set.forget()
}

/** Gives the new primary what it lacks. The old primary's word is final; without it, all that answer together know every acknowledged commit. */
async function gather(
  target: Volume,
  old: { readonly volume: Volume; readonly at: Standpoint } | undefined,
  reached: readonly Volume[],
): Promise<number> {
  if (old?.volume === target) return 0
  if (old) return (await reconcile(old.volume, target, { at: old.at, deep: true })).copied
  let copied = 0
  const others = [target, ...reached.filter((volume) => volume !== target)]
  const sizes = others.map((volume) => followedKeys(volume))
  for await (const { entry, sources } of mergeLists(sizes)) {
    const holders = sources.flatMap((index) => others[index] ?? [])
    const right = await choose(entry.key, holders)
    const own = sources.includes(0) ? await readIfThere(target.store, entry.key) : undefined
    if (own !== undefined && Buffer.compare(own, right) === 0) continue
    await target.store.write(entry.key, right)
    copied++
  }
  return copied
}

/**
 * The bytes that most volumes have under a key. Commits that differ without a majority come from a writer that a former promotion overtook; which one was
 * acknowledged nobody can tell without the old primary. Other objects may be replaced, and the newest holds.
 */
async function choose(key: string, holders: readonly Volume[]): Promise<Uint8Array> {
  const copies: { readonly bytes: Uint8Array; readonly modified: number; votes: number }[] = []
  for (const volume of holders) {
    const [bytes, entry] = await Promise.all([readIfThere(volume.store, key), volume.store.stat(key)])
    if (bytes === undefined) continue
    const same = copies.find((copy) => Buffer.compare(copy.bytes, bytes) === 0)
    if (same) same.votes++
    else copies.push({ bytes, modified: entry?.modified ?? 0, votes: 1 })
  }
  const isCommit = key.startsWith(LOG_PREFIX)
  copies.sort((a, b) => (isCommit ? b.votes - a.votes : b.modified - a.modified))
  const [first, second] = copies
  if (first === undefined)
    throw new StorageError('not-found', `store: promote expected ${key} to stay, got none`, { key })
  if (isCommit && second && second.votes === first.votes)
    throw new StorageError(
      'conflict',
      `store: promote expected one content of ${key}, got ${copies.length} (bring back the old primary)`,
      { key },
    )
  return first.bytes
}

async function identityOf(volume: Volume): Promise<string> {
  const state = await volume.inspect()
  if (state.type === 'member') return state.identity.volume
  throw new StorageError(
    'unavailable',
    `store: promote expected the volume to stay, got ${state.type} at ${volume.url}`,
  )
}

function notAlone(): StorageError {
  const message = 'store: promote expected to be alone, got another promotion at the same time (run one again)'
  return new StorageError('conflict', message)
}
