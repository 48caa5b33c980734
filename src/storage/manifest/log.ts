import pLimit from 'p-limit'
import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { Commit } from './actions.ts'
import { readCheckpoint, readHint } from './checkpoint.ts'
import { CHECKPOINT_EVERY, CHECKPOINT_PREFIX, COMMIT_PREFIX, commitKey, versionOfKey } from './layout.ts'
import { badFormat, parseCommit } from './parse.ts'
import type { State } from './state.ts'
import { applyCommit, EMPTY_STATE } from './state.ts'

/** Reading of the commit log: from any state to the newest one, or to any version. */

/** How many commits are read at once. */
const PARALLEL = CHECKPOINT_EVERY - 1

/** The commit of a version, or undefined when there is none. */
export async function readCommit(store: ObjectStore, version: number): Promise<Commit | undefined> {
  const key = commitKey(version)
  try {
    return parseCommit(await store.read(key), key, version)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
}

/** The newest state of a store and what is needed to go on from it. */
export interface Head {
  readonly state: State
  /** The commits after the last version at which a checkpoint was due. */
  readonly recent: readonly Commit[]
  /** The state at that version, unless `state` rests on its checkpoint already. */
  readonly due?: State
}

export const EMPTY_HEAD: Head = { state: EMPTY_STATE, recent: [] }

/** The newest state of a store, at the cost of the hint, a checkpoint, one listing and the commits since; EMPTY_HEAD when there is no commit. */
export async function openNewest(store: ObjectStore): Promise<Head> {
  const hint = await readHint(store)
  const hinted = hint === undefined ? undefined : await readCheckpoint(store, hint)
  const state = hinted ?? (await newestCheckpoint(store))
  const newest = await newestVersion(store, state.version)
  return replay(store, { state: (await laterCheckpoint(store, state, newest)) ?? state, recent: [] }, newest)
}

/** The last checkpoint up to `newest` when `state`, because of an old hint, is not that one already. */
async function laterCheckpoint(store: ObjectStore, state: State, newest: number): Promise<State | undefined> {
  const due = newest - (newest % CHECKPOINT_EVERY)
  return due > state.version ? readCheckpoint(store, due) : undefined
}

/** Without a hint: the newest checkpoint of a listing of all of them. */
async function newestCheckpoint(store: ObjectStore): Promise<State> {
  const versions: number[] = []
  for await (const { key } of store.list(CHECKPOINT_PREFIX)) {
    const version = versionOfKey(key)
    if (version !== undefined) versions.push(version)
  }
  for (const version of versions.reverse()) {
    const state = await readCheckpoint(store, version)
    if (state !== undefined) return state
  }
  return EMPTY_STATE
}

async function newestVersion(store: ObjectStore, after: number, most = Number.POSITIVE_INFINITY): Promise<number> {
  let newest = after
  for await (const { key } of store.list(COMMIT_PREFIX, commitKey(after))) {
    newest = Math.max(newest, versionOfKey(key) ?? 0)
    if (newest > after + most) break
  }
  return newest
}

/** Brings a head up to the newest commit; `head` itself when there is none after it. One that lies far behind is opened anew. */
export async function advance(store: ObjectStore, head: Head): Promise<Head> {
  const { version } = head.state
  const most = 2 * CHECKPOINT_EVERY
  const newest = await newestVersion(store, version, most)
  return newest > version + most ? openNewest(store) : replay(store, head, newest)
}

/** More commits than this are not replayed to show one old version. */
const MAX_REPLAY = 64 * CHECKPOINT_EVERY

/** The state at `version`, which the store must have, from the checkpoint at or before it. Throws `not-found` when gc has retired all that are near. */
export async function openVersion(store: ObjectStore, version: number): Promise<State> {
  const oldest = Math.max(0, version - MAX_REPLAY)
  for (let at = version - (version % CHECKPOINT_EVERY); at > oldest; at -= CHECKPOINT_EVERY) {
    const state = await readCheckpoint(store, at)
    if (state !== undefined) return (await replay(store, { state, recent: [] }, version)).state
  }
  if (oldest === 0) return (await replay(store, EMPTY_HEAD, version)).state
  const message = `manifest: checkpoint expected in the ${MAX_REPLAY} commits before version ${version}, got none: it is no longer kept`
  throw new StorageError('not-found', message, { version })
}

/** Applies the commits after a head up to `version`, read a few at once. */
async function replay(store: ObjectStore, head: Head, version: number): Promise<Head> {
  const limit = pLimit(PARALLEL)
  let current = head
  while (current.state.version < version) {
    const first = current.state.version + 1
    const count = Math.min(version - first + 1, PARALLEL)
    const reads = Array.from({ length: count }, (_, i) => limit(() => readCommit(store, first + i)))
    for (const [i, read] of (await Promise.allSettled(reads)).entries()) {
      if (read.status === 'rejected') throw read.reason
      if (read.value === undefined) throw missingCommit(first + i, version)
      current = follow(current, read.value)
    }
  }
  return current
}

/** Applies the next commit, which must belong to the same store. */
export function follow({ state, recent, due }: Head, commit: Commit): Head {
  const { version, storeId, time } = commit.header
  const key = commitKey(version)
  if (state.version > 0 && storeId !== state.storeId) {
    throw badFormat(key, `header.storeId expected ${state.storeId}, got ${storeId}`)
  }
  if (state.version > 0 && time <= state.time) {
    throw badFormat(key, `header.time expected after ${state.time}, got ${time}`)
  }
  const next = applyCommit(state, commit)
  if (version % CHECKPOINT_EVERY === 0) return { state: next, recent: [], due: next }
  return { state: next, recent: [...recent, commit], ...(due === undefined ? {} : { due }) }
}

/** The same head on the pages of a newer checkpoint: that of the version at which the last one was due. */
export function rebase(checkpoint: State, { recent }: Head): Head {
  return recent.reduce<Head>(follow, { state: checkpoint, recent: [] })
}

function missingCommit(version: number, newest: number): StorageError {
  const key = commitKey(version)
  return new StorageError('corrupt', `manifest: commits expected up to version ${newest}, got none at ${key}`, { key })
}
