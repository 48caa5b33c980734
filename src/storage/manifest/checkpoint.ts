import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { BlockPageRef } from './block-tree.ts'
import { BLOCK_TREE } from './block-tree.ts'
import { checkpointKey, FORMAT_VERSION, HINT_KEY, pageKey } from './layout.ts'
import { LEDGER_TREE } from './ledger-tree.ts'
import type { PageReader } from './pages.ts'
import { ledgerToRow } from './pages.ts'
import { checked, checkFormat, readJson } from './parse.ts'
import { anything, count, integer, listOf, mapOf, object, oneOf, orNull, positive, text } from './shape.ts'
import type { DatasetState, State } from './state.ts'
import { TRANSACTION_TREE } from './transaction-tree.ts'
import type { PageRef, Tree } from './tree.ts'
import { rewriteTree } from './tree.ts'

/** A checkpoint: the whole state of one version, its large parts in pages of their own that later checkpoints refer to again. */
export interface Checkpoint {
  readonly formatVersion: number
  readonly requires: readonly string[]
  readonly storeId: string
  readonly version: number
  readonly time: number
  readonly datasets: readonly {
    readonly dataset: string
    readonly blocks: readonly BlockPageRef[]
    readonly ledger: readonly PageRef[]
  }[]
  readonly schemas: readonly { readonly schemaId: string; readonly schema?: unknown }[]
  readonly properties: { readonly [name: string]: string }
  readonly transactions: readonly PageRef[]
}

/** What stands in the place of a checkpoint that gc has retired, or that was never finished: its key is never used again. */
export interface RetiredCheckpoint {
  readonly formatVersion: number
  readonly requires: readonly string[]
  readonly version: number
  readonly retired: true
}

const time = orNull(integer)
const page = { key: text, first: text, last: text, entries: count }
const pageRef = object<PageRef>(page)
const blockPageRef = object<BlockPageRef>({
  ...page,
  sizeBytes: count,
  records: count,
  minStart: time,
  maxStart: time,
  maxEnd: time,
  untimed: count,
})
const checkpointShape = object<Checkpoint>({
  formatVersion: integer,
  requires: listOf(text),
  storeId: text,
  version: positive,
  time: integer,
  datasets: listOf(object({ dataset: text, blocks: listOf(blockPageRef), ledger: listOf(pageRef) })),
  schemas: listOf(object({ schemaId: text, schema: anything })),
  properties: mapOf(text),
  transactions: listOf(pageRef),
})
const retired = object({ retired: oneOf(true) })
const hint = object({ version: count })

/** Reads the checkpoint of a version; undefined when there is none, or no longer. */
export async function readCheckpoint(store: ObjectStore, version: number): Promise<State | undefined> {
  const checkpoint = await findCheckpoint(store, version)
  return checkpoint === undefined || 'retired' in checkpoint ? undefined : stateOf(checkpoint)
}

/** What is stored under the key of a checkpoint. */
export async function findCheckpoint(
  store: ObjectStore,
  version: number,
): Promise<Checkpoint | RetiredCheckpoint | undefined> {
  const key = checkpointKey(version)
  let json: unknown
  try {
    json = await readJson(store, key)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
  checkFormat(json, key)
  if (retired(json) === undefined) {
    return { formatVersion: FORMAT_VERSION, requires: [], version, retired: true }
  }
  return checked(checkpointShape, json, key)
}

const unchanged = <R>(refs: readonly R[]): Tree<never, R> => ({ refs, changes: new Map<string, never>() })

function stateOf(checkpoint: Checkpoint): State {
  const { version, time, storeId, requires, datasets, schemas, properties, transactions } = checkpoint
  return {
    ...{ version, time, storeId, requires, checkpoint: version },
    datasets: new Map(
      datasets.map(({ dataset, blocks, ledger }) => [
        dataset,
        { blocks: unchanged(blocks), ledger: unchanged(ledger) },
      ]),
    ),
    schemas: new Map(schemas.map(({ schemaId, schema }) => [schemaId, schema])),
    properties: new Map(Object.entries(properties)),
    transactions: unchanged(transactions),
  }
}

/** Version of the checkpoint that the hint names. Best effort: an unreadable hint is no hint. */
export async function readHint(store: ObjectStore): Promise<number | undefined> {
  try {
    return checked(hint, await readJson(store, HINT_KEY), HINT_KEY).version
  } catch (error) {
    if (error instanceof StorageError && (error.code === 'not-found' || error.code === 'bad-format')) return undefined
    throw error
  }
}

/**
 * Writes the checkpoint of a state: first the pages that have changed, then, if no one else has, the checkpoint that names them,
 * then the hint. Returns the state as the checkpoint holds it, or undefined when another writer was first.
 */
export async function writeCheckpoint(
  store: ObjectStore,
  state: State,
  pages: PageReader,
  writer: string,
): Promise<State | undefined> {
  const compacted = await compact(store, state, pages, writer)
  const key = checkpointKey(state.version)
  try {
    await store.write(key, toJson(checkpointOf(compacted)), { ifAbsent: true })
  } catch (error) {
    if (error instanceof StorageError && error.code === 'exists') return undefined
    throw error
  }
  await store.write(HINT_KEY, toJson({ version: state.version }))
  return compacted
}

/** The state with all changes moved into pages. */
async function compact(store: ObjectStore, state: State, pages: PageReader, writer: string): Promise<State> {
  let number = 0
  const storing =
    <E>(content: (entries: readonly E[]) => unknown) =>
    async (entries: readonly E[]): Promise<string> => {
      const key = pageKey(state.version, writer, number++)
      await store.write(key, await zip(toJson(content(entries))), { ifAbsent: true })
      return key
    }
  const datasets = new Map<string, DatasetState>()
  for (const [name, { blocks, ledger }] of state.datasets) {
    const blockRefs = await rewriteTree(
      BLOCK_TREE,
      blocks,
      pages.blocks,
      storing((entries) => ({ blocks: entries })),
    )
    const ledgerContent = storing<Parameters<typeof ledgerToRow>[0]>((entries) => ({
      ledger: entries.map(ledgerToRow),
    }))
    const ledgerRefs = await rewriteTree(LEDGER_TREE, ledger, pages.ledger, ledgerContent)
    datasets.set(name, {
      blocks: { refs: blockRefs, changes: new Map() },
      ledger: { refs: ledgerRefs, changes: new Map() },
    })
  }
  const transactions = await rewriteTree(
    TRANSACTION_TREE,
    state.transactions,
    pages.transactions,
    storing((entries) => ({ transactions: entries.map(({ writer, sequence }) => [writer, sequence]) })),
  )
  return { ...state, checkpoint: state.version, datasets, transactions: { refs: transactions, changes: new Map() } }
}

function checkpointOf(state: State): Checkpoint {
  const { version, time, storeId, requires } = state
  return {
    ...{ formatVersion: FORMAT_VERSION, requires, storeId, version, time },
    datasets: [...state.datasets].map(([dataset, { blocks, ledger }]) => ({
      dataset,
      blocks: blocks.refs,
      ledger: ledger.refs,
    })),
    schemas: [...state.schemas].map(([schemaId, schema]) => ({ schemaId, schema })),
    properties: Object.fromEntries(state.properties),
    transactions: state.transactions.refs,
  }
}

const compress = promisify(gzip)
const zip = (bytes: Uint8Array): Promise<Uint8Array> => compress(bytes, { level: 6 })
const toJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
