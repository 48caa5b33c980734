import pLimit from 'p-limit'
import { joinByKey } from './key-merge.ts'
import type { LeaseRecord } from './lease.ts'
import { isHeld, LEASE_MS, listLeases } from './lease.ts'
import { collectCheckpoints } from './manifest/collect.ts'
import type { Manifest, StoreSnapshot } from './manifest/manifest.ts'
import type { Retention } from './manifest/retention.ts'
import { readRetention, retentionActions } from './manifest/retention.ts'
import { uploadTime } from './manifest/upload-time.ts'
import { neededKeys } from './needed.ts'
import type { ObjectStore } from './store.ts'
import type { System } from './system.ts'

/**
 * Deletes what no snapshot that is kept needs. In this order, so that neither a writer nor a reader can slip through: commit what will
 * be kept (from then on a block uploaded before the horizon is refused, and a run that leases an older version sees that it is too
 * late); look at the leases again; delete. It may be stopped at any point and run by several at once.
 */
export interface GcOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  /** Every snapshot of this long ago or less stays readable. */
  readonly retainMs?: number
  /** An upload this old that no commit has named belongs to a writer that died; the lease of a run counts for this long after it has expired. */
  readonly graceMs?: number
  /** Deletes and commits nothing. */
  readonly dryRun?: boolean
  /** Told of each object as it is deleted, or would be. */
  readonly onObject?: (object: GcObject) => void
}

export interface GcObject {
  readonly kind: GcKind
  readonly key: string
  readonly sizeBytes: number
}

/** `block`: data that no kept snapshot needs, whether it was ever committed or not. */
export type GcKind = 'block' | 'checkpoint' | 'page' | 'lease'

export interface GcReport {
  readonly dryRun: boolean
  /** ISO 8601: no upload begun before this is committed any more. */
  readonly horizon: string
  /** The oldest version that stays readable. */
  readonly version: number
  /** Older versions kept for runs. */
  readonly leased: readonly number[]
  readonly deleted: { readonly [K in GcKind]: { readonly objects: number; readonly sizeBytes: number } }
  /** Objects under data/ that are no block of this store and are left alone. */
  readonly foreign: number
}

const DAY_MS = 86_400_000
/** How many objects are deleted at once. */
const PARALLEL = 16

export async function gc(options: GcOptions): Promise<GcReport> {
  const { store, manifest, dryRun = false } = options
  const retention = await settleRetention(options)
  const head = await manifest.snapshot()
  const deletions = new Deletions(options)
  const { remove } = deletions
  const foreign = await collectBlocks(options, { head, ...retention }, remove)
  const isOld = async (version: number) => (await manifest.snapshot({ version })).time < retention.horizon
  await collectCheckpoints({ store, head, ...retention, isOld, remove, dryRun })
  await collectLeases(options, remove)
  await deletions.finish()
  const { version, leased } = retention
  const horizon = new Date(retention.horizon).toISOString()
  return { dryRun, horizon, version, leased, deleted: deletions.counts, foreign }
}

/** Commits what is kept, then once more if a lease has come meanwhile: it has seen the old retention, so gc must heed it. */
async function settleRetention(options: GcOptions): Promise<Retention> {
  const { manifest, dryRun = false } = options
  const planned = await planRetention(options)
  if (dryRun) return planned
  const commit = async (retention: Retention): Promise<Retention> => {
    const actions = (snapshot: StoreSnapshot) => retentionActions(snapshot, retention)
    await manifest.commit({ operation: 'gc-horizon', writer: 'gc', actions })
    return readRetention(await manifest.snapshot())
  }
  const committed = await commit(planned)
  const leased = new Set([...committed.leased, ...(await leasedVersions(options, committed.version))])
  if (leased.size === committed.leased.length) return committed
  return commit({ ...committed, leased: [...leased].sort((a, b) => a - b) })
}

/** Deletes a few objects at once, and counts. */
class Deletions {
  readonly counts = newCounts()
  readonly #options: GcOptions
  readonly #limit = pLimit(PARALLEL)
  readonly #running = new Set<Promise<void>>()
  #failure: unknown

