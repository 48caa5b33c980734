import { StorageError } from '../errors.ts'
import type { System } from '../system.ts'
import { CatchUp } from './catch-up.ts'
import {
  type EpochRecord,
  encodeRecord,
  epochKey,
  markKey,
  parseEpochRecord,
  VOLUME_KEY,
  type VolumeRecord,
} from './records.ts'
import type { ReplicaLocation } from './url.ts'
import { type EpochStanding, type SlotState, type Standpoint, type Volume, writeOnce } from './volume.ts'

/** What all volumes together say about the set. */
export interface SetView {
  /** By slot. */
  readonly states: readonly SlotState[]
  /** The record of the highest epoch that any volume has seen; undefined for a set that was never made. */
  readonly record: EpochRecord | undefined
  /** Slot of the primary, when it answers and is the volume that the record names. */
  readonly primary: number | undefined
  /** Slots of volumes that are in the highest epoch. */
  readonly current: readonly number[]
}

/** A view with volumes missing is looked at again after this, milliseconds. */
const STALE_MS = 5_000

/** A writer waits so often and so long, milliseconds, for a promotion under way. */
const PROMOTION_WAITS = 20
const PROMOTION_WAIT_MS = 250

/** The volumes of one replica set and what is known of them. */
export class ReplicaSet {
  readonly location: ReplicaLocation
  readonly volumes: readonly Volume[]
  readonly system: System
  readonly catchUp = new CatchUp()
  private known: { readonly view: Promise<SetView>; readonly at: number; complete: boolean } | undefined

  constructor(location: ReplicaLocation, volumes: readonly Volume[], system: System) {
    this.location = location
    this.volumes = volumes
    this.system = system
  }

  /** Volumes that must have a commit before it counts: of any two such groups, and of one and those a promotion must reach, one volume is in both. */
  get quorum(): number {
    return this.location.quorum ?? Math.floor(this.volumes.length / 2) + 1
  }

  /** Copies of a block that must be on the disk before it counts. */
  get blockQuorum(): number {
    return this.location.quorum ?? Math.floor(this.location.factor / 2) + 1
  }

  /** The set as last seen; looked at again when volumes were missing and a while has passed. */
  async view(): Promise<SetView> {
    if (this.known && (this.known.complete || this.system.now() < this.known.at + STALE_MS)) return this.known.view
    return this.refresh()
  }

  /** Looks at every volume. */
  async refresh(): Promise<SetView> {
    const view = this.inspect()
    const known = { view, at: this.system.now(), complete: false }
    this.known = known
    try {
      const { current, primary } = await view
      known.complete = primary !== undefined && current.length === this.volumes.length
    } catch (error) {
      this.known = undefined
      throw error
    }
    return view
  }

  /** Drops what is known, after a volume turned out to be another than it was. */
  forget(): void {
    this.known = undefined
  }

  volume(slot: number): Volume {
    const volume = this.volumes[slot]
    if (!volume) throw new RangeError(`store: slot expected below ${this.volumes.length}, got ${slot}`)
    return volume
  }

  /** How a volume stands to a view: whether it is the one it was then, in the same epoch. */
  async standing(view: SetView, slot: number): Promise<EpochStanding> {
    if (view.states[slot]?.type !== 'member') return 'absent'
    return this.volume(slot).standing(this.standpoint(view, slot))
  }

  /** What a volume of a view is held against. */
  standpoint({ states, record }: SetView, slot: number): Standpoint {
    const state = states[slot]
    return { epoch: record?.epoch ?? 0, volume: state?.type === 'member' ? state.identity.volume : 'none' }
  }

  private async inspect(): Promise<SetView> {
    const states = await Promise.all(this.volumes.map((volume) => volume.inspect()))
    return viewOf(
      states,
      this.volumes.map(({ url }) => url),
    )
  }

  /** The view for a write: a set of blank volumes is made first; a set that lacks its primary, or has other settings, is refused. */
  async writable(): Promise<SetView & { readonly record: EpochRecord; readonly primary: number }> {
    let view = await this.finishFounding(await this.view())
    if (view.record === undefined) {
      await this.create(view)
      view = await this.refresh()
    }
    for (let waited = 0; view.record?.primary === null && waited < PROMOTION_WAITS; waited++) {
      await this.system.sleep(PROMOTION_WAIT_MS)
      view = await this.refresh()
    }
    const { record, primary } = view
    if (record === undefined) throw unavailable('a volume to answer', 'none')
    const settings = `${record.volumes} volumes and quorum ${record.quorum}`
    const got = `${this.volumes.length} and ${this.quorum}`
    if (record.volumes !== this.volumes.length || record.quorum !== this.quorum)
      throw new StorageError(
        'conflict',
        `store: replica set expected ${settings}, got ${got} (fs promote changes them)`,
      )
    if (record.primary === null)
      throw unavailable('a primary', 'a promotion under way (run fs promote again if it was broken off)')
    if (primary === undefined)
      throw unavailable(`primary volume ${record.primary}`, `none among ${describe(view)} (fs promote moves it)`)
    return { ...view, record, primary }
  }

