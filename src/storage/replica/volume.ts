import { StorageError } from '../errors.ts'
import type { LocalFile, ObjectStore } from '../store.ts'
import type { System } from '../system.ts'
import {
  EPOCHS_PREFIX,
  type EpochRecord,
  epochKey,
  epochOfKey,
  markKey,
  parseEpochRecord,
  parseVolumeRecord,
  REPLICA_PREFIX,
  VOLUME_KEY,
  type VolumeRecord,
} from './records.ts'

/** What a slot of the set holds. */
export type SlotState =
  /** A volume of a set; `record` is that of its highest epoch, absent while it joins. */
  | { readonly type: 'member'; readonly identity: VolumeRecord; readonly record: EpochRecord | undefined }
  /** Nothing at all: a new or an emptied volume. */
  | { readonly type: 'blank' }
  /** Objects, but of no replica set. */
  | { readonly type: 'foreign' }
  /** No answer. */
  | { readonly type: 'down'; readonly error: StorageError }

/** What a volume is held against: an epoch, and the id it had then. */
export interface Standpoint {
  readonly epoch: number
  readonly volume: string
}

/** How a volume stands to an epoch. */
export type EpochStanding =
  /** It is in this epoch. */
  | 'current'
  /** It has seen a later one. */
  | 'moved'
  /** It never took part: emptied, replaced, or back from before. */
  | 'absent'

/** How long a volume that failed comes last, milliseconds. */
const SUSPECT_MS = 10_000

/** One store of a set, and how it has been doing. */
export class Volume {
  readonly slot: number
  readonly store: ObjectStore
  private readonly system: System
  private suspectUntil = Number.NEGATIVE_INFINITY

  constructor(slot: number, store: ObjectStore, system: System) {
    this.slot = slot
    this.store = store
    this.system = system
  }

  get url(): string {
    return this.store.url
  }

  /** True for a while after a failure: others are asked first, so that a dead volume costs its time limit once and not every time. */
  get suspect(): boolean {
    return this.system.now() < this.suspectUntil
  }

  /** Runs a call of the store and remembers whether the volume works. */
  async use<Result>(call: (store: ObjectStore) => Promise<Result>): Promise<Result> {
    try {
      const result = await call(this.store)
      this.suspectUntil = Number.NEGATIVE_INFINITY
      return result
    } catch (error) {
      if (isVolumeFailure(error)) this.suspectUntil = this.system.now() + SUSPECT_MS
      throw error
    }
  }

  /** Looks at what the volume is. */
  async inspect(): Promise<SlotState> {
    try {
      return await this.use((store) => inspectStore(store))
    } catch (error) {
      if (isVolumeFailure(error)) return { type: 'down', error }
      throw error
    }
  }

  /** One listing tells whether the volume is still the one it was, and in which epoch. */
  async standing({ epoch, volume }: Standpoint): Promise<EpochStanding> {
    const needed = new Set([epochKey(epoch), VOLUME_KEY, markKey(volume)])
    return this.use(async (store) => {
      for await (const { key } of store.list(REPLICA_PREFIX, epochKey(epoch - 1))) {
        if ((epochOfKey(key) ?? 0) > epoch) return 'moved'
        needed.delete(key)
      }
      return needed.size === 0 ? 'current' : 'absent'
    })
  }

  /** True when the volume has seen an epoch after this one. */
  async hasMoved(epoch: number): Promise<boolean> {
    return this.use(async (store) => {
      for await (const _ of store.list(EPOCHS_PREFIX, epochKey(epoch))) return true
      return false
    })
  }
}

/** True for a failure of a volume as a whole; anything else is about one object, or a fault of this program. */
export function isVolumeFailure(error: unknown): error is StorageError {
  return (
    error instanceof StorageError &&
    (error.code === 'unavailable' || error.code === 'denied' || error.code === 'bad-url')
  )
}

async function inspectStore(store: ObjectStore): Promise<SlotState> {
  const bytes = await readIfThere(store, VOLUME_KEY)
  if (bytes === undefined) {
    for await (const { key } of store.list('')) if (!key.startsWith(REPLICA_PREFIX)) return { type: 'foreign' }
    return { type: 'blank' }
  }
  const identity = parseVolumeRecord(bytes, store.url)
  let last: string | undefined
  for await (const { key } of store.list(EPOCHS_PREFIX)) if (epochOfKey(key) !== undefined) last = key
  const record = last === undefined ? undefined : parseEpochRecord(await store.read(last), last, store.url)
  return { type: 'member', identity, record }
}

/** The bytes of an object, or undefined when there is none. */
export async function readIfThere(store: ObjectStore, key: string): Promise<Uint8Array | undefined> {
  try {
    return await store.read(key)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
}

/** Writes an object that must be absent; false when there was one already. */
export async function writeOnce(store: ObjectStore, key: string, bytes: Uint8Array | LocalFile): Promise<boolean> {
  try {
    await store.write(key, bytes, { ifAbsent: true })
    return true
  } catch (error) {
    if (error instanceof StorageError && error.code === 'exists') return false
    throw error
  }
}
