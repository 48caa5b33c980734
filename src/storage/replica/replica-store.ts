import pLimit from 'p-limit'
import { StorageError } from '../errors.ts'
import { checkKey, checkPrefix, checkRange } from '../key.ts'
import type { ByteRange, LocalFile, ObjectEntry, ObjectStore, WriteOptions } from '../store.ts'
import { realSystem, type System } from '../system.ts'
import { LOG_PREFIX } from './catch-up.ts'
import { listSet } from './list.ts'
import { isPlaced, placementOrder } from './placement.ts'
import { askFollowed, askPlaced } from './read.ts'
import { copyObject } from './reconcile.ts'
import { REPLICA_PREFIX } from './records.ts'
import { removeBlock, removeFollowed } from './remove.ts'
import { ReplicaSet } from './replica-set.ts'
import { formatReplicaUrl, parseReplicaUrl } from './url.ts'
import { Volume } from './volume.ts'
import { writeFollowed, writePlaced } from './write.ts'

export interface ReplicaStoreOptions {
  /** `replica:factor=2,URL,URL,...` (see url.ts). */
  readonly url: string
  readonly system?: System
  /** Opens the store of one volume. */
  readonly open: (url: string) => Promise<ObjectStore>
}

/** Opens a set of stores as one. Nothing is touched before the first call. */
export async function openReplicaStore({
  url,
  open,
  system = realSystem(),
}: ReplicaStoreOptions): Promise<ReplicaStore> {
  const location = parseReplicaUrl(url)
  const stores = await Promise.all(location.volumes.map(open))
  const volumes = stores.map((store, slot) => new Volume(slot, store, system))
  return new ReplicaStore(new ReplicaSet({ ...location, volumes: stores.map((store) => store.url) }, volumes, system))
}

/** Copies that a reader found missing and that wait to be made; beyond this many, maintenance finds them. */
const MAX_REPAIRS = 32

/**
 * Several stores as one. Blocks (keys under `data/`) have `factor` copies; every other object is on every volume. Who wins a conditional create, the primary
 * decides. docs/replication.md has the rules and what they rest on.
 */
export class ReplicaStore implements ObjectStore {
  readonly url: string
  readonly set: ReplicaSet
  private readonly limit = pLimit(1)
  private readonly repairs = new Set<Promise<void>>()

  constructor(set: ReplicaSet) {
    this.url = formatReplicaUrl(set.location)
    this.set = set
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array> {
    checkOwnKey(key)
    if (range) checkRange(range)
    const bytes = await this.ask(key, (store) => absentAsUndefined(store.read(key, range)))
    await this.afterRead(key)
    if (bytes === undefined)
      throw new StorageError('not-found', `store: object expected in ${this.url}, got none at ${key}`, { key })
    return bytes
  }

  async write(key: string, body: Uint8Array | LocalFile, { ifAbsent = false }: WriteOptions = {}): Promise<void> {
    checkOwnKey(key)
    const write = { key, body, ifAbsent }
    this.set.catchUp.touched(key)
    await (isPlaced(key) ? writePlaced(this.set, write) : writeFollowed(this.set, write))
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<ObjectEntry> {
    checkPrefix(prefix)
    checkPrefix(startAfter)
    yield* listSet(this.set, { prefix, startAfter })
  }

  async stat(key: string): Promise<ObjectEntry | undefined> {
    checkOwnKey(key)
    return this.ask(key, (store) => store.stat(key))
  }

  /** Removes every copy in reach. One on a volume out of reach stays, and shows as an orphan when that is back. */
  async remove(key: string): Promise<void> {
    checkOwnKey(key)
    const view = await this.set.view()
    if (view.record === undefined) return
    if (isPlaced(key)) return removeBlock(this.set, view, key)
    await removeFollowed(this.set, key)
  }

  /**
   * Reads the part of a block that `verify` takes, from whichever copy has it right; copies that have it wrong are mended. When none has it right, the
   * answer is what the first copy has, for the caller to complain about.
   */
  async readVerified(key: string, range: ByteRange, verify: (bytes: Uint8Array) => boolean): Promise<Uint8Array> {
    if (!isPlaced(key)) return this.read(key, range)
    checkOwnKey(key)
    checkRange(range)
    let wrong: Uint8Array | undefined
    const spoiled: ObjectStore[] = []
    const found = await askPlaced(this.set, key, async (store) => {
      const bytes = await absentAsUndefined(store.read(key, range))
      if (bytes === undefined || verify(bytes)) return bytes
      wrong ??= bytes
      spoiled.push(store)
      return undefined
    }).catch((error: unknown) => {
      if (wrong === undefined) throw error
      return undefined
    })
    if (found === undefined) return wrong ?? this.read(key, range)
    for (const store of spoiled) this.repair(() => splice(found.from.store, store, key, range, found.answer))
    // Damage is rare, and a process that has met it may end soon.
    await this.settled()
    return found.answer
  }

  /** Resolves when no repair that a read began is under way. */
  async settled(): Promise<void> {
    while (this.repairs.size > 0) await Promise.all(this.repairs)
  }

  private async ask<Answer>(
    key: string,
    ask: (store: ObjectStore) => Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    if (!isPlaced(key)) return askFollowed(this.set, ask)
    const found = await askPlaced(this.set, key, ask)
    if (found === undefined) return undefined
    const home = placementOrder(key, this.set.volumes.length).slice(0, this.set.location.factor)
    for (const volume of found.without)
      if (home.includes(volume.slot)) this.repair(async () => void (await copyObject(found.from, volume, key)))
    return found.answer
  }

  /**
   * A commit that a reader has seen must not go with the primary: the followers get it, best effort, as they do from the next writer. A checkpoint that was
   * read may be what a removal of commits rests on.
   */
  private async afterRead(key: string): Promise<void> {
    const { catchUp } = this.set
    catchUp.touched(key)
    if (!key.startsWith(LOG_PREFIX)) return
    const { record, primary, current } = await this.set.view()
    if (record === undefined || primary === undefined) return
    const from = this.set.volume(primary)
    const followers = current
      .map((slot) => this.set.volume(slot))
      .filter((volume) => volume !== from && !volume.suspect)
    await Promise.allSettled(followers.map((volume) => catchUp.commitsThrough(record.epoch, from, volume, key)))
  }

  /** Best effort, in the background: what fails here, maintenance does. */
  private repair(work: () => Promise<void>): void {
    if (this.repairs.size >= MAX_REPAIRS) return
    const done = this.limit(work)
      .catch(() => undefined)
      .finally(() => this.repairs.delete(done))
    this.repairs.add(done)
  }
}

/** Puts the right bytes of one part into a copy that has them wrong. The rest of it stays, for that may be right where the other copy is wrong. */
async function splice(
  from: ObjectStore,
  to: ObjectStore,
  key: string,
  { offset }: ByteRange,
  part: Uint8Array,
): Promise<void> {
  const [whole, right] = [await to.read(key), await from.stat(key)]
  if (right?.sizeBytes !== whole.length) return to.write(key, await from.read(key))
  whole.set(part, offset)
  await to.write(key, whole)
}

async function absentAsUndefined<Result>(read: Promise<Result>): Promise<Result | undefined> {
  try {
    return await read
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
}

/** Keys of the set's own records are not for callers. */
function checkOwnKey(key: string): void {
  checkKey(key)
  if (key.startsWith(REPLICA_PREFIX))
    throw new StorageError('bad-key', `store: key expected outside ${REPLICA_PREFIX} of a replica set, got "${key}"`, {
      key,
    })
}
