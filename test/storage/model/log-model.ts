import { StorageError } from '../../../src/storage/errors.ts'
import type { Action, BlockInfo, Commit, LedgerEntry } from '../../../src/storage/manifest/actions.ts'
import { commitKey } from '../../../src/storage/manifest/layout.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'

/** What one version must show, in the plainest form: maps, copied for every version. */
export interface ModelVersion {
  readonly live: ReadonlyMap<string, BlockInfo>
  /** Flows received per minute. */
  readonly received: ReadonlyMap<number, number>
  readonly transactions: ReadonlyMap<string, number>
  readonly properties: ReadonlyMap<string, string>
}

/** The oracle of the manifest: reads every commit of the store and folds it into maps. It knows of no checkpoint, page or hint. */
export class LogModel {
  /** By version; 0 is before the first commit. */
  readonly versions: ModelVersion[] = [
    { live: new Map(), received: new Map(), transactions: new Map(), properties: new Map() },
  ]
  /** How often each key was ever added, and each (writer, sequence) made. */
  readonly added = new Map<string, number>()
  readonly made = new Map<string, number>()

  get newest(): number {
    return this.versions.length - 1
  }

  /** Takes in the commits made since the last time. */
  async follow(store: ObjectStore): Promise<void> {
    for (;;) {
      const commit = await readCommit(store, this.versions.length)
      if (commit === undefined) return
      this.versions.push(this.#next(this.versions.at(-1)!, commit.actions))
    }
  }

  #next(last: ModelVersion, actions: readonly Action[]): ModelVersion {
    const live = new Map(last.live)
    const received = new Map(last.received)
    const transactions = new Map(last.transactions)
    const properties = new Map(last.properties)
    for (const action of actions) {
      if (action.type === 'addBlock') {
        live.set(action.block.key, action.block)
        count(this.added, action.block.key)
      } else if (action.type === 'removeBlock') live.delete(action.key)
      else if (action.type === 'addLedger') for (const entry of action.entries) addReceived(received, entry)
      else if (action.type === 'setTransaction') {
        transactions.set(action.writer, action.sequence)
        count(this.made, `${action.writer} ${action.sequence}`)
      } else if (action.type === 'setProperty') properties.set(action.name, action.value ?? '')
    }
    return { live, received, transactions, properties }
  }
}

function addReceived(received: Map<number, number>, { interval, received: flows }: LedgerEntry): void {
  received.set(interval, (received.get(interval) ?? 0) + flows)
}

const count = (counts: Map<string, number>, key: string): unknown => counts.set(key, (counts.get(key) ?? 0) + 1)

async function readCommit(store: ObjectStore, version: number): Promise<Commit | undefined> {
  try {
    return JSON.parse(new TextDecoder().decode(await store.read(commitKey(version)))) as Commit
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
}
