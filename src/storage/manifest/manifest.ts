import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { System } from '../system.ts'
import type { Commit } from './actions.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { CommitOptions } from './commit.ts'
import { publish, randomId, stage } from './commit.ts'
import { COMMIT_PREFIX, commitKey } from './layout.ts'
import type { Head } from './log.ts'
import { advance, EMPTY_HEAD, follow, openNewest, openVersion, readCommit, rebase } from './log.ts'
import { PageReader } from './pages.ts'
import type { Snapshot } from './snapshot.ts'
import type { SnapshotLookup } from './view.ts'
import { viewOf } from './view.ts'

/** The manifest of a store: reads snapshots of it and commits to it. Any number of processes may have the same one open. */
export interface Manifest {
  readonly storeId: string
  /** How often a commit of this process came second to another writer's and was made anew. */
  readonly lostRaces: number
  /** The newest snapshot that this process knows of; asks the store nothing. */
  known(): StoreSnapshot
  /** The newest snapshot (one listing), or that of a version, or the newest one committed at or before a time (milliseconds). */
  snapshot(at?: { readonly version: number } | { readonly time: number }): Promise<StoreSnapshot>
  /**
   * Commits all of the actions or none. A lost race is read, validated anew and tried again. Throws `conflict`, `behind-horizon` or
   * `duplicate-transaction` when the conflict rules forbid it; after `unavailable` it is unknown whether the commit was made.
   */
  commit(options: CommitOptions): Promise<Commit>
  /** Makes the store when it has no commit yet, as the first commit would: for who has other work to wait for meanwhile. */
  prepare(): Promise<void>
  /** Commits from the newest (or from `before`, exclusive) down to the first. */
  history(options?: { readonly before?: number }): AsyncIterable<Commit>
}

export type StoreSnapshot = Snapshot & SnapshotLookup

export type { CommitOptions } from './commit.ts'

export interface ManifestOptions {
  readonly system: System
  /** Makes the store when it has no commit yet: at once, or `late`, with the first commit, so that work which fails leaves no store behind. */
  readonly create?: boolean | 'late'
}

/** Opens the manifest of a store: the hint, a checkpoint, one listing, and at most 63 commits. */
export async function openManifest(store: ObjectStore, { system, create = false }: ManifestOptions): Promise<Manifest> {
  const pages = new PageReader(store)
  let head = await openNewest(store)
  if (head.state.version === 0 && create !== 'late') {
    if (!create) {
      const message = `storage: ${store.url} expected a flowreduce store, got nothing under ${COMMIT_PREFIX}`
      throw new StorageError('not-a-store', message, { url: store.url })
    }
    head = await createStore(store, system, pages)
  }
  return new OpenManifest(store, system, pages, head)
}

/** Makes commit 1; when others do the same at once, one of them wins and all go on with it. */
async function createStore(store: ObjectStore, system: System, pages: PageReader): Promise<Head> {
  const state = { ...EMPTY_HEAD.state, storeId: randomId(system) }
  const options = { operation: 'create', writer: 'create', actions: [] }
  const commit = await stage(state, options, { nonce: randomId(system), now: system.now(), pages })
  const winner = await publish(store, commit)
  return follow(EMPTY_HEAD, winner)
}

/** A commit is tried this often before its writer gives up. */
const MAX_ATTEMPTS = 200
const MAX_BACKOFF_MS = 1000
/** A checkpoint that is still missing this many commits after it was due is written by whoever commits next. */
const CHECKPOINT_LATE = 8

class OpenManifest implements Manifest {
  readonly #store: ObjectStore
  readonly #system: System
  readonly #pages: PageReader
  #head: Head
  /** Commits and refreshes of one process take turns instead of racing. */
  #turn: Promise<unknown> = Promise.resolve()
  #lostRaces = 0

  constructor(store: ObjectStore, system: System, pages: PageReader, head: Head) {
    this.#store = store
    this.#system = system
    this.#pages = pages
    this.#head = head
  }

  get storeId(): string {
    return this.#head.state.storeId
  }

  get lostRaces(): number {
    return this.#lostRaces
  }

