/** The commit log of a store: plain data, one JSON object per version (docs/manifest-format.md). */

/** One commit: `manifest/<version>.json`. */
export interface Commit {
  readonly header: CommitHeader
  readonly actions: readonly Action[]
}

export interface CommitHeader {
  readonly formatVersion: number
  /** Features a reader must know to read this store; an unknown one is an error. */
  readonly requires: readonly string[]
  readonly version: number
  readonly storeId: string
  /** Who committed: collector name, run id, or command. */
  readonly writer: string
  /** Random, so that a writer recognises its own commit after a lost reply. */
  readonly nonce: string
  /** max(clock, previous + 1), milliseconds. */
  readonly time: number
  /** What the commit does, in a word: `import`, `ingest`, `compact`, `run`, `remove`, `gc-horizon` ... */
  readonly operation: string
  /** Epoch of the lease under which a coordinator commits a result. */
  readonly epoch?: number
}

export type Action = AddDataset | AddSchema | AddBlock | RemoveBlock | AddLedger | SetTransaction | SetProperty

export interface AddDataset {
  readonly type: 'addDataset'
  readonly dataset: string
}

export interface AddSchema {
  readonly type: 'addSchema'
  readonly schemaId: string
  /** The Avro schema as JSON; `schemaId` is derived from its canonical form. */
  readonly schema: unknown
}

/** A block becomes live. Times are milliseconds, inclusive; a dataset without times has nulls. */
export interface AddBlock {
  readonly type: 'addBlock'
  readonly dataset: string
  readonly block: BlockInfo
}

export interface BlockInfo {
  readonly key: string
  readonly format: 'avro' | 'parquet'
  readonly sizeBytes: number
  readonly records: number
  /** CRC-32 of the whole file, unsigned. */
  readonly crc32: number
  readonly schemaId: string
  /** Which daemon, import or job wrote it. */
  readonly collector: string
  readonly minStart: number | null
  readonly maxStart: number | null
  readonly minEnd: number | null
  readonly maxEnd: number | null
  /** Exporters in canonical order, as text; empty for datasets without one. */
  readonly exporters: readonly string[]
  /** Flows whose sampling is 0 of 0 (unknown); 0 for datasets without sampling. */
  readonly samplingUnknown: number
  /** Up to 64 chunks: offset, length (bytes), records, minStart, maxEnd (the last start where flows end before they start). They follow the file header without gaps. */
  readonly chunks: readonly ChunkInfo[]
}

export type ChunkInfo = readonly [
  offset: number,
  length: number,
  records: number,
  minStart: number | null,
  maxEnd: number | null,
]

export interface RemoveBlock {
  readonly type: 'removeBlock'
  readonly dataset: string
  readonly key: string
}

/** Signed deltas for one session and UTC minute of arrival; a late datagram corrects an earlier gap with negative numbers. */
export interface AddLedger {
  readonly type: 'addLedger'
  readonly dataset: string
  readonly entries: readonly LedgerEntry[]
}

export interface LedgerEntry {
  readonly exporter: string
  readonly sourcePort: number
  /** 5, 9, 10 for NetFlow and IPFIX; `sflow` is 0x53. */
  readonly version: number
  readonly domain: number
  /** What the session counts: flows (v5), datagrams (v9, sFlow) or records (IPFIX). */
  readonly unit: LedgerUnit
  /** Start of the UTC minute of arrival, milliseconds. */
  readonly interval: number
  readonly received: number
  readonly lost: number
  readonly duplicates: number
  readonly restarts: number
  /** Data sets given up because their template never came. */
  readonly undecodable: number
  /** Datagrams refused as a whole. */
  readonly malformed: number
  /** Datagrams dropped by the kernel or the daemon's own queue (only in the entries of the collector itself). */
  readonly dropped: number
  /** Flows moved to quarantine because a counter was above 2^53 - 1. */
  readonly quarantined: number
}

export type LedgerUnit = 'flows' | 'datagrams' | 'records'

/** Marks (writer, sequence) as done; a commit that repeats one already made is refused. */
export interface SetTransaction {
  readonly type: 'setTransaction'
  readonly writer: string
  readonly sequence: number
}

/** Compare-and-set of one property of the store; null is absent. */
export interface SetProperty {
  readonly type: 'setProperty'
  readonly name: string
  readonly old: string | null
  readonly value: string | null
}
