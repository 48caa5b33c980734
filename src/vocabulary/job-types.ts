import type { z } from 'zod'
import type { ColumnType } from '../flow/column.ts'
import type { FieldName, FieldType } from '../flow/fields.ts'
import type { Aggregate } from './aggregate.ts'
import type { ColumnTypeOf, ColumnTypes, EmitOf, RowOf, RowTypesOf, ValueOf } from './column-type.ts'
import type { JobDefinition } from './job.ts'
import type { KeyColumnType, KeyExpression } from './key.ts'

/** The parameters of a job: a zod object. */
export type ParamsSchema = z.ZodType<object>

/** What a job reads: `flows` unless it says otherwise, another job as an earlier stage, or the stored result of one. */
export type InputReference = 'flows' | `results/${string}` | JobDefinition | StageInput

/** Another job with parameters of its own. */
export interface StageInput<J extends JobDefinition = JobDefinition> {
  readonly job: J
  readonly params?: object
}

/** The columns of a flow. */
export type FlowTypes = { readonly [N in FieldName]: FieldType<N> }

type OutputOf<J> = J extends JobDefinition<infer Output> ? Output : never

/** The columns of an input that are known from its type. */
type KnownTypes<I> = I extends JobDefinition
  ? OutputOf<I>
  : I extends { readonly job: infer J }
    ? OutputOf<J>
    : I extends `results/${string}`
      ? Record<never, never>
      : FlowTypes

/** The columns that a job may read: those of its input, and the further ones it declares. */
export type InputTypes<I, C extends ColumnTypes> = KnownTypes<I> & RowTypesOf<C>

/** A further column of a stored result always has a value; an element of a flow may be absent. */
type Absent<I> = I extends `results/${string}` ? never : null

/** The record that `map` is given: the columns that `reads` names, and nothing else. */
export type InputRow<I, C extends ColumnTypes, Reads extends string> = {
  readonly [N in Reads]: N extends keyof C
    ? ValueOf<C[N]['column']> | Absent<I>
    : N extends keyof KnownTypes<I>
      ? KnownTypes<I>[N] extends ColumnType
        ? ValueOf<KnownTypes<I>[N]>
        : never
      : never
}

/** What user code is given beside its data. */
export interface JobContext<P> {
  /** The parameters of the run, checked and completed. */
  readonly params: P
  /** Adds to a counter of the run; counters of attempts that fail are dropped. */
  count(name: string, by?: number): void
}

/** A part of a definition that may depend on the parameters. */
export type ByParams<T, P> = T | ((context: { readonly params: P }) => T)

/** Columns by which a result is ordered. */
export type SortOrder<Name extends string = string> = { readonly [N in Name]?: 'asc' | 'desc' }

/** What a job with its own map emits beside the key: aggregates, or columns for its own reduce. */
export type EmitTypes = { readonly [name: string]: Aggregate<string, undefined> | ColumnTypeOf }

/** What `emit` takes for the values; `count()` takes nothing. */
export type EmitValue<V extends EmitTypes> = {
  readonly [N in keyof V as V[N] extends { aggregate: 'count' } ? never : N]: V[N] extends ColumnTypeOf<infer T>
    ? EmitOf<T>
    : V[N] extends { readonly input: infer T extends ColumnType }
      ? EmitOf<T>
      : never
}

/** A value as `reduce` sees it. */
export type ValueRow<V extends EmitTypes> = {
  readonly [N in keyof V]: V[N] extends ColumnTypeOf<infer T> ? ValueOf<T> : never
}

type Signed = 'i53' | 'i64'

/** The type of an aggregate's result; `T` is the type of what it folds. */
export type AggregateOutput<A extends Aggregate, T> = A extends { readonly output: infer O extends ColumnType }
  ? O
  : A['aggregate'] extends 'count' | 'distinct'
    ? 'u53'
    : A['aggregate'] extends 'top'
      ? 'text'
      : A['aggregate'] extends 'sum'
        ? T extends Signed
          ? 'i64'
          : T extends 'duration'
            ? 'duration'
            : 'u64'
        : T extends ColumnType
          ? T
          : never

type Columns = { readonly [name: string]: Aggregate | ColumnTypeOf }

/** The columns that aggregates give. */
export type AggregateTypes<V extends Columns, R> = {
  readonly [N in keyof V]: V[N] extends Aggregate
    ? AggregateOutput<V[N], V[N]['column'] extends keyof R ? R[V[N]['column']] : V[N]['input']>
    : never
}

/** The columns that key expressions give. */
export type KeyTypes<G extends { readonly [name: string]: KeyExpression }, R> = {
  readonly [N in keyof G]: KeyColumnType<G[N], R>
}

type Merge<R> = { readonly [N in keyof R]: R[N] extends ColumnType ? R[N] : never }

type Expressions = { readonly [name: string]: KeyExpression }

/** The columns of a job's result: as `output` says, or the key and the aggregates. Type parameters a shape does not use are at their bounds. */
export type OutputTypes<
  I,
  C extends ColumnTypes,
  G extends Expressions,
  A extends Columns,
  K extends ColumnTypes,
  V extends EmitTypes,
  O extends ColumnTypes,
> = ColumnTypes extends O
  ? ColumnTypes extends K
    ? Merge<KeyTypes<G, InputTypes<I, C>> & AggregateTypes<A, InputTypes<I, C>>>
    : Merge<RowTypesOf<K> & AggregateTypes<V, Record<never, never>>>
  : Merge<RowTypesOf<O>>

/** A row of a job's output. */
export type JobRow<J> = J extends JobDefinition<infer Output> ? RowOf<Output> : never
