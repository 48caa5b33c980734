import { StorageError } from '../errors.ts'
import type { BlockInfo, LedgerEntry } from './actions.ts'
import type { BlockTotals } from './block-tree.ts'
import { addBlockTotals, BLOCK_TREE, greatest, least, mayTouch, NO_BLOCKS } from './block-tree.ts'
import { INTERVAL_MS, intervalsOf, LEDGER_TREE } from './ledger-tree.ts'
import type { PageReader } from './pages.ts'
import type { DatasetSummary, Period, Snapshot } from './snapshot.ts'
import type { DatasetState, State } from './state.ts'
import { TRANSACTION_TREE } from './transaction-tree.ts'
import { findInTree, scanPages, scanTree } from './tree.ts'

/** A snapshot over a state, reading pages as they are asked for. */
export function viewOf(state: State, pages: PageReader): Snapshot & SnapshotLookup {
  const datasetOf = (name: string): DatasetState => {
    const dataset = state.datasets.get(name)
    if (dataset === undefined) throw unknownDataset(state, name)
    return dataset
  }
  return {
    version: state.version,
    time: state.time,
    storeId: state.storeId,
    datasets: () => summaries(state, pages),
    has: (dataset) => state.datasets.has(dataset),
    mostBytes: () => Math.max(0, ...[...state.datasets.values()].map(mostBytesOf)),
    blocks: (dataset, period = {}) => liveBlocks(datasetOf(dataset), period, pages),
    block: (dataset, key) => findInTree(BLOCK_TREE, datasetOf(dataset).blocks, pages.blocks, key),
    async *ledger(dataset, period = {}) {
      for await (const entries of ledgerPages(datasetOf(dataset), period, pages)) yield* entries
    },
    ledgerPages: (dataset, period = {}) => ledgerPages(datasetOf(dataset), period, pages),
    async schema(schemaId) {
      if (state.schemas.has(schemaId)) return state.schemas.get(schemaId)
      const message = `manifest: schema ${schemaId} expected in version ${state.version}, got none`
      throw new StorageError('bad-schema', message, { schemaId })
    },
    property: async (name) => state.properties.get(name) ?? null,
    async transaction(writer) {
      const found = await findInTree(TRANSACTION_TREE, state.transactions, pages.transactions, writer)
      return found?.sequence ?? -1
    },
  }
}

/** What a snapshot can look up beside what jobs need. */
export interface SnapshotLookup {
  /** The live block with this key, at the cost of at most one page. */
  block(dataset: string, key: string): Promise<BlockInfo | undefined>
  /** Bytes of the largest dataset, at most: blocks removed since the last checkpoint count. Reads nothing. */
  mostBytes(): number
}

function mostBytesOf({ blocks: { refs, changes } }: DatasetState): number {
  let bytes = 0
  for (const { sizeBytes } of refs) bytes += sizeBytes
  for (const change of changes.values()) bytes += change?.sizeBytes ?? 0
  return bytes
}

function unknownDataset(state: State, name: string): StorageError {
  const known = [...state.datasets.keys()].sort().join(', ') || 'none'
  const message = `manifest: dataset expected one of version ${state.version} (${known}), got ${name}`
  return new StorageError('not-found', message, { dataset: name })
}

async function* liveBlocks(dataset: DatasetState, period: Period, pages: PageReader): AsyncGenerator<BlockInfo> {
  const wanted = (ref: BlockTotals): boolean => ref.untimed > 0 || mayTouch(ref, period)
  for await (const block of scanTree(BLOCK_TREE, dataset.blocks, pages.blocks, wanted)) {
    if (mayTouch(block, period)) yield block
  }
}

async function* ledgerPages(
  dataset: DatasetState,
  { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: Period,
  pages: PageReader,
): AsyncGenerator<readonly LedgerEntry[]> {
  const touches = (first: number, last: number): boolean => first < to && last + INTERVAL_MS > from
  const found = scanPages(LEDGER_TREE, dataset.ledger, pages.ledger, (ref) => {
    const { first, last } = intervalsOf(ref)
    return touches(first, last)
  })
  for await (const entries of found) yield entries.filter(({ interval }) => touches(interval, interval))
}

async function summaries(state: State, pages: PageReader): Promise<readonly DatasetSummary[]> {
  const result: DatasetSummary[] = []
  for (const [name, dataset] of [...state.datasets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    result.push({ dataset: name, ...(await summary(dataset, pages)) })
  }
  return result
}

/** Totals from the descriptions of the pages; only pages that have changed since the checkpoint are read. */
async function summary(dataset: DatasetState, pages: PageReader): Promise<Omit<DatasetSummary, 'dataset'>> {
  const { refs, changes } = dataset.blocks
  const removed = [...changes].flatMap(([key, change]) => (change === null ? [key] : []))
  const changed = refs.filter((ref) => removed.some((key) => ref.first <= key && key <= ref.last))
  let blocks = 0
  let totals = NO_BLOCKS
  for (const ref of refs) {
    if (changed.includes(ref)) continue
    blocks += ref.entries
    totals = addTotals(totals, ref)
  }
  for await (const block of scanTree(BLOCK_TREE, { refs: changed, changes }, pages.blocks)) {
    blocks++
    totals = addBlockTotals(totals, block)
  }
  const { sizeBytes, records, minStart, maxEnd } = totals
  return { blocks, sizeBytes, records, minStart, maxEnd }
}

const addTotals = (a: BlockTotals, b: BlockTotals): BlockTotals => ({
  sizeBytes: a.sizeBytes + b.sizeBytes,
  records: a.records + b.records,
  minStart: least(a.minStart, b.minStart),
  maxStart: greatest(a.maxStart, b.maxStart),
  maxEnd: greatest(a.maxEnd, b.maxEnd),
  untimed: a.untimed + b.untimed,
})
