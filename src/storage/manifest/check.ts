import { schemaId as idOfSchema } from '../../flow/schema.ts'
import { StorageError } from '../errors.ts'
import type { Action, AddBlock, AddLedger, AddSchema, RemoveBlock, SetProperty, SetTransaction } from './actions.ts'
import type { PageReader } from './pages.ts'
import type { State } from './state.ts'
import { Draft } from './state.ts'
import { uploadTime } from './upload-time.ts'
import { viewOf } from './view.ts'

/** Property that holds the gc horizon, milliseconds in decimal: no block whose upload began before it becomes live any more. */
export const GC_HORIZON = 'gc.horizon'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/

/** Refuses a name that no dataset can have, with code `bad-key`. */
export function checkDatasetName(dataset: string): void {
  if (NAME.test(dataset)) return
  const message = `manifest: dataset name expected parts of [A-Za-z0-9][A-Za-z0-9._-]* joined by /, got ${JSON.stringify(dataset)}`
  throw new StorageError('bad-key', message, { dataset })
}

/**
 * The conflict rules: checks actions one after the other against `state` and returns those that change it (a dataset or a schema
 * that is there already is left out). Throws `behind-horizon`, `duplicate-transaction`, or `conflict`.
 */
export async function checkActions(
  state: State,
  actions: readonly Action[],
  pages: PageReader,
): Promise<readonly Action[]> {
  const draft = new Draft(state)
  const checks = new Checks(draft, pages)
  const kept: Action[] = []
  for (const action of actions) {
    if (!(await checks.changes(action))) continue
    draft.apply(action)
    kept.push(action)
  }
  return kept
}

class Checks {
  readonly #draft: Draft
  readonly #pages: PageReader
  readonly #horizon: number

  constructor(draft: Draft, pages: PageReader) {
    this.#draft = draft
    this.#pages = pages
    this.#horizon = Number(draft.state.properties.get(GC_HORIZON) ?? 0)
  }

  /** Whether the action would change anything; throws when it must not be done. */
  changes(action: Action): boolean | Promise<boolean> {
    switch (action.type) {
      case 'addDataset':
        return this.#addDataset(action.dataset)
      case 'addSchema':
        return this.#addSchema(action)
      case 'addBlock':
        return this.#addBlock(action)
      case 'removeBlock':
        return this.#removeBlock(action)
      case 'addLedger':
        return this.#addLedger(action)
      case 'setTransaction':
        return this.#setTransaction(action)
      case 'setProperty':
        return this.#setProperty(action)
    }
  }

  #addDataset(dataset: string): boolean {
    checkDatasetName(dataset)
    return !this.#draft.state.datasets.has(dataset)
  }

  #addSchema({ schemaId, schema }: AddSchema): boolean {
    const { schemas } = this.#draft.state
    if (!schemas.has(schemaId)) return true
    // The id leaves out what does not matter for reading, such as `doc`.
    if (idOfSchema(schemas.get(schemaId)) === idOfSchema(schema)) return false
    throw conflict(`schema ${schemaId} expected to be the one it was, got another`, { schemaId })
  }

  #addBlock({ dataset, block }: AddBlock): boolean {
    this.#knownDataset(dataset)
    const { key, schemaId } = block
    if (!this.#draft.state.schemas.has(schemaId)) {
      throw conflict(`block ${key} expected a known schema, got ${schemaId}`, { key, schemaId })
    }
    if (this.#draft.state.datasets.get(dataset)?.blocks.changes.has(key)) {
      throw conflict(`block ${key} expected a key never used before, got one used twice`, { key, dataset })
    }
    const uploaded = uploadTime(key)
    if (uploaded === undefined || !NAME.test(key)) {
      const message = `manifest: block expected a key that ends in <ulid>.<format>, got ${key}`
      throw new StorageError('bad-key', message, { key, dataset })
    }
    if (uploaded < this.#horizon) {
      const [horizon, got] = [this.#horizon, uploaded].map((ms) => new Date(ms).toISOString())
      const message = `manifest: upload of ${key} expected to begin at or after the gc horizon ${horizon}, got ${got}; upload it again`
      throw new StorageError('behind-horizon', message, { key, dataset, horizon: this.#horizon })
    }
    return true
  }

  async #removeBlock({ dataset, key }: RemoveBlock): Promise<boolean> {
    this.#knownDataset(dataset)
    const live = await viewOf(this.#draft.state, this.#pages).block(dataset, key)
    if (live === undefined) throw conflict(`block ${key} of ${dataset} expected live, got none`, { key, dataset })
    return true
  }

  #addLedger({ dataset, entries }: AddLedger): boolean {
    this.#knownDataset(dataset)
    return entries.length > 0
  }

  async #setTransaction({ writer, sequence }: SetTransaction): Promise<boolean> {
    const last = await viewOf(this.#draft.state, this.#pages).transaction(writer)
    if (sequence > last) return true
    const message = `manifest: transaction of ${writer} expected above ${last}, got ${sequence}: it is committed already`
    throw new StorageError('duplicate-transaction', message, { writer, sequence, last })
  }

  #setProperty({ name, old, value }: SetProperty): boolean {
    const found = this.#draft.state.properties.get(name) ?? null
    if (found !== old) throw conflict(`property ${name} expected ${old}, got ${found}`, { name })
    return value !== found
  }

  #knownDataset(dataset: string): void {
    if (!this.#draft.state.datasets.has(dataset)) {
      throw conflict(`dataset expected a known one, got ${dataset}`, { dataset })
    }
  }
}

function conflict(problem: string, details: { [name: string]: string }): StorageError {
  return new StorageError('conflict', `manifest: ${problem}`, details)
}
