import type { ColumnSpec } from '../../flow/column.ts'
import { parseFilter } from '../../flow/filter/filter.ts'
import type { FilterPlan } from '../../flow/filter/plan.ts'
import { suggest } from '../../flow/nearest.ts'
import type { JobDefinition } from '../../vocabulary/job.ts'
import type { ByParams } from '../../vocabulary/job-types.ts'
import type { SourcePlace } from '../bundle/trace.ts'
import type { LookupTable } from '../lookup/table.ts'
import type { Program, SortKey } from '../program.ts'
import { checkDistinct, checkOutline, declaredColumns, findColumn, show } from './check.ts'
import type { JobScope } from './context.ts'
import { userError } from './context.ts'
import { checkFold } from './fold.ts'
import { columnwiseOf, createGrouper } from './grouper.ts'
import { checkKeys } from './key.ts'
import { mapperFactory } from './mapper.ts'
import { parseParams } from './params.ts'
import { createReducer } from './reducer.ts'
import { checkSpread, createSpreader } from './spread.ts'

/** One stage to compile: a job, its parameters as given, and what it reads. */
export interface StageRequest {
  readonly job: JobDefinition
  readonly params: object
  /** Name of the input in messages: `flows`, or that of the job whose output it is. */
  readonly input: string
  readonly columns: readonly ColumnSpec[]
  readonly lookups: ReadonlyMap<string, LookupTable>
  /** Whether another stage reads what this one gives. */
  readonly isInput: boolean
  /** A further filter. */
  readonly where: string | undefined
  readonly addressBudget: number | undefined
  locate(error: unknown): SourcePlace | undefined
  /** The job in a second copy of its code (see `mapperFactory`). */
  readonly sample: JobDefinition | undefined
}

/** What a stage is made of while it is checked. */
interface Draft extends StageRequest {
  readonly scope: JobScope
  readonly problems: string[]
}

type Parts = Pick<
  Program,
  'key' | 'value' | 'fold' | 'output' | 'columnwise' | 'createMapper' | 'createReducer' | 'createCombiner'
> & {
  readonly reads: readonly string[]
  /** Names of the columns of the result, also of those with a problem. */
  readonly names: readonly string[]
}

/** Compiles one stage. Everything wrong is added to `problems`; undefined when something is. */
export function compileStage(request: StageRequest, problems: string[]): Program | undefined {
  const { job, columns } = request
  const before = problems.length
  checkOutline(job, problems)
  if (problems.length > before) return undefined
  checkColumns(request, problems)
  const params = parseParams(job, request.params, problems)
  if (params === undefined) return undefined
  const scope: JobScope = {
    name: job.name,
    params,
    addresses: job.addresses,
    addressBudget: request.addressBudget,
    locate: request.locate,
  }
  const draft: Draft = { ...request, scope, problems }
  const parts = job.shape === 'group' ? groupParts(draft) : mapParts(draft)
  const where = filterOf(draft)
  const sort = sortOf(draft, parts.names)
  const limit = limitOf(draft)
  if (problems.length > before) return undefined
  const reads = new Set([...parts.reads, ...(where?.columns ?? [])])
  const { names: _, ...program } = parts
  return {
    ...program,
    name: job.name,
    declarative: job.shape === 'group' && !usesCustomFolds(parts.fold),
    reads: columns.map(({ name }) => name).filter((name) => reads.has(name)),
    time: job.spec.time ?? 'start',
    ...(where ? { where } : {}),
    sort,
    ...(limit === undefined ? {} : { limit }),
  }
}

const usesCustomFolds = (fold: Program['fold']): boolean =>
  fold.type === 'aggregate' && fold.aggregates.some(({ custom }) => custom !== undefined)

/** A part of the definition that may be a function of the parameters. */
function byParams<T>(draft: Draft, name: string, part: ByParams<T, object> | undefined): T | undefined {
  if (typeof part !== 'function') return part
  try {
    // A function is the only other form, and no part is one itself.
    return (part as (context: { readonly params: object }) => T)({ params: draft.scope.params })
  } catch (error) {
    draft.problems.push(userError(draft.scope, `${name} threw`, error).message.replace(`job ${draft.job.name}: `, ''))
    return undefined
  }
}

/** The columns that the job says its input has. */
function checkColumns({ job, columns, input }: StageRequest, problems: string[]): void {
  for (const spec of declaredColumns(job.spec.columns, 'columns', problems)) {
    const found = findColumn(columns, spec.name, 'columns', input, problems)
    if (found && found.type !== spec.type)
      problems.push(`columns ${spec.name}: expected ${found.type}, as in ${input}, got ${spec.type}`)
  }
}

function groupParts(draft: Draft): Parts {
  const { job, columns, input, lookups, problems } = draft
  const groupBy = expectObject('groupBy', byParams(draft, 'groupBy', job.spec.groupBy), problems)
  const declared = expectObject('aggregate', byParams(draft, 'aggregate', job.spec.aggregate), problems)
  const keys = checkKeys(groupBy, { input, columns, lookups }, problems)
  const fold = checkFold(declared, { input, columns }, problems)
  if (Object.keys(declared).length === 0) problems.push('aggregate: expected at least one')
  const names = [...Object.keys(groupBy), ...Object.keys(declared)]
  checkDistinct(names, 'groupBy and aggregate', problems)
  const key = keys.map(({ spec }) => spec)
  const spreads = job.spec.time === 'spread'
  const binMs = spreads ? checkSpread(keys, fold, columns, problems) : 0
  const reads = [...keys.map(({ column }) => column), ...fold.sources, ...(spreads ? ['start', 'end'] : [])]
  const read = columns.filter(({ name }) => reads.includes(name))
  const columnwise = spreads ? undefined : columnwiseOf(keys, fold)
  return {
    names,
    reads,
    key,
    value: fold.value,
    fold: { type: 'aggregate', aggregates: fold.aggregates },
    output: [...key, ...fold.output],
    ...(columnwise && { columnwise }),
    createMapper: (sink, task) => {
      const grouper = createGrouper(keys, fold, lookups, sink)
      return spreads ? createSpreader({ columns: read, binMs, task, kernels: sink.kernels }, grouper) : grouper
    },
  }
}

