import type { ObjectStore } from '../store.ts'
import { beat, type MaintenanceReport, maintain, type VolumeHealth } from './maintain.ts'
import type { ReplicaSet } from './replica-set.ts'
import { ReplicaStore } from './replica-store.ts'

/** Longest time between two heartbeats, milliseconds. */
const BEAT_MS = 60_000

/** Everything is looked through this often even when nothing seems amiss, for a write may have been short of a copy; milliseconds. */
const LOOK_MS = 3_600_000
/** The same while blocks are known to be short of copies. */
const SHORT_LOOK_MS = 300_000

export interface UpkeepOptions {
  /** Told in a line what was mended, and what is amiss, once each. */
  readonly onNote?: (note: string) => void
}

/**
 * Keeps a replica set in order for as long as a process works on it: gives heartbeats, and when a volume came, went, was given up or has fallen behind, does
 * what `fs repair` does. Any number of processes may do so at the same time; two that copy the same block write the same bytes.
 */
export class Upkeep {
  readonly #set: ReplicaSet
  readonly #onNote: (note: string) => void
  readonly #stopping = new AbortController()
  readonly #done: Promise<void>
  #standing: string
  #lookAt: number
  #last = ''

  constructor(set: ReplicaSet, { onNote = () => {} }: UpkeepOptions = {}) {
    this.#set = set
    this.#onNote = onNote
    this.#lookAt = set.system.now() + LOOK_MS
    this.#standing = standingOf([])
    this.#done = this.#run()
  }

  /** Upkeep of a store, when it is a replica set. */
  static of(store: ObjectStore, options: UpkeepOptions = {}): Upkeep | undefined {
    return store instanceof ReplicaStore ? new Upkeep(store.set, options) : undefined
  }

  /** Resolves when nothing is under way any more; copies that were begun are finished first. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { system, location } = this.#set
    const { signal } = this.#stopping
    const every = Math.min(BEAT_MS, location.missedMs / 3)
    while (!signal.aborted) {
      try {
        await this.#round(signal)
      } catch (error) {
        if (!signal.aborted) this.#note(error instanceof Error ? error.message : String(error))
      }
      // Processes that began together part.
      await system.sleep(every * (0.75 + system.random() / 2), signal).catch(() => undefined)
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const standing = standingOf(await beat(this.#set))
    // A set that was never made is made by its first writer.
    if ((await this.#set.view()).record === undefined) return
    const now = this.#set.system.now()
    if (standing === this.#standing && now < this.#lookAt) return
    const report = await maintain(this.#set, { signal })
    this.#lookAt = now + (report.underReplicated > 0 ? SHORT_LOOK_MS : LOOK_MS)
    this.#standing = standingOf(report.volumes)
    const note = describeUpkeep(report)
    if (note !== '') this.#note(note)
  }

  #note(note: string): void {
    if (note === this.#last) return
    this.#last = note
    this.#onNote(note)
  }
}

/** What calls for upkeep when it changes; volumes that work are not in it. */
function standingOf(volumes: readonly VolumeHealth[]): string {
  const amiss = volumes.filter(({ state }) => state !== 'primary' && state !== 'follower')
  return JSON.stringify(amiss.map(({ url, state, givenUp }) => [url, state, givenUp]))
}

/** What a round of upkeep did and found, in a line; empty when there was nothing to do and all is well. */
export function describeUpkeep({ volumes, enrolled, followed, copied, underReplicated }: MaintenanceReport): string {
  const count = (number: number, one: string, rest: string): string[] =>
    number > 0 ? [`${number} ${one}${number === 1 ? '' : 's'} ${rest}`] : []
  const named = (state: VolumeHealth['state'], what: (volume: VolumeHealth) => string): string[] =>
    volumes.filter((volume) => volume.state === state).map((volume) => `${volume.url} ${what(volume)}`)
  return [
    ...count(enrolled, 'volume', 'taken in'),
    ...count(followed, 'object', 'brought to followers'),
    ...count(copied, 'block', 'copied'),
    ...count(underReplicated, 'block', 'still short of copies'),
    ...named('down', ({ givenUp }) => (givenUp ? 'is given up' : 'is down')),
    ...named('foreign', () => 'holds objects of another store and was left alone'),
    ...(volumes.some(({ state }) => state === 'primary') ? [] : ['no primary answers (fs promote makes one)']),
  ].join(', ')
}
