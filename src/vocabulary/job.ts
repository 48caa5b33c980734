import type { z } from 'zod'
import { addressTable } from './address.ts'
import type { AddressTable } from './address-table.ts'
import type { Aggregate } from './aggregate.ts'
import type { ColumnTypes, EmitRow, RowOf, RowTypes, RowTypesOf } from './column-type.ts'
import { JobError } from './error.ts'
import type {
  ByParams,
  EmitTypes,
  EmitValue,
  InputReference,
  InputRow,
  InputTypes,
  JobContext,
  OutputTypes,
  ParamsSchema,
  SortOrder,
  ValueRow,
} from './job-types.ts'
import type { KeyExpression } from './key.ts'

type NoParams = z.ZodType<Record<never, never>>
type None = Record<never, never>

/** What the three shapes have in common. */
interface Common<P extends ParamsSchema, I extends InputReference, C extends ColumnTypes, Output extends string> {
  /** Lower case, digits and dashes: part of the names of runs and results. */
  readonly name: string
  readonly description: string
  readonly params?: P
  readonly input?: I
  /** Further columns of the input and their types: elements added to `flows` by configuration, or the columns of a stored result. */
  readonly columns?: C
  /** A filter in the language of `--where`. */
  readonly where?: ByParams<string, z.output<P>>
  /**
   * How the period selects: flows that start in it (default), or every flow that overlaps it, with shares cut at its ends. A job without code of its own then gives
   * each bin of its `timeBin` its share of `bytes` and `packets`, as `prorate` does.
   */
  readonly time?: 'start' | 'spread'
  /** Order of the result; ties, and everything without it, by the key. */
  readonly sort?: ByParams<SortOrder<Output>, z.output<P>>
  /** The result ends after so many rows, in its order; without it, it has all. */
  readonly limit?: ByParams<number, z.output<P>>
}

/** Shape 1: groups and aggregates columns, without code of its own. */
export interface GroupJob<
  P extends ParamsSchema,
  I extends InputReference,
  C extends ColumnTypes,
  G extends { readonly [name: string]: KeyExpression<Extract<keyof InputTypes<I, C>, string>> },
  A extends { readonly [name: string]: Aggregate<string, Extract<keyof InputTypes<I, C>, string> | undefined> },
> extends Common<P, I, C, Extract<keyof G | keyof A, string>> {
  readonly groupBy: ByParams<G, z.output<P>>
  readonly aggregate: ByParams<A, z.output<P>>
  readonly map?: undefined
}

/**
 * Shapes 2 and 3: its own map, and as reduce either the aggregates that `value` names, or its own `reduce` over the columns that `value`
 * names, which gives rows of `output`.
 */
export interface MapJob<
  P extends ParamsSchema,
  I extends InputReference,
  C extends ColumnTypes,
  R extends Extract<keyof InputTypes<I, C>, string>,
  K extends ColumnTypes,
  V extends EmitTypes,
  O extends ColumnTypes,
> extends Common<P, I, C, ColumnTypes extends O ? Extract<keyof K | keyof V, string> : Extract<keyof O, string>> {
  readonly groupBy?: undefined
  /** The columns of the input that `map` reads; no other is there. */
  readonly reads: readonly R[]
  readonly key: K
  readonly value: V & (ColumnTypes extends O ? { readonly [name: string]: Aggregate<string, undefined> } : ColumnTypes)
  readonly output?: O
  /** Columns of the value that order the values of a key before the others. */
  readonly sortValues?: readonly Extract<keyof V, string>[]
  map(
    flow: InputRow<I, C, R>,
    emit: (key: EmitRow<K>, value: EmitValue<V>) => void,
    context: JobContext<z.output<P>>,
  ): void
  /** May run any number of times, on any grouping of the values of a key, before `reduce`. */
  combine?(
    key: RowOf<RowTypesOf<K>>,
    values: Iterable<ValueRow<V>>,
    emit: (value: EmitValue<V>) => void,
    context: JobContext<z.output<P>>,
  ): void
  /** Values arrive in canonical order, streamed: they need not fit in memory, and need not be drained. */
  reduce?(
    key: RowOf<RowTypesOf<K>>,
    values: Iterable<ValueRow<V>>,
    out: (row: EmitRow<O>) => void,
    context: JobContext<z.output<P>>,
  ): void
}

/** A job of any shape, as `defineJob` returns it. The type parameter is the row it gives, for jobs that read it as an earlier stage. */
export interface JobDefinition<Output extends RowTypes = RowTypes> {
  readonly kind: 'job'
  readonly shape: 'group' | 'map' | 'reduce'
  readonly name: string
  /** The definition as written; `compileJob` checks it. */
  readonly spec: JobSpec
  /** The address handles of the copy of the vocabulary that the job was written against. */
  readonly addresses: AddressTable
  /** Type only. */
  readonly row?: Output
}

/** A definition of any shape with its types forgotten; what a JavaScript or YAML author wrote may be anything, so the compiler checks it. */
export interface JobSpec {
  readonly name: string
  readonly description: string
  readonly params?: ParamsSchema
  readonly input?: InputReference
  readonly columns?: ColumnTypes
  readonly where?: ByParams<string, object>
  readonly sort?: ByParams<SortOrder, object>
  readonly limit?: ByParams<number, object>
  readonly groupBy?: ByParams<{ readonly [name: string]: KeyExpression }, object>
  readonly aggregate?: ByParams<{ readonly [name: string]: Aggregate }, object>
  readonly time?: 'start' | 'spread'
  readonly reads?: readonly string[]
  readonly key?: ColumnTypes
  readonly value?: EmitTypes
  readonly output?: ColumnTypes
  readonly sortValues?: readonly string[]
  readonly map?: UserFunction
  readonly combine?: UserFunction
  readonly reduce?: UserFunction
}

/** `map`, `combine` and `reduce` with their types forgotten. */
export type UserFunction = (first: object, second: unknown, third: unknown, context: JobContext<object>) => unknown

/**
 * Defines a job in one of three shapes: `groupBy` and `aggregate`; `map` with aggregates as `value`; or `map` and `reduce`.
 * Types are checked in an editor; everything else by `compileJob`, which lists all that is wrong.
 */
export function defineJob<
  const G extends { readonly [name: string]: KeyExpression<Extract<keyof InputTypes<I, C>, string>> },
  const A extends { readonly [name: string]: Aggregate<string, Extract<keyof InputTypes<I, C>, string> | undefined> },
  R extends Extract<keyof InputTypes<I, C>, string>,
  K extends ColumnTypes,
  V extends EmitTypes,
  O extends ColumnTypes = ColumnTypes,
  P extends ParamsSchema = NoParams,
  I extends InputReference = 'flows',
  C extends ColumnTypes = None,
>(job: GroupJob<P, I, C, G, A> | MapJob<P, I, C, R, K, V, O>): JobDefinition<OutputTypes<I, C, G, A, K, V, O>>
export function defineJob(job: object): JobDefinition {
  const spec = job as JobSpec
  if (typeof spec !== 'object' || spec === null || typeof spec.name !== 'string') {
    throw new JobError('bad-definition', `job: defineJob expected an object with a name, got ${typeof spec}`)
  }
  const shape = spec.map === undefined ? 'group' : spec.reduce === undefined ? 'map' : 'reduce'
  return Object.freeze({ kind: 'job', shape, name: spec.name, spec, addresses: addressTable })
}

/** True for what `defineJob` returns, of this copy of the vocabulary or another. */
export function isJob(value: unknown): value is JobDefinition {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'job' && 'spec' in value
}
