import type { ColumnSpec } from '../flow/column.ts'

/** Names a compiled job so that any thread, process or machine compiles the same one: a bundle, the job in it, and what it is compiled with. Plain data. */
export interface JobReference {
  /** Path of the bundle, a self-contained module; its source map lies beside it. */
  readonly bundle: string
  /** SHA-256 of its code; identifies it wherever the file lies. */
  readonly hash: string
  /** What the user calls the file that it was made from. */
  readonly file: string
  readonly job: string
  /** Input of the job's schema of parameters. */
  readonly params: { readonly [name: string]: unknown }
  /** `--where`, beside the job's own filter. */
  readonly where?: string
  /** Columns of the datasets that the job reads, as the snapshot has them. */
  readonly datasets: { readonly [dataset: string]: readonly ColumnSpec[] }
  readonly lookups: readonly LookupReference[]
}

/** A lookup table as a file. */
export interface LookupReference {
  readonly name: string
  /** CSV in canonical form. */
  readonly path: string
  /** SHA-256 of the file. */
  readonly hash: string
}