  known(): StoreSnapshot {
    return viewOf(this.#head.state, this.#pages)
  }

  async snapshot(at?: { readonly version: number } | { readonly time: number }): Promise<StoreSnapshot> {
    if (at === undefined) return viewOf((await this.#inTurn(() => this.#refresh())).state, this.#pages)
    const version = 'version' in at ? at.version : await this.#versionAt(at.time)
    let { state } = this.#head
    if (version > state.version) state = (await this.#inTurn(() => this.#refresh())).state
    if (version === state.version) return viewOf(state, this.#pages)
    if (!Number.isSafeInteger(version) || version < 1 || version > state.version) {
      const message = `manifest: version expected 1 to ${state.version}, got ${version}`
      throw new StorageError('not-found', message, { version, newest: state.version })
    }
    return viewOf(await openVersion(this.#store, version), this.#pages)
  }

  /** The newest version committed at or before `time`, found by halving: times rise strictly with versions. */
  async #versionAt(time: number): Promise<number> {
    const { state } = await this.#inTurn(() => this.#refresh())
    if (time >= state.time) return state.version
    let low = 0
    let high = state.version
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((await this.#commitOf(middle)).header.time <= time) low = middle
      else high = middle
    }
    if (low > 0 || (await this.#commitOf(1)).header.time <= time) return Math.max(low, 1)
    const message = `manifest: time expected at or after the first commit, got ${new Date(time).toISOString()}`
    throw new StorageError('not-found', message, { time })
  }

  async *history({ before }: { readonly before?: number } = {}): AsyncGenerator<Commit> {
    const { state } = await this.#inTurn(() => this.#refresh())
    let next = Math.min(before ?? Number.POSITIVE_INFINITY, state.version + 1) - 1
    while (next > 0) {
      const count = Math.min(16, next)
      const newest = next
      const reads = Array.from({ length: count }, (_, i) => this.#commitOf(newest - i))
      for (const read of await Promise.allSettled(reads)) {
        if (read.status === 'rejected') throw read.reason
        yield read.value
      }
      next -= count
    }
  }

  async #commitOf(version: number): Promise<Commit> {
    const commit = await readCommit(this.#store, version)
    if (commit !== undefined) return commit
    const key = commitKey(version)
    throw new StorageError('not-found', `manifest: commit expected at ${key}, got none`, { key, version })
  }

  prepare(): Promise<void> {
    return this.#inTurn(() => this.#create())
  }

  commit(options: CommitOptions): Promise<Commit> {
    return this.#inTurn(async () => {
      await this.#create()
      const commit = await this.#tryCommit(options)
      await this.#checkpoint(commit)
      return commit
    })
  }

  async #create(): Promise<void> {
    if (this.#head.state.version === 0) this.#head = await createStore(this.#store, this.#system, this.#pages)
  }

  async #tryCommit(options: CommitOptions): Promise<Commit> {
    const nonce = randomId(this.#system)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const staged = await this.#stage(options, nonce)
      const published = await publish(this.#store, staged)
      this.#head = follow(this.#head, published)
      if (published.header.nonce === nonce) return published
      this.#lostRaces++
      const ceiling = Math.min(MAX_BACKOFF_MS, 5 * 2 ** Math.min(attempt, 10))
      await this.#system.sleep(this.#system.random() * ceiling)
      if (attempt > 1) await this.#refresh()
    }
    const message = `manifest: commit expected to win a race, got ${MAX_ATTEMPTS} lost`
    throw new StorageError('unavailable', message, { attempts: MAX_ATTEMPTS })
  }

  /** Validates against the state in memory; what is refused there is tried once more against the newest. */
  async #stage(options: CommitOptions, nonce: string): Promise<Commit> {
    for (;;) {
      const { state } = this.#head
      try {
        return await stage(state, options, { nonce, now: this.#system.now(), pages: this.#pages })
      } catch (error) {
        const { state: newest } = await this.#refresh()
        if (newest.version === state.version) throw error
      }
    }
  }

  async #refresh(): Promise<Head> {
    const head = await advance(this.#store, this.#head)
    const moved = head.due !== undefined && head.due.version !== this.#head.due?.version
    this.#head = head
    if (moved) await this.#rebase(head)
    return this.#head
  }

  /** Takes over the pages of the checkpoint that was due, if it has been written; returns whether it has. */
  async #rebase(head: Head): Promise<boolean> {
    const checkpoint = head.due === undefined ? undefined : await readCheckpoint(this.#store, head.due.version)
    if (checkpoint === undefined) return false
    this.#head = rebase(checkpoint, head)
    return true
  }

  /**
   * Writes the checkpoint that is due. Whoever made the commit it is due at writes it; when that writer has died, a later one does.
   * Best effort: without it the store opens more slowly, so an error of the store here does not fail a commit that is made.
   */
  async #checkpoint({ header }: Commit): Promise<void> {
    const { due, state } = this.#head
    if (due === undefined) return
    const late = state.version - due.version
    try {
      if (due.version !== header.version && (late < CHECKPOINT_LATE || (await this.#rebase(this.#head)))) return
      const written = await writeCheckpoint(this.#store, due, this.#pages, randomId(this.#system))
      if (written === undefined) await this.#rebase(this.#head)
      else this.#head = rebase(written, this.#head)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
    }
  }

  /** Runs one after the other, whatever becomes of those before. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
