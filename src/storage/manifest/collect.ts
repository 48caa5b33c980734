import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { RetiredCheckpoint } from './checkpoint.ts'
import { findCheckpoint } from './checkpoint.ts'
import {
  CHECKPOINT_EVERY,
  CHECKPOINT_PREFIX,
  checkpointKey,
  FORMAT_VERSION,
  PAGE_PREFIX,
  versionOfKey,
} from './layout.ts'

/**
 * Gc of checkpoints and pages. Commits are never deleted: a writer that slept could otherwise commit a version that has long been.
 * A checkpoint is not deleted for the same reason but retired, so that its writer, should it wake, finds the key taken.
 */
export interface CollectOptions {
  readonly store: ObjectStore
  readonly head: { readonly version: number }
  /** Oldest version that stays readable, and older ones that do too. */
  readonly version: number
  readonly leased: readonly number[]
  /** Whether a version was committed so long ago that nobody writes its checkpoint any more. */
  readonly isOld: (version: number) => Promise<boolean>
  readonly remove: (object: { kind: 'checkpoint' | 'page'; key: string; sizeBytes: number }) => Promise<void>
  readonly dryRun: boolean
}

export async function collectCheckpoints(options: CollectOptions): Promise<void> {
  const { store, version, leased, dryRun } = options
  const { live, known } = await listCheckpoints(store)
  const kept = new Set<number>()
  for (const read of [version, ...leased]) kept.add(live.findLast((at) => at <= read) ?? 0)
  const needed = new Set<string>()
  for (const at of live) {
    if (at < version && !kept.has(at)) {
      const { key, sizeBytes } = { key: checkpointKey(at), sizeBytes: known.get(at) ?? 0 }
      if (!dryRun) await store.write(key, retired(at))
      await options.remove({ kind: 'checkpoint', key, sizeBytes })
    } else {
      for (const key of await pagesOf(store, at)) needed.add(key)
    }
  }
  const decided = pagesDecider(options, known)
  for await (const { key, sizeBytes } of store.list(PAGE_PREFIX)) {
    const at = Number(/^page\/(\d{20})\//.exec(key)?.[1])
    if (Number.isNaN(at) || needed.has(key) || !(await decided(at))) continue
    await options.remove({ kind: 'page', key, sizeBytes })
  }
}

/** Versions of all checkpoints with their sizes, and those that are not retired, in order. A retired one is told by its size, unread. */
async function listCheckpoints(store: ObjectStore): Promise<{ live: number[]; known: Map<number, number> }> {
  const live: number[] = []
  const known = new Map<number, number>()
  for await (const { key, sizeBytes } of store.list(CHECKPOINT_PREFIX)) {
    const at = versionOfKey(key)
    if (at === undefined) continue
    known.set(at, sizeBytes)
    if (sizeBytes > retired(at).length) live.push(at)
  }
  return { live, known }
}

/** Whether the pages written for a checkpoint may be judged: it is there, or gc has seen to it that it never will be. */
function pagesDecider(
  { store, head, isOld, dryRun }: CollectOptions,
  known: Map<number, number>,
): (at: number) => Promise<boolean> {
  return async (at) => {
    if (known.has(at)) return true
    if (at >= head.version - (head.version % CHECKPOINT_EVERY) || !(await isOld(at))) return false
    if (!dryRun && !(await abandon(store, at))) return false
    known.set(at, 0)
    return true
  }
}

async function pagesOf(store: ObjectStore, version: number): Promise<readonly string[]> {
  const checkpoint = await findCheckpoint(store, version)
  if (checkpoint === undefined || 'retired' in checkpoint) return []
  const { datasets, transactions } = checkpoint
  return [...datasets.flatMap(({ blocks, ledger }) => [...blocks, ...ledger]), ...transactions].map(({ key }) => key)
}

/** Takes the key of a checkpoint that was never finished; false when it has been finished meanwhile. */
async function abandon(store: ObjectStore, version: number): Promise<boolean> {
  try {
    await store.write(checkpointKey(version), retired(version), { ifAbsent: true })
    return true
  } catch (error) {
    if (error instanceof StorageError && error.code === 'exists') return false
    throw error
  }
}

function retired(version: number): Uint8Array {
  const record: RetiredCheckpoint = { formatVersion: FORMAT_VERSION, requires: [], version, retired: true }
  return new TextEncoder().encode(JSON.stringify(record))
}
