import { formatBytes } from '../../flow/size.ts'
import { formatInstant } from '../../flow/time.ts'
import type { CoverageFigures } from '../../report/coverage.ts'
import { coverageLines, NOTHING_MISSING } from '../../report/coverage.ts'
import { propertyLines } from '../../report/lines.ts'
import { thousands } from '../../report/number.ts'
import { liveBlocks } from '../../storage/live-blocks.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { StoreSnapshot } from '../../storage/manifest/manifest.ts'
import { type Replication, replicationOf } from '../../storage/replica/copies.ts'
import { ReplicaStore } from '../../storage/replica/replica-store.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { OptionsOf } from '../command.ts'
import type { statOptions } from '../commands/fs.ts'
import { openManifestOf, snapshotAt } from '../open.ts'
import { printReport } from '../print.ts'
import { replicationLines } from '../volumes.ts'

export async function statAction(
  args: OptionsOf<typeof statOptions> & { dataset: string | undefined },
): Promise<undefined> {
  const { store, manifest } = await openManifestOf(args)
  const snapshot = await snapshotAt(manifest, args.at)
  if (args.dataset === undefined) await statStore(args, store, snapshot)
  else await statDataset(args, args.dataset, { store, snapshot })
}

/** Of a replica set, how the blocks are replicated; null of any other store. */
async function replicationIn(store: ObjectStore, blocks: AsyncIterable<BlockInfo>): Promise<Replication | null> {
  return store instanceof ReplicaStore ? replicationOf(store.set, blocks) : null
}

async function statStore(
  args: { readonly format: string },
  store: ObjectStore,
  snapshot: StoreSnapshot,
): Promise<void> {
  const datasets = await snapshot.datasets()
  const sum = (of: 'blocks' | 'records' | 'sizeBytes'): number =>
    datasets.reduce((total, entry) => total + entry[of], 0)
  const figures = {
    store: store.url,
    storeId: snapshot.storeId,
    snapshot: snapshot.version,
    committed: formatInstant(snapshot.time),
    datasets: datasets.length,
    blocks: sum('blocks'),
    records: sum('records'),
    bytes: sum('sizeBytes'),
    replication: await replicationIn(store, await liveBlocks(snapshot)),
  }
  await printReport(args, figures, () => [
    ...propertyLines([
      ['store', figures.store],
      ['id', figures.storeId],
      ['snapshot', `${figures.snapshot}, committed ${figures.committed}`],
      ['datasets', thousands(figures.datasets)],
      ['blocks', thousands(figures.blocks)],
      ['records', thousands(figures.records)],
      ['size', formatBytes(figures.bytes)],
    ]),
    ...(figures.replication ? replicationLines(figures.replication) : []),
  ])
}

async function statDataset(
  args: { readonly format: string },
  dataset: string,
  { store, snapshot }: { readonly store: ObjectStore; readonly snapshot: StoreSnapshot },
): Promise<void> {
  const replication = await replicationIn(store, snapshot.blocks(dataset))
  const figures = { dataset, snapshot: snapshot.version, ...(await sumBlocks(snapshot, dataset)) }
  const coverage = await sumLedger(snapshot, dataset, figures)
  const { from, to, exporters, formats } = figures
  await printReport(args, { ...figures, replication, coverage }, () => [
    ...propertyLines([
      ['dataset', dataset],
      ['snapshot', String(figures.snapshot)],
      ['blocks', `${thousands(figures.blocks)} (${formats.join(', ') || 'none'})`],
      ['records', thousands(figures.records)],
      [
        'size',
        `${formatBytes(figures.bytes)}${figures.records > 0 ? `, ${(figures.bytes / figures.records).toFixed(1)} bytes per record` : ''}`,
      ],
      ['time span', from === null || to === null ? 'none' : `${from} to ${to}`],
      [
        'exporters',
        exporters.length === 0
          ? 'none'
          : `${exporters.length}: ${exporters.slice(0, 8).join(', ')}${exporters.length > 8 ? ' ...' : ''}`,
      ],
      ['collectors', figures.collectors.join(', ') || 'none'],
    ]),
    ...(replication ? replicationLines(replication) : []),
    ...(dataset === 'flows' ? coverageLines(coverage) : []),
  ])
}

interface BlockFigures {
  readonly blocks: number
  readonly records: number
  readonly bytes: number
  readonly from: string | null
  readonly to: string | null
  readonly exporters: readonly string[]
  readonly collectors: readonly string[]
  readonly formats: readonly string[]
  readonly samplingUnknown: number
}

async function sumBlocks(snapshot: StoreSnapshot, dataset: string): Promise<BlockFigures> {
  const sums = { blocks: 0, records: 0, bytes: 0, samplingUnknown: 0 }
  const sets = { exporters: new Set<string>(), collectors: new Set<string>(), formats: new Set<string>() }
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for await (const block of snapshot.blocks(dataset)) {
    sums.blocks++
    sums.records += block.records
    sums.bytes += block.sizeBytes
    sums.samplingUnknown += block.samplingUnknown
    first = Math.min(first, block.minStart ?? first)
    last = Math.max(last, block.maxEnd ?? last)
    for (const exporter of block.exporters) sets.exporters.add(exporter)
    sets.collectors.add(block.collector)
    sets.formats.add(block.format)
  }
  const instant = (ms: number): string | null => (Number.isFinite(ms) ? formatInstant(ms) : null)
  const sorted = (set: ReadonlySet<string>): string[] => [...set].sort()
  return {
    ...sums,
    ...{ from: instant(first), to: instant(last) },
    ...{ exporters: sorted(sets.exporters), collectors: sorted(sets.collectors), formats: sorted(sets.formats) },
  }
}

/** The coverage of a whole dataset: its ledger, summed. */
async function sumLedger(
  snapshot: StoreSnapshot,
  dataset: string,
  { records, samplingUnknown }: BlockFigures,
): Promise<CoverageFigures> {
  const lost = { ...NOTHING_MISSING.lost }
  let [undecodable, malformed, quarantined] = [0, 0, 0]
  for await (const entry of snapshot.ledger(dataset)) {
    lost[entry.unit] += entry.lost
    undecodable += entry.undecodable
    malformed += entry.malformed
    quarantined += entry.quarantined
  }
  return { flows: records, lost, undecodable, malformed, corrupt: 0, quarantined, samplingUnknown }
}
