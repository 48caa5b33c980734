import type { LedgerUnit } from '../storage/manifest/actions.ts'
import type { DecodeCounters } from './decode/counters.ts'
import type { FileKind } from './input/filekind.ts'

/** What an import read and committed: `import --format json`. */
export interface ImportSummary {
  readonly files: readonly FileSummary[]
  readonly ledger: readonly SessionTotals[]
  /** Blocks written, of flows and of quarantined flows. */
  readonly blocks: number
  /** Version of the manifest that the import made. */
  readonly commit: number
  /** What deserves a line on stderr; each names its file. */
  readonly warnings: readonly string[]
}

/** One file. `records` counts data records, those of sets decoded late included; `flows` adds the reverse halves of biflows. */
export interface FileSummary {
  readonly file: string
  /** What it was; `dataset` for datagrams kept in a store. */
  readonly kind: FileKind | 'dataset'
  readonly datagrams: number
  readonly records: number
  readonly flows: number
  readonly optionsRecords: number
  readonly templates: number
  readonly malformedDatagrams: number
  readonly setsWithoutTemplate: number
  /** Flows with a counter above 2^53 - 1, stored in the dataset `quarantine/ingest`. */
  readonly quarantined: number
}

/** Loss of one session, over all files of the import. */
export interface SessionTotals {
  readonly exporter: string
  readonly sourcePort: number
  readonly version: number
  readonly domain: number
  readonly unit: LedgerUnit
  readonly received: number
  readonly lost: number
  readonly restarts: number
}

/** What a file added to the counters of its decoder. */
export function fileSummary(
  file: string,
  kind: FileSummary['kind'],
  before: DecodeCounters,
  after: DecodeCounters,
): FileSummary {
  return {
    file,
    kind,
    datagrams: after.datagrams - before.datagrams,
    records: after.records - before.records,
    flows: after.flows - before.flows,
    optionsRecords: after.optionsRecords - before.optionsRecords,
    templates: after.templates - before.templates,
    malformedDatagrams: after.malformedDatagrams - before.malformedDatagrams,
    setsWithoutTemplate: after.setsWithoutTemplate - before.setsWithoutTemplate,
    quarantined: after.quarantined - before.quarantined,
  }
}
