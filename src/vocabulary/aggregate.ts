import type { ColumnType } from '../flow/column.ts'
import type { ColumnTypeOf, ColumnTypes, EmitOf, ValueOf } from './column-type.ts'
import { isColumnType, u53 } from './column-type.ts'

/** The aggregates that every installation has. */
export type BuiltinAggregate = 'sum' | 'count' | 'min' | 'max' | 'distinct' | 'quantile' | 'top'

export type AggregateOptions = { readonly [name: string]: number | string | boolean }

/**
 * A fold over the values of a key. In a declarative job it names the column it folds (`sum('bytes')`); in a job with its own map it says
 * what `emit` takes (`sum()`, `max(instant())`).
 */
export interface Aggregate<
  Name extends string = string,
  Column extends string | undefined = string | undefined,
  Input extends ColumnType | undefined = ColumnType | undefined,
  Output extends ColumnType = ColumnType,
> {
  readonly kind: 'aggregate'
  readonly aggregate: Name
  /** The column it folds; absent in a job with its own map, and for `count`. */
  readonly column: Column
  /** The type of what it folds; absent when that is the column's. */
  readonly input: Input
  readonly options: AggregateOptions
  /** How one of the user's aggregates folds; the built-in ones are known to the runtime. */
  readonly definition?: AnyAggregateDefinition
  /** The type of the result of one of the user's aggregates. */
  readonly output?: Output
}

/**
 * One of the user's aggregates. `add` and `merge` must give the same state in any order and grouping: `checkCombiner` of
 * `flowreduce/testing` tests it. The state is plain columns, so that it can be spilled and shipped.
 */
export interface AggregateDefinition<
  N extends string = string,
  I extends ColumnType = ColumnType,
  S extends ColumnTypes = ColumnTypes,
  O extends ColumnType = ColumnType,
> {
  /** How a job in YAML calls it; not the name of a built-in one. */
  readonly name: N
  /** The type of the values it folds. */
  readonly input: ColumnTypeOf<I>
  /** The columns of its state; addresses are not kept as handles, so a state has none. */
  readonly state: S
  readonly output: ColumnTypeOf<O>
  /** The state of no values. */
  init(): State<S>
  /** Adds a value to the state, in place. */
  add(state: State<S>, value: ValueOf<I>): void
  /** Adds another state to the state, in place. */
  merge(state: State<S>, other: Readonly<State<S>>): void
  result(state: Readonly<State<S>>): EmitOf<O>
}

/** A state of an aggregate, changed in place. */
export type State<S extends ColumnTypes> = { -readonly [N in keyof S]: ValueOf<S[N]['column']> }

/** A definition with its types forgotten. */
export interface AnyAggregateDefinition {
  readonly name: string
  readonly input: ColumnTypeOf
  readonly state: ColumnTypes
  readonly output: ColumnTypeOf
  init(): object
  add(state: object, value: unknown): void
  merge(state: object, other: object): void
  result(state: object): unknown
}

/** One of the user's aggregates as a job uses it: over a column, or over what `emit` gives. */
export interface AggregateFunction<
  N extends string = string,
  I extends ColumnType = ColumnType,
  O extends ColumnType = ColumnType,
> {
  (): CustomAggregate<N, undefined, I, O>
  <const C extends string>(column: C): CustomAggregate<N, C, I, O>
  readonly definition: AnyAggregateDefinition
}

type CustomAggregate<
  N extends string,
  C extends string | undefined,
  I extends ColumnType,
  O extends ColumnType,
> = Aggregate<N, C, I, O> & {
  readonly output: O
}

/** Defines an aggregate of one's own. */
export function defineAggregate<
  const N extends string,
  I extends ColumnType,
  S extends ColumnTypes,
  O extends ColumnType,
>(definition: AggregateDefinition<N, I, S, O>): AggregateFunction<N, I, O> {
  // The types of the parts agree by the signature; from here on only the columns count.
  const forgotten = definition as unknown as AnyAggregateDefinition
  const use = (column?: string): unknown =>
    Object.freeze({
      kind: 'aggregate',
      aggregate: forgotten.name,
      column,
      input: forgotten.input.column,
      output: forgotten.output.column,
      options: {},
      definition: forgotten,
    })
  return Object.assign(use, { definition: forgotten }) as AggregateFunction<N, I, O>
}

const aggregate = <N extends string>(name: N, over: unknown, options: AggregateOptions = {}): never => {
  const column = typeof over === 'string' ? over : undefined
  const input = isColumnType(over) ? over.column : undefined
  return Object.freeze({ kind: 'aggregate', aggregate: name, column, input, options }) as never
}

/** Exact sum of integers, or of durations. Without a column it takes what `emit` gives: whole numbers from 0, or the type named. */
export function sum(): Aggregate<'sum', undefined, 'u53'>
export function sum<const C extends string>(column: C): Aggregate<'sum', C, undefined>
export function sum<T extends SummableType>(type: ColumnTypeOf<T>): Aggregate<'sum', undefined, T>
export function sum(over: string | ColumnTypeOf = u53()): Aggregate {
  return aggregate('sum', over)
}

/** Types that can be summed. */
export type SummableType = 'u8' | 'u16' | 'u32' | 'u53' | 'i53' | 'u64' | 'i64' | 'duration'

/** Number of records (or of emits). */
export function count(): Aggregate<'count', undefined, undefined> {
  return aggregate('count', undefined)
}

/** The least value, in canonical order. */
export function min<const C extends string>(column: C): Aggregate<'min', C, undefined>
export function min<T extends ColumnType>(type: ColumnTypeOf<T>): Aggregate<'min', undefined, T>
export function min(over: string | ColumnTypeOf): Aggregate {
  return aggregate('min', over)
}

/** The greatest value, in canonical order. */
export function max<const C extends string>(column: C): Aggregate<'max', C, undefined>
export function max<T extends ColumnType>(type: ColumnTypeOf<T>): Aggregate<'max', undefined, T>
export function max(over: string | ColumnTypeOf): Aggregate {
  return aggregate('max', over)
}

/** Exact number of different values. */
export function distinct<const C extends string>(column: C): Aggregate<'distinct', C, undefined>
export function distinct<T extends ColumnType>(type: ColumnTypeOf<T>): Aggregate<'distinct', undefined, T>
export function distinct(over: string | ColumnTypeOf): Aggregate {
  return aggregate('distinct', over)
}

/** The value that a share `q` (0 .. 1) of the values lies at or below, exactly, by nearest rank: `quantile('bytes', 0.95)`. */
export function quantile<const C extends string>(column: C, q: number): Aggregate<'quantile', C, undefined>
export function quantile<T extends ColumnType>(type: ColumnTypeOf<T>, q: number): Aggregate<'quantile', undefined, T>
export function quantile(over: string | ColumnTypeOf, q: number): Aggregate {
  return aggregate('quantile', over, { q })
}

/** The `n` most frequent values with their counts, exactly, as text: `443:120 80:7`. Ties in canonical order. */
export function top<const C extends string>(column: C, n: number): Aggregate<'top', C, undefined>
export function top<T extends ColumnType>(type: ColumnTypeOf<T>, n: number): Aggregate<'top', undefined, T>
export function top(over: string | ColumnTypeOf, n: number): Aggregate {
  return aggregate('top', over, { n })
}
