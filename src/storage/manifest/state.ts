import type { Action, Commit, LedgerEntry } from './actions.ts'
import type { BlockChange, BlockPageRef } from './block-tree.ts'
import { addLedgerEntries, ledgerKey } from './ledger-tree.ts'
import type { Transaction } from './transaction-tree.ts'
import type { PageRef, Tree } from './tree.ts'

/**
 * The manifest at one version, as plain data: the pages of the newest checkpoint at or before it and what the commits since have
 * changed. Immutable; `applyCommit` makes the next one.
 */
export interface State {
  readonly version: number
  /** Time of the commit that made this version, milliseconds. */
  readonly time: number
  readonly storeId: string
  readonly requires: readonly string[]
  /** Version of the checkpoint the pages belong to; 0 when there is none. */
  readonly checkpoint: number
  readonly datasets: ReadonlyMap<string, DatasetState>
  readonly schemas: ReadonlyMap<string, unknown>
  readonly properties: ReadonlyMap<string, string>
  readonly transactions: Tree<Transaction, PageRef>
}

export interface DatasetState {
  readonly blocks: Tree<BlockChange, BlockPageRef>
  readonly ledger: Tree<LedgerEntry, PageRef>
}

export const EMPTY_DATASET: DatasetState = {
  blocks: { refs: [], changes: new Map() },
  ledger: { refs: [], changes: new Map() },
}

/** Before the first commit. */
export const EMPTY_STATE: State = {
  version: 0,
  time: 0,
  storeId: '',
  requires: [],
  checkpoint: 0,
  datasets: new Map(),
  schemas: new Map(),
  properties: new Map(),
  transactions: { refs: [], changes: new Map() },
}

/** The state after a commit. */
export function applyCommit(state: State, { header, actions }: Commit): State {
  const { version, time, storeId, requires } = header
  const draft = new Draft(state)
  for (const action of actions) draft.apply(action)
  return { ...draft.state, version, time, storeId, requires }
}

/** A state in the making: copies what an action changes, once, and leaves the state it started from alone. */
export class Draft {
  readonly #base: State
  readonly #datasets: Map<string, DatasetState>
  readonly #schemas: Map<string, unknown>
  readonly #properties: Map<string, string>
  readonly #transactions: Map<string, Transaction>
  readonly #blocks = new Map<string, Map<string, BlockChange>>()
  readonly #ledgers = new Map<string, Map<string, LedgerEntry>>()

  constructor(base: State) {
    this.#base = base
    this.#datasets = new Map(base.datasets)
    this.#schemas = new Map(base.schemas)
    this.#properties = new Map(base.properties)
    this.#transactions = new Map(base.transactions.changes)
  }

  /** The state so far; shares what `apply` changes further. */
  get state(): State {
    return {
      ...this.#base,
      datasets: this.#datasets,
      schemas: this.#schemas,
      properties: this.#properties,
      transactions: { refs: this.#base.transactions.refs, changes: this.#transactions },
    }
  }

  apply(action: Action): void {
    switch (action.type) {
      case 'addDataset':
        this.#dataset(action.dataset)
        break
      case 'addSchema':
        this.#schemas.set(action.schemaId, action.schema)
        break
      case 'addBlock':
        this.#blockChanges(action.dataset).set(action.block.key, action.block)
        break
      case 'removeBlock':
        this.#blockChanges(action.dataset).set(action.key, null)
        break
      case 'addLedger':
        this.#addLedger(action.dataset, action.entries)
        break
      case 'setTransaction':
        this.#transactions.set(action.writer, { writer: action.writer, sequence: action.sequence })
        break
      case 'setProperty':
        if (action.value === null) this.#properties.delete(action.name)
        else this.#properties.set(action.name, action.value)
        break
    }
  }

  #dataset(name: string): DatasetState {
    const dataset = this.#datasets.get(name) ?? EMPTY_DATASET
    this.#datasets.set(name, dataset)
    return dataset
  }

  #blockChanges(name: string): Map<string, BlockChange> {
    const known = this.#blocks.get(name)
    if (known !== undefined) return known
    const dataset = this.#dataset(name)
    const changes = new Map(dataset.blocks.changes)
    this.#blocks.set(name, changes)
    this.#datasets.set(name, { ...dataset, blocks: { refs: dataset.blocks.refs, changes } })
    return changes
  }

  #addLedger(name: string, entries: readonly LedgerEntry[]): void {
    let changes = this.#ledgers.get(name)
    if (changes === undefined) {
      const dataset = this.#dataset(name)
      changes = new Map(dataset.ledger.changes)
      this.#ledgers.set(name, changes)
      this.#datasets.set(name, { ...dataset, ledger: { refs: dataset.ledger.refs, changes } })
    }
    for (const entry of entries) {
      const key = ledgerKey(entry)
      const old = changes.get(key)
      changes.set(key, old === undefined ? entry : addLedgerEntries(old, entry))
    }
  }
}