  constructor(options: GcOptions) {
    this.#options = options
  }

  readonly remove: Remove = async (object) => {
    const { store, dryRun = false, onObject } = this.#options
    const { kind, key, sizeBytes } = object
    const removal = this.#limit(async () => {
      // A retired checkpoint keeps its key.
      if (!dryRun && kind !== 'checkpoint') await store.remove(key)
      this.counts[kind].objects++
      this.counts[kind].sizeBytes += sizeBytes
      onObject?.(object)
    }).catch((error: unknown) => {
      this.#failure ??= error
    })
    this.#running.add(removal)
    removal.finally(() => this.#running.delete(removal))
    if (this.#running.size >= 2 * PARALLEL) await Promise.race(this.#running)
    if (this.#failure !== undefined) await this.finish()
  }

  async finish(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failure !== undefined) throw this.#failure
  }
}

type Remove = (object: GcObject) => Promise<void>

function newCounts(): { [K in GcKind]: { objects: number; sizeBytes: number } } {
  const none = () => ({ objects: 0, sizeBytes: 0 })
  return { block: none(), checkpoint: none(), page: none(), lease: none() }
}

/** What is to be kept, by the clock and the leases. A run in progress holds the horizon back, as its blocks wait for one last commit. */
async function planRetention(options: GcOptions): Promise<Retention> {
  const { store, manifest, system, retainMs = 7 * DAY_MS, graceMs = DAY_MS } = options
  const now = Math.floor(system.now())
  const snapshot = await manifest.snapshot()
  const before = await readRetention(snapshot)
  const version = Math.max(before.version, await versionAt(manifest, now - retainMs))
  let horizon = now - graceMs
  const leased = new Set<number>()
  for await (const { lease } of listLeases(store)) {
    if (!countsFor(lease, now, graceMs)) continue
    horizon = Math.min(horizon, lease.since)
    if (lease.version < version) leased.add(lease.version)
  }
  return { horizon: Math.max(before.horizon, horizon, 0), version, leased: [...leased].sort((a, b) => a - b) }
}

/** The version that was the newest at a time; the first when there was none yet. */
async function versionAt(manifest: Manifest, time: number): Promise<number> {
  const { time: created } = await manifest.snapshot({ version: 1 })
  return time < created ? 1 : (await manifest.snapshot({ time })).version
}

const countsFor = (lease: LeaseRecord, now: number, graceMs: number): boolean =>
  !lease.released && now < lease.renewed + LEASE_MS + graceMs

async function leasedVersions({ store, system, graceMs = DAY_MS }: GcOptions, version: number): Promise<number[]> {
  const versions: number[] = []
  for await (const { lease } of listLeases(store)) {
    if (countsFor(lease, system.now(), graceMs) && lease.version < version) versions.push(lease.version)
  }
  return versions
}

/** Deletes the blocks that no kept version needs and whose upload began before the horizon; returns how many objects are not ours. */
async function collectBlocks(
  { store, manifest }: GcOptions,
  kept: Retention & { readonly head: StoreSnapshot },
  remove: Remove,
): Promise<number> {
  let foreign = 0
  for await (const { left, right } of joinByKey(store.list('data/'), await neededKeys(manifest, kept))) {
    if (left === undefined || right !== undefined) continue
    const { key, sizeBytes } = left
    const uploaded = uploadTime(key)
    if (uploaded === undefined) foreign++
    else if (uploaded < kept.horizon) await remove({ kind: 'block', key, sizeBytes })
  }
  return foreign
}

/**
 * Deletes leases that were given back or abandoned long ago. Never single epochs: a former holder that wakes finds out by the epoch
 * after its own.
 */
async function collectLeases(options: GcOptions, remove: Remove): Promise<void> {
  const { store, system, retainMs = 7 * DAY_MS, graceMs = DAY_MS } = options
  const now = system.now()
  for await (const { lease, keys } of listLeases(store)) {
    const isOver = !isHeld(lease, now) && now - lease.renewed > Math.max(retainMs, graceMs) + LEASE_MS
    if (!isOver) continue
    for (const key of keys) await remove({ kind: 'lease', key, sizeBytes: 0 })
  }
}
