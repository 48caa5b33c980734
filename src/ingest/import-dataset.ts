import { createHash } from 'node:crypto'
import { addressBytes, formatAddress } from '../flow/address.ts'
import type { Batch } from '../flow/batch.ts'
import type { AddressColumn } from '../flow/column.ts'
import { readBlock } from '../storage/block/read.ts'
import type { BlockInfo } from '../storage/manifest/actions.ts'
import type { Manifest, StoreSnapshot } from '../storage/manifest/manifest.ts'
import type { ObjectStore } from '../storage/store.ts'
import { DATAGRAM_COLUMNS, DATAGRAMS_DATASET, datagramColumns } from './daemon/datagram-blocks.ts'
import { type ExporterAddress, exporterFromBytes } from './decode/exporter-address.ts'
import { IngestError } from './error.ts'
import { FLOWS_DATASET, QUARANTINE_DATASET } from './flow-output.ts'
import { fileSummary, type ImportSummary } from './import-summary.ts'
import { fileWarnings } from './import-warnings.ts'
import { type ImportTarget, ImportWork } from './import-work.ts'
import { REDECODE, replacedBlocks } from './replaced-blocks.ts'

export interface ImportDatasetOptions extends ImportTarget {
  /** Dataset of raw datagrams; default `datagrams`. */
  readonly fromDataset?: string
  /** Where it is; default: the store that is imported into. */
  readonly source?: { readonly store: ObjectStore; readonly manifest: Manifest }
  /** Dataset that the flows go to; default `flows`. */
  readonly into?: string
}

/**
 * Decodes once more the datagrams that a daemon has kept. Into the dataset that the daemon itself filled, the new flows replace those of the same
 * datagrams, in one commit; the sequence ledger, which does not change, stays. Into another dataset or store they are an import like any other.
 * Throws IngestError `unreadable` when there are no datagrams, `already-imported`, or `compacted` when flows to be replaced lie in compacted blocks.
 */
export async function importDataset(options: ImportDatasetOptions): Promise<ImportSummary> {
  const { fromDataset = DATAGRAMS_DATASET, into = FLOWS_DATASET, store, manifest } = options
  const source = options.source ?? { store, manifest }
  const snapshot = await source.manifest.snapshot()
  const blocks = await liveBlocks(snapshot, fromDataset)
  if (blocks.length === 0) {
    const message = `import: dataset ${fromDataset} expected datagrams, got none; ingest keeps them with --keep-datagrams`
    throw new IngestError('unreadable', message, { dataset: fromDataset })
  }
  const inPlace = into === FLOWS_DATASET && source.manifest.storeId === manifest.storeId
  const replaced = inPlace ? await replacedBlocks(manifest, snapshot, blocks, [into, QUARANTINE_DATASET]) : []
  const work = new ImportWork(options, { dataset: into })
  try {
    const before = work.counters()
    for (const block of blocks) await decodeBlock(source.store, snapshot, block, work)
    const after = work.counters()
    const transaction = inPlace ? `${REDECODE}${snapshot.version}` : `import:${contentHash(blocks)}`
    const name = `dataset ${fromDataset}`
    const summary = fileSummary(name, 'dataset', before, after)
    await work.done({ name, transaction }, summary, fileWarnings(name, NO_FACTS, before, after))
    return await work.commit({ before: async () => replaced, ledger: !inPlace })
  } catch (error) {
    await work.discard()
    throw error
  } finally {
    work.close()
  }
}

const NO_FACTS = { skippedPackets: 0, abandonedFragments: 0, trailingBytes: 0 }

async function liveBlocks(snapshot: StoreSnapshot, dataset: string): Promise<BlockInfo[]> {
  const blocks: BlockInfo[] = []
  const known = await snapshot.datasets()
  if (!known.some((summary) => summary.dataset === dataset)) return blocks
  for await (const block of snapshot.blocks(dataset)) blocks.push(block)
  return blocks
}

/** Names the datagrams, as the hash of a file names its content. */
function contentHash(blocks: readonly BlockInfo[]): string {
  const hash = createHash('sha256')
  for (const { key, crc32 } of blocks) hash.update(`${key} ${crc32}\n`)
  return hash.digest('hex')
}

async function decodeBlock(
  store: ObjectStore,
  snapshot: StoreSnapshot,
  block: BlockInfo,
  work: ImportWork,
): Promise<void> {
  const schema = await snapshot.schema(block.schemaId)
  const exporters = new Map<string, ExporterAddress>()
  for await (const { batch } of readBlock({ store, block, schema, columns: DATAGRAM_COLUMNS })) {
    decodeRows(batch, exporters, work)
    await work.pause()
  }
}

function decodeRows(batch: Batch, exporters: Map<string, ExporterAddress>, work: ImportWork): void {
  const { received, exporter, sourcePort, payload } = datagramColumns(batch)
  for (let row = 0; row < batch.length; row++) {
    const bytes = payload.data.subarray(payload.offsets[row], payload.offsets[row + 1])
    work.datagram(bytes, exporterAt(exporter, row, exporters), sourcePort.values[row]!, received.values[row])
  }
}

function exporterAt(column: AddressColumn, row: number, exporters: Map<string, ExporterAddress>): ExporterAddress {
  const text = formatAddress(column, row)
  const known = exporters.get(text)
  if (known) return known
  const bytes = addressBytes(column, row)
  const exporter = exporterFromBytes(bytes, 0, bytes.length === 4 ? 4 : 16)
  exporters.set(text, exporter)
  return exporter
}