  /** Makes the set on volumes that are all blank: with one of them away, this might be the second history of a set. */
  private async create({ states }: SetView): Promise<void> {
    for (const [slot, state] of states.entries()) {
      const { url } = this.volume(slot)
      if (state.type === 'down') throw unavailable('every volume when a set is made', `none at ${url}`)
      if (state.type === 'foreign')
        throw new StorageError(
          'conflict',
          `store: replica volume expected empty, got other objects in ${url} (fs promote makes it the first)`,
        )
    }
    await this.found(0)
  }

  /**
   * Makes a set with the volume in `slot` as its primary. Between several that do so at once, with whatever primary, one volume decides: the one whose URL
   * sorts first, whose records of identity and epoch all take over.
   */
  async found(slot: number): Promise<EpochRecord> {
    const [decider = this.volume(0)] = [...this.volumes].sort((a, b) => (a.url < b.url ? -1 : 1))
    const states = await Promise.all(this.volumes.map((volume) => volume.inspect()))
    const begun = states.find((state) => state.type === 'member')
    const { set } = (await this.identify(decider.slot, begun?.identity.set ?? newId(this.system))).identity
    const identities = await Promise.all(this.volumes.map((volume) => this.join(volume.slot, set)))
    const record = this.newRecord(set, 1, identities[slot]?.volume ?? '')
    await writeOnce(decider.store, epochKey(1), encodeRecord(record))
    const decided = await decider.store.read(epochKey(1))
    await Promise.all(this.volumes.map(({ store }) => writeOnce(store, epochKey(1), decided)))
    return parseEpochRecord(decided, epochKey(1), decider.url)
  }

  /**
   * Ends the making of a set that broke off before its first primary had the epoch. Nothing can have been committed, for a primary out of its epoch
   * commits nothing; and an emptied primary is not taken for this one, for it has lost its identity.
   */
  async finishFounding(view: SetView): Promise<SetView> {
    const { record, states } = view
    const unfinished = (state: SlotState): boolean =>
      state.type === 'member' && state.record === undefined && state.identity.volume === record?.primary
    const slot = record?.epoch === 1 ? states.findIndex(unfinished) : -1
    if (record === undefined || slot < 0) return view
    await writeOnce(this.volume(slot).store, epochKey(1), encodeRecord(record))
    return this.refresh()
  }

  /**
   * Gives a volume its identity in a set. One that it has of another set counts only with an epoch: without, the making of that set broke off, and nothing was
   * ever committed to it.
   */
  async join(slot: number, set: string): Promise<VolumeRecord> {
    const state = await this.identify(slot, set)
    if (state.identity.set === set || state.record !== undefined) return state.identity
    const identity = { set, volume: newId(this.system) }
    await this.volume(slot).store.write(VOLUME_KEY, encodeRecord(identity))
    await this.mark(slot, identity)
    return identity
  }

  /** What a volume is, after giving it an identity in this set if it had none. */
  private async identify(slot: number, set: string): Promise<SlotState & { readonly type: 'member' }> {
    const volume = this.volume(slot)
    await writeOnce(volume.store, VOLUME_KEY, encodeRecord({ set, volume: newId(this.system) }))
    const state = await volume.inspect()
    if (state.type === 'member') {
      await this.mark(slot, state.identity)
      return state
    }
    throw unavailable('a volume to stay', `${state.type} at ${volume.url}`)
  }

  private async mark(slot: number, { volume }: VolumeRecord): Promise<void> {
    await writeOnce(this.volume(slot).store, markKey(volume), new Uint8Array(0))
  }

  newRecord(set: string, epoch: number, primary: string | null): EpochRecord {
    const { volumes, quorum, system } = this
    return { set, epoch, primary, volumes: volumes.length, quorum, time: system.now(), nonce: newId(system) }
  }
}

/** Puts together what the volumes say. Volumes of two sets side by side are an error: one of the URLs is wrong. */
export function viewOf(states: readonly SlotState[], urls: readonly string[]): SetView {
  let record: EpochRecord | undefined
  let set: { readonly id: string; readonly url: string } | undefined
  for (const [slot, state] of states.entries()) {
    if (state.type !== 'member') continue
    const url = urls[slot] ?? ''
    const own = state.record
    if (own === undefined) continue
    if (set && set.id !== state.identity.set)
      throw new StorageError(
        'conflict',
        `store: replica volumes expected of one set, got ${set.id} at ${set.url} and ${state.identity.set} at ${url}`,
      )
    set = { id: state.identity.set, url }
    if (record === undefined || own.epoch > record.epoch) record = own
    // two promotions at a time: neither holds
    else if (own.epoch === record.epoch && own.nonce !== record.nonce) record = { ...record, primary: null }
  }
  const isCurrent = (state: SlotState): boolean =>
    state.type === 'member' && record !== undefined && state.record?.epoch === record.epoch
  const current = [...states.keys()].filter((slot) => isCurrent(states[slot] ?? { type: 'blank' }))
  const primary = current.find((slot) => {
    const state = states[slot]
    return state?.type === 'member' && state.identity.volume === record?.primary
  })
  return { states, record, primary, current }
}

/** The states of a view in words: `member, down, blank`. */
export function describe({ states }: SetView): string {
  return states.map((state) => state.type).join(', ')
}

function unavailable(expected: string, got: string): StorageError {
  return new StorageError('unavailable', `store: replica set expected ${expected}, got ${got}`)
}

/** 64 random bits in hex. */
function newId(system: System): string {
  const word = (): string =>
    Math.floor(system.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return word() + word()
}
