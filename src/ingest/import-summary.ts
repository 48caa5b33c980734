import type { LedgerUnit } from '../storage/manifest/actions.ts'
import type { FileKind } from './input/filekind.ts'

/** What an import read and committed: `import --format json`. */
export interface ImportSummary {
  readonly files: readonly FileSummary[]
  readonly ledger: readonly SessionTotals[]
  /** Blocks written, of flows and of quarantined flows. */
  readonly blocks: number
  /** Version of the manifest that the import made. */
  readonly commit: number
}

/** One file. `records` counts data records, those of sets decoded late included; `flows` adds the reverse halves of biflows. */
export interface FileSummary {
  readonly file: string
  readonly kind: FileKind
  readonly datagrams: number
  readonly records: number
  readonly flows: number
  readonly optionsRecords: number
  readonly templates: number
  readonly malformedDatagrams: number
  readonly setsWithoutTemplate: number
  /** Flows with a counter above 2^53 - 1, stored in the dataset `quarantine/ingest`. */
  readonly quarantined: number
  /** What deserves a line on stderr, each in one line that names the file. */
  readonly warnings: readonly string[]
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
