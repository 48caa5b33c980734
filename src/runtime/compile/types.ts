import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import type { KeyExpression, LookupKey, PrefixKey, TimeBinKey } from '../../vocabulary/key.ts'
import type { LookupTable } from '../lookup/table.ts'

/** What `compileJob` needs to know beside the definition. */
export interface CompileOptions {
  /** Columns of the datasets that the job may read; `flows` has the columns of a flow unless given. */
  readonly datasets?: { readonly [dataset: string]: readonly ColumnSpec[] }
  readonly lookups?: ReadonlyMap<string, LookupTable>
  /** A further filter on the flows (`--where`), beside the job's own. */
  readonly where?: string
  /** How many IPv6 addresses one batch of `map` or one group of `reduce` may hold. */
  readonly addressBudget?: number
  /** Finds the user's file and line in the stack of an error: `my-job.ts:12:5`. */
  locate?(error: unknown): string | undefined
  /** The same definition in a second copy of its code, on which the shape of the first emits is checked in full (see `createMapper`). */
  readonly sample?: { readonly definition: object }
}

/** A key column of a declarative job: a column as it is, or an expression over one. */
export interface KeyPart {
  readonly name: string
  readonly spec: ColumnSpec
  readonly column: string
  readonly expression: Exclude<KeyExpression, string> | undefined
}

export type { ColumnType, LookupKey, PrefixKey, TimeBinKey }
