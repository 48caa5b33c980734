import type { ColumnType } from '../flow/column.ts'
import type { FieldName, FieldType } from '../flow/fields.ts'
import type { AggregateFunction } from './aggregate.ts'
import { JobError } from './error.ts'
import type { JobDefinition } from './job.ts'

/**
 * The configuration of an installation, as `jobs.config.ts` exports it by default. Five parts extend flowreduce: `formats`, `lookups`,
 * `aggregates`, `writers` and `stores`.
 */
export interface Config {
  /** The store to use when neither `--store` nor FLOWREDUCE_STORE names one. */
  readonly store?: string
  readonly jobs?: readonly JobDefinition[]
  /** Further elements to keep beside the fields of a flow: IANA names, or elements of one's own. */
  readonly elements?: readonly (string | ElementDefinition)[]
  /** Packets sampled one in so many, by exporter address or prefix; overrides what the exporter says. */
  readonly sampling?: { readonly [exporter: string]: number }
  /** How datagrams are taken in; `--allow` and `--expect` come before it. */
  readonly ingest?: IngestConfig
  /** Tables of prefixes, for `lookup(...)` keys. */
  readonly lookups?: { readonly [table: string]: LookupSource }
  /** Aggregates of one's own that jobs in YAML may name; a job in TypeScript just imports them. */
  readonly aggregates?: readonly AggregateFunction[]
  /** Files that `import` understands beside captures, by name. */
  readonly formats?: { readonly [name: string]: InputFormat }
  /** Forms of output that `--format` knows beside its own, by name. */
  readonly writers?: { readonly [name: string]: OutputWriter }
  /** Stores beside `file:`, `memory:` and `s3:`, by URL scheme. */
  readonly stores?: { readonly [scheme: string]: StoreScheme }
}

/** How datagrams are taken in; SIGHUP makes the daemon read it again. */
export interface IngestConfig {
  /** Addresses and networks of the exporters that are heard; all when there are none. */
  readonly allow?: readonly string[]
  /** Addresses of the exporters whose silence is noted. */
  readonly expect?: readonly string[]
  /** Leave out exact duplicates of a datagram, which are decoded otherwise; counted either way. */
  readonly dropDuplicates?: boolean
  /** What a decoder may hold of hostile or careless exporters, by the names in docs/decoding.md. */
  readonly budgets?: { readonly [budget: string]: number }
}

/** An information element that the registry does not have. */
export interface ElementDefinition {
  readonly name: string
  /** Private enterprise number; absent for an IANA element. */
  readonly enterprise?: number
  readonly id: number
  readonly type: ColumnType
}

/** A table of prefixes with attributes: a CSV file with a header and a column `prefix`, or the rows themselves. */
export type LookupSource =
  /** Path of the file, relative to the configuration file. */
  | { readonly file: string }
  /** Gives the rows; called once per run, by the coordinator. */
  | { rows(): Promise<Iterable<LookupRow>> | Iterable<LookupRow> }

/** `prefix` is an address or CIDR text; the other fields are attributes, the same in every row. */
export interface LookupRow {
  readonly prefix: string
  readonly [attribute: string]: string
}

/** A file format of one's own that holds flows. */
export interface InputFormat {
  /** True when a file that starts with `head` (up to 4,096 bytes) is of this format. */
  recognise(head: Uint8Array): boolean
  /** The flows of a file, in order. */
  flows(file: AsyncIterable<Uint8Array>): AsyncIterable<FlowInput> | Iterable<FlowInput>
}

/** The value of one field as plain JavaScript: addresses are text, times milliseconds. */
type PlainValue<T extends ColumnType> = T extends 'address' | 'text' ? string : number

/** One flow as plain data; a field left out is zero or absent. */
export type FlowInput = { readonly [N in FieldName]?: PlainValue<FieldType<N>> }

/** A form of output of one's own. */
export interface OutputWriter {
  /** Starts the output of a result; `write` sends text or bytes to stdout. */
  start(
    columns: readonly { readonly name: string; readonly type: ColumnType }[],
    write: (chunk: string | Uint8Array) => void,
  ): {
    /** One row in order: addresses, prefixes and instants as text, 64-bit integers as bigints. */
    row(row: { readonly [column: string]: number | bigint | string | boolean | null }): void
    end(): void
  }
}

/** Opens the store behind a URL. */
export type StoreScheme = (url: string) => Promise<CustomStore> | CustomStore

/** A store of one's own: the contract of `ObjectStore` in src/storage/store.ts, in full. */
export interface CustomStore {
  /** The URL that opens this store again; never holds a credential. */
  readonly url: string
  /** The object, or a part of it cut at its end; an error with code `not-found` when there is none. */
  read(key: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array>
  /** Stores an object whole or not at all; with `ifAbsent` one of several racing writers wins, the others get an error with code `exists`. */
  write(
    key: string,
    body: Uint8Array | { readonly path: string },
    options?: { readonly ifAbsent?: boolean },
  ): Promise<void>
  list(
    prefix: string,
    startAfter?: string,
  ): AsyncIterable<{ readonly key: string; readonly sizeBytes: number; readonly modified: number }>
  stat(
    key: string,
  ): Promise<{ readonly key: string; readonly sizeBytes: number; readonly modified: number } | undefined>
  remove(key: string): Promise<void>
}

/** What a configuration file exports by default. */
export interface ConfigDefinition {
  readonly kind: 'config'
  readonly config: Config
}

/** Types and marks the configuration; `loadConfig` checks it and lists all that is wrong. */
export function defineConfig(config: Config): ConfigDefinition {
  if (typeof config !== 'object' || config === null) {
    throw new JobError(
      'bad-config',
      `config: defineConfig expected an object, got ${config === null ? 'null' : typeof config}`,
    )
  }
  return Object.freeze({ kind: 'config', config })
}

/** True for what `defineConfig` returns, of this copy of the vocabulary or another. */
export function isConfig(value: unknown): value is ConfigDefinition {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'config' && 'config' in value
}
