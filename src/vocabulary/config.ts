import type { ColumnType } from '../flow/column.ts'
import type { Aggregate } from './aggregate.ts'
import type { JobDefinition } from './job.ts'

/** A table of prefixes with attributes, for `lookup(...)` keys: a CSV file with a header whose first column is `prefix`, or the rows themselves. */
export interface LookupSource {
  /** Path of the CSV file, relative to the configuration file. */
  readonly file?: string
  /** Gives the rows; called once per run, by the coordinator. */
  rows?(): Promise<readonly LookupRow[]> | readonly LookupRow[]
}

/** `prefix` is an address or CIDR text; the other fields are attributes. */
export interface LookupRow {
  readonly prefix: string
  readonly [attribute: string]: string
}

/** The configuration of an installation, as `jobs.config.ts` exports it by default. */
export interface Config {
  /** The store to use when neither `--store` nor FLOWREDUCE_STORE names one. */
  readonly store?: string
  readonly jobs?: readonly JobDefinition[]
  readonly lookups?: { readonly [name: string]: LookupSource }
  /** Further elements to keep beside the fields of a flow: IANA names, or elements of one's own. */
  readonly elements?: readonly (string | ElementDefinition)[]
}

/** An information element that the registry does not have. */
export interface ElementDefinition {
  readonly name: string
  readonly enterprise?: number
  readonly id: number
  readonly type: ColumnType
}

export type { Aggregate }