function expectObject(name: string, value: unknown, problems: string[]): object {
  if (typeof value === 'object' && value !== null) return value
  if (value !== undefined) problems.push(`${name}: expected columns by name, got ${show(value)}`)
  return {}
}

function mapParts(draft: Draft): Parts {
  const { job, columns, problems, scope } = draft
  const { spec } = job
  const reads = readsOf(draft)
  const key = declaredColumns(spec.key, 'key', problems)
  const fold = job.shape === 'map' ? foldParts(draft, key) : reduceParts(draft, key)
  const parts = {
    map: spec.map!,
    sampleMap: draft.sample?.spec.map,
    reads,
    known: columns.map(({ name }) => name),
    key,
    value: fold.value,
    spread: spec.time === 'spread',
  }
  return {
    ...fold,
    reads: reads.map(({ name }) => name),
    key,
    createMapper: mapperFactory(scope, parts),
  }
}

function readsOf({ job, columns, input, problems }: Draft): ColumnSpec[] {
  const { reads, time } = job.spec
  if (!Array.isArray(reads)) {
    problems.push(`reads: expected a list of columns, got ${show(reads)}`)
    return []
  }
  const names: readonly unknown[] = reads
  const found = [...new Set(names)].flatMap((name) => findColumn(columns, name, 'reads', input, problems) ?? [])
  if (time === 'spread' && !(names.includes('start') && names.includes('end')))
    problems.push("reads: expected 'start' and 'end' in a job with time: 'spread'")
  return found
}

type FoldedParts = Pick<Parts, 'names' | 'value' | 'fold' | 'output' | 'createReducer' | 'createCombiner'>

function foldParts({ job, input, problems }: Draft, key: readonly ColumnSpec[]): FoldedParts {
  const declared = expectObject('value', job.spec.value, problems)
  const fold = checkFold(declared, { input, columns: undefined }, problems)
  if (Object.keys(declared).length === 0) problems.push('value: expected at least one aggregate')
  const names = [...Object.keys(job.spec.key ?? {}), ...Object.keys(declared)]
  checkDistinct(names, 'key and value', problems)
  return {
    names,
    value: fold.value,
    fold: { type: 'aggregate', aggregates: fold.aggregates },
    output: [...key, ...fold.output],
  }
}

function reduceParts({ job, problems, scope }: Draft, key: readonly ColumnSpec[]): FoldedParts {
  const { spec } = job
  const value = declaredColumns(spec.value, 'value', problems)
  const output = declaredColumns(spec.output, 'output', problems)
  if (output.length === 0) problems.push('output: expected at least one column')
  checkDistinct([...Object.keys(spec.key ?? {}), ...Object.keys(spec.value ?? {})], 'key and value', problems)
  const first = spec.sortValues ?? []
  for (const name of first) findColumn(value, name, 'sortValues', 'value', problems)
  const rest = value.map(({ name }) => name).filter((name) => !first.includes(name))
  const { reduce, combine } = spec
  return {
    names: Object.keys(spec.output ?? {}),
    value,
    fold: { type: 'reduce', valueOrder: [...first, ...rest] },
    output,
    createReducer: (sink, task) =>
      createReducer(scope, { what: 'reduce', function: reduce!, key, value, output }, sink, task),
    ...(combine
      ? {
          createCombiner: (sink, task) =>
            createReducer(scope, { what: 'combine', function: combine, key, value, output: value }, sink, task),
        }
      : {}),
  }
}

/** The job's filter and the further one, both of which must match. */
function filterOf(draft: Draft): FilterPlan | undefined {
  const { job, columns, problems } = draft
  const own = byParams(draft, 'where', job.spec.where)
  const texts: string[] = []
  for (const [name, text] of [
    ['where', own],
    ['--where', draft.where],
  ]) {
    if (text === undefined || text === '') continue
    try {
      texts.push(`(${parseFilter(text, columns).text})`)
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message.replace(/^flow: /, '') : String(error)}`)
    }
  }
  return texts.length === 0 ? undefined : parseFilter(texts.join(' and '), columns)
}

function sortOf(draft: Draft, names: readonly string[]): SortKey[] {
  const sort = expectObject('sort', byParams(draft, 'sort', draft.job.spec.sort), draft.problems)
  return Object.entries(sort).flatMap(([column, order]) => {
    if (!names.includes(column))
      draft.problems.push(`sort: expected a column of the result, got '${column}'${suggest(column, names)}`)
    if (order === 'asc' || order === 'desc') return [{ column, order }]
    draft.problems.push(`sort ${column}: expected 'asc' or 'desc', got ${show(order)}`)
    return []
  })
}

function limitOf(draft: Draft): number | undefined {
  const limit: unknown = byParams(draft, 'limit', draft.job.spec.limit)
  if (limit === undefined) return undefined
  if (draft.isInput)
    draft.problems.push('limit: expected in a job whose result is the answer, got one that another reads')
  if (typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 1) return limit
  draft.problems.push(`limit: expected a whole number from 1 on, got ${show(limit)}`)
  return undefined
}
