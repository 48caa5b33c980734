import type { BlockInfo, LedgerEntry } from './actions.ts'

/** The manifest at one version: everything a job reads is fixed by it. */
export interface Snapshot {
  readonly version: number
  /** Time of the commit that made this version, milliseconds. */
  readonly time: number
  readonly storeId: string
  datasets(): Promise<readonly DatasetSummary[]>
  /** Whether there is a dataset of this name; reads nothing. */
  has(dataset: string): boolean
  /** Live blocks of a dataset in order of key; with a period only those whose flows may start or overlap it. */
  blocks(dataset: string, period?: Period): AsyncIterable<BlockInfo>
  /** The Avro schema (parsed JSON) with this id. */
  schema(schemaId: string): Promise<unknown>
  /** Ledger of a dataset summed per session and interval, in order; with a period only the intervals that touch it. */
  ledger(dataset: string, period?: Period): AsyncIterable<LedgerEntry>
  /** The same, many at a time. */
  ledgerPages(dataset: string, period?: Period): AsyncIterable<readonly LedgerEntry[]>
  property(name: string): Promise<string | null>
  /** The highest sequence that `writer` has committed, or -1. */
  transaction(writer: string): Promise<number>
}

/** Half-open [from, to) in milliseconds; a missing end is open. */
export interface Period {
  readonly from?: number
  readonly to?: number
}

export interface DatasetSummary {
  readonly dataset: string
  readonly blocks: number
  readonly sizeBytes: number
  readonly records: number
  readonly minStart: number | null
  readonly maxEnd: number | null
}
