import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { System } from '../system.ts'
import type { Action, Commit } from './actions.ts'
import { checkActions } from './check.ts'
import { commitKey, FORMAT_VERSION } from './layout.ts'
import { readCommit } from './log.ts'
import type { PageReader } from './pages.ts'
import { parseCommit } from './parse.ts'
import type { Snapshot } from './snapshot.ts'
import type { State } from './state.ts'
import type { SnapshotLookup } from './view.ts'
import { viewOf } from './view.ts'

/** One commit: stage, check, publish. The loop around it is the manifest's. */
export interface CommitOptions {
  /** What the commit does, in a word. */
  readonly operation: string
  readonly writer: string
  /** Epoch of the lease under which it is made. */
  readonly epoch?: number
  /** The actions, or a function that makes them from the snapshot they will be applied to; it is called anew after a lost race. */
  readonly actions: readonly Action[] | ((snapshot: Snapshot & SnapshotLookup) => Promise<readonly Action[]>)
  /** Throws when the commit must not be made on top of this snapshot; called anew after a lost race. */
  readonly validate?: (snapshot: Snapshot & SnapshotLookup) => void | Promise<void>
}

interface StageContext {
  readonly nonce: string
  readonly now: number
  readonly pages: PageReader
}

/** The commit that would follow `state`; throws when the conflict rules or `validate` forbid it. */
export async function stage(
  state: State,
  { operation, writer, epoch, actions, validate }: CommitOptions,
  { nonce, now, pages }: StageContext,
): Promise<Commit> {
  const view = viewOf(state, pages)
  await validate?.(view)
  const wanted = typeof actions === 'function' ? await actions(view) : actions
  const { storeId, requires } = state
  return {
    header: {
      ...{ formatVersion: FORMAT_VERSION, requires, version: state.version + 1, storeId },
      ...{ writer, nonce, time: Math.max(Math.floor(now), state.time + 1), operation },
      ...(epoch === undefined ? {} : { epoch }),
    },
    actions: await checkActions(state, wanted, pages),
  }
}

/** How often the same version is tried when the store does not say what became of the write. */
const PUBLISH_TRIES = 3

/**
 * Writes a commit, if it reads back as one, and returns the one that now holds its version: this one or, when the race was lost, a rival's. After an error
 * whose outcome is unknown the version is read back and, when it is still free, written again with the same bytes: whichever
 * of the writes lands, it is the same commit.
 */
export async function publish(store: ObjectStore, staged: Commit): Promise<Commit> {
  const { version } = staged.header
  const bytes = new TextEncoder().encode(JSON.stringify(staged))
  // What readers would refuse must not get into the log: no one could open the store again.
  const commit = parseCommit(bytes, `commit ${version} of ${staged.header.writer}`, version)
  for (let tries = 1; ; tries++) {
    try {
      await store.write(commitKey(version), bytes, { ifAbsent: true })
      return commit
    } catch (error) {
      const lost = error instanceof StorageError && error.code === 'exists'
      const unknown = error instanceof StorageError && error.code === 'unavailable'
      if (!lost && !unknown) throw error
      const found = await readCommit(store, version)
      if (found?.header.nonce === commit.header.nonce) return commit
      if (found !== undefined) return found
      if (tries === PUBLISH_TRIES) throw error
    }
  }
}

/** 32 random hexadecimal digits. */
export function randomId(system: System): string {
  let digits = ''
  while (digits.length < 32)
    digits += Math.floor(system.random() * 0x100000000)
      .toString(16)
      .padStart(8, '0')
  return digits
}
