import type { Batch } from '../flow/batch.ts'
import type { Column, ColumnSpec, ColumnType } from '../flow/column.ts'
import type { FilterPlan } from '../flow/filter/plan.ts'
import type { KernelInstance } from '../kernels/pool.ts'

/** A compiled job: its stages in an order in which each reads datasets and earlier stages only; the last one gives the result. */
export interface CompiledJob {
  readonly name: string
  readonly stages: readonly CompiledStage[]
}

export interface CompiledStage {
  /** Unique within the job, letters, digits and dashes. */
  readonly id: string
  /** What it reads; one entry today, several for joins. */
  readonly inputs: readonly StageInput[]
  readonly program: Program
}

/** A dataset of the snapshot (`flows`, `results/<job>`), or the output of an earlier stage. */
export type StageInput =
  | { readonly type: 'dataset'; readonly dataset: string }
  | { readonly type: 'stage'; readonly stage: string }

/**
 * A compiled stage: what a job definition with its parameters comes down to, and all that the engine knows of it.
 * The front (vocabulary, bundling, compilation) produces it; the engine (tables, run files, merges, tasks) executes it. Data crosses
 * this line as column batches only: `map` fills batches of key and value columns, `reduce` fills batches of output columns.
 */
export interface Program {
  readonly name: string
  /** Whether it runs no code of the user's, and so may be carried out in the coordinator's thread. */
  readonly declarative?: boolean
  /** What a mapper of the program does, where it is no more than to hand on columns: kernels may do the same in its place. */
  readonly columnwise?: Columnwise
  /** Columns of the input that are read, in schema order. */
  readonly reads: readonly string[]
  /** How the period selects rows: by `start` in [from, to), or every flow that overlaps it, with shares cut at its ends. */
  readonly time: 'start' | 'spread'
  /** Rows that do not match are counted as filtered and never reach `map`. */
  readonly where?: FilterPlan
  readonly key: readonly ColumnSpec[]
  /** Columns emitted beside the key: inputs of the aggregates, or the values of a custom reduce. */
  readonly value: readonly ColumnSpec[]
  readonly fold: Fold
  readonly output: readonly ColumnSpec[]
  /** Order of the result; ties, and everything when empty, by the key in canonical order (by the whole row for a custom reduce). */
  readonly sort: readonly SortKey[]
  /** The result ends after so many rows. */
  readonly limit?: number
  /** Makes the map side of one task attempt. */
  createMapper(sink: BatchSink, context: TaskContext): Mapper
  /** Makes the reduce side of one task attempt; only for fold type `reduce`. */
  createReducer?(sink: BatchSink, context: TaskContext): Reducer
  /** Makes the combiner of a custom reduce; it may run any number of times, on any grouping of the values of a key, and gives key and value columns. */
  createCombiner?(sink: BatchSink, context: TaskContext): Reducer
}

/** Where the columns that are emitted come from. */
export interface Columnwise {
  /** For each column of the key a column of the input: as it is, the network of so many bits that an IPv4 address lies in, or the start of the bin of UTC that a time lies in. */
  readonly key: readonly ColumnwiseKey[]
  /** For each value column a column of the input. */
  readonly value: readonly string[]
}

export type ColumnwiseKey = { readonly column: string } & (
  | { readonly type: 'column' }
  | { readonly type: 'prefix'; readonly bits: number }
  | { readonly type: 'bin'; readonly sizeMs: number }
)

/** What happens to the values of a key. */
export type Fold =
  | { readonly type: 'aggregate'; readonly aggregates: readonly AggregateSpec[] }
  /** Values arrive in canonical order, columns in the order of `valueOrder`. */
  | { readonly type: 'reduce'; readonly valueOrder: readonly string[] }

/** One aggregate of a declarative or map-only job. */
export interface AggregateSpec {
  /** Name of its output column. */
  readonly name: string
  /** Registered name: `sum`, `count`, `min`, `max`, `distinct`, `quantile`, `top`, or one of the user's. */
  readonly aggregate: string
  readonly options: { readonly [name: string]: number | string | boolean }
  /** Name of the value column it folds; absent for `count`. */
  readonly input?: string
  readonly type: ColumnType
  /** How it folds, for one of the user's. */
  readonly custom?: CustomFold
}

/**
 * A fold that the engine does not know. States are opaque values; to be spilled and shipped they are stored as rows of `state` columns.
 * `add` and `merge` may change their first argument and return it.
 */
export interface CustomFold {
  readonly state: readonly ColumnSpec[]
  init(): unknown
  /** Adds the value in row `row` of the input column. */
  add(state: unknown, input: Column, row: number): unknown
  merge(state: unknown, other: unknown): unknown
  /** Writes the result into row `row` of the output column. */
  result(state: unknown, output: Column, row: number): void
  /** Writes the state into row `row` of a batch of state columns. */
  store(state: unknown, batch: Batch, row: number): void
  /** The opposite of `store`. */
  load(batch: Batch, row: number): unknown
}

export interface SortKey {
  readonly column: string
  readonly order: 'asc' | 'desc'
}

/** Receives batches; the callee is done with the batch when the call returns. */
export interface BatchSink {
  /** Memory in which the columns of batches are best made, before anything is read into it; kernels work there. */
  readonly kernels?: KernelInstance | undefined
  add(batch: Batch): void
}

export interface Mapper {
  /** Maps the rows of a batch in order; rows outside the period or the filter are already gone. */
  map(batch: Batch): void
  /** Hands on what is still buffered. */
  finish(): void
}

export interface Reducer {
  /** Reduces one key: row `row` of `key`, and its values in order. Values need not be drained. */
  reduce(key: Batch, row: number, values: Iterable<Batch>): void
  finish(): void
}

/** What a task attempt is given beside its data. */
export interface TaskContext {
  /** The period in milliseconds, for proration; open ends are +-Infinity. */
  readonly from: number
  readonly to: number
  /** User counters of this attempt. */
  count(name: string, by?: number): void
  /** A row of the batch given to `map` whose `map` threw: decides between quarantine and failure. Throws when the limit is reached. */
  badRecord(row: number, error: unknown): void
}
