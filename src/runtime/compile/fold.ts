import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import { suggest } from '../../flow/nearest.ts'
import type { Aggregate, AnyAggregateDefinition } from '../../vocabulary/aggregate.ts'
import type { AggregateSpec } from '../program.ts'
import { checkName, declaredColumns, findColumn, show } from './check.ts'
import { customFold } from './custom.ts'

const BUILTIN = ['sum', 'count', 'min', 'max', 'distinct', 'quantile', 'top'] as const
const SUMMABLE: readonly ColumnType[] = ['u8', 'u16', 'u32', 'u53', 'i53', 'u64', 'i64', 'duration']

/** The aggregates of a job and the value columns that they fold. */
export interface FoldParts {
  readonly aggregates: readonly AggregateSpec[]
  readonly value: readonly ColumnSpec[]
  /** Column of the input behind each value column; empty for a job with its own map. */
  readonly sources: readonly string[]
  readonly output: readonly ColumnSpec[]
}

/** What aggregates are checked against: the columns they name, or none in a job with its own map. */
export interface FoldScope {
  readonly input: string
  readonly columns: readonly ColumnSpec[] | undefined
}

/** Checks the aggregates of a declarative job (`aggregate`), or of a job with its own map (`value`). */
export function checkFold(declared: object, scope: FoldScope, problems: string[]): FoldParts {
  const aggregates: AggregateSpec[] = []
  const value: ColumnSpec[] = []
  const sources: string[] = []
  const output: ColumnSpec[] = []
  for (const [name, aggregate] of Object.entries(declared)) {
    const where = `${scope.columns ? 'aggregate' : 'value'} ${name}`
    checkName(name, scope.columns ? 'aggregate' : 'value', problems)
    if (!isAggregate(aggregate)) {
      problems.push(
        `${where}: expected an aggregate such as sum(${scope.columns ? "'bytes'" : ''}), got ${show(aggregate)}`,
      )
      continue
    }
    const before = problems.length
    const source = sourceOf(aggregate, where, scope, problems)
    if (source) checkInput(aggregate, source, where, problems)
    checkOptions(aggregate, where, problems)
    if (problems.length > before || (source === undefined && aggregate.aggregate !== 'count')) continue
    const input = source && valueColumn(name, source, scope, value, sources)
    const spec = outputSpec(name, aggregate, source)
    output.push(spec)
    aggregates.push({
      name,
      aggregate: aggregate.aggregate,
      options: aggregate.options,
      ...(input === undefined ? {} : { input }),
      type: spec.type,
      ...(aggregate.definition ? { custom: customFold(aggregate.definition) } : {}),
    })
  }
  return { aggregates, value, sources, output }
}

function isAggregate(value: unknown): value is Aggregate {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'aggregate' && 'aggregate' in value
  )
}

/** What an aggregate folds: a column of the input, or values of the type that `emit` takes. Undefined for `count`, and when there is a problem. */
function sourceOf(aggregate: Aggregate, where: string, scope: FoldScope, problems: string[]): ColumnSpec | undefined {
  const { column, input, aggregate: name } = aggregate
  if (name === 'count') return undefined
  if (scope.columns) {
    if (column !== undefined) return findColumn(scope.columns, column, where, scope.input, problems)
    problems.push(`${where}: ${name} expected the column it folds, as in ${name}('bytes')`)
    return undefined
  }
  if (column !== undefined) {
    problems.push(
      `${where}: ${name} expected no column in a job with its own map, which emits its values, got '${column}'`,
    )
    return undefined
  }
  if (input === undefined) problems.push(`${where}: ${name} expected the type of what is emitted, as in ${name}(u32())`)
  return input === undefined ? undefined : { name: '', type: input }
}

function checkInput(aggregate: Aggregate, source: ColumnSpec, where: string, problems: string[]): void {
  const { aggregate: name, definition, input } = aggregate
  const of = source.name ? `${source.name} (${source.type})` : source.type
  if (definition) {
    checkDefinition(definition, where, problems)
    if (input !== source.type) problems.push(`${where}: ${name} expected a column of type ${input}, got ${of}`)
  } else if (!(BUILTIN as readonly string[]).includes(name)) {
    problems.push(`${where}: unknown aggregate '${name}'${suggest(name, BUILTIN)}`)
  } else if (name === 'sum' && !SUMMABLE.includes(source.type)) {
    problems.push(`${where}: sum expected numbers, got ${of}`)
  }
}

/** One of the user's aggregates: its functions are there, and its types have no addresses, whose handles would end with the call. */
export function checkDefinition(definition: AnyAggregateDefinition, where: string, problems: string[]): void {
  const { name, input, output, state } = definition
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_]*$/.test(name))
    problems.push(`${where}: aggregate expected a name of letters and digits, got ${show(name)}`)
  else if ((BUILTIN as readonly string[]).includes(name))
    problems.push(`${where}: aggregate expected a name that is not built in, got '${name}'`)
  for (const part of ['init', 'add', 'merge', 'result'] as const)
    if (typeof definition[part] !== 'function')
      problems.push(`${where}: aggregate ${name}: ${part} expected a function, got ${show(definition[part])}`)
  const columns = declaredColumns({ input, output }, `${where}: aggregate ${name}:`, problems)
  for (const column of [...columns, ...declaredColumns(state, `${where}: aggregate ${name}: state`, problems)])
    if (column.type === 'address')
      problems.push(`${where}: aggregate ${name}: ${column.name} expected another type than address`)
}

function checkOptions(aggregate: Aggregate, where: string, problems: string[]): void {
  const { q, n } = aggregate.options
  if (aggregate.aggregate === 'quantile' && !(typeof q === 'number' && q >= 0 && q <= 1))
    problems.push(`${where}: quantile expected a share 0..1, got ${show(q)}`)
  if (aggregate.aggregate === 'top' && !(typeof n === 'number' && Number.isInteger(n) && n >= 1 && n <= 10_000))
    problems.push(`${where}: top expected a number of values 1..10000, got ${show(n)}`)
}

/** The value column that an aggregate folds; aggregates over one column of the input share it. */
function valueColumn(
  name: string,
  source: ColumnSpec,
  scope: FoldScope,
  value: ColumnSpec[],
  sources: string[],
): string {
  if (scope.columns) {
    const shared = sources.indexOf(source.name)
    if (shared >= 0) return value[shared]!.name
    sources.push(source.name)
  }
  value.push({ name, type: source.type, ...(source.nullable ? { nullable: true } : {}) })
  return name
}

function outputSpec(name: string, aggregate: Aggregate, source: ColumnSpec | undefined): ColumnSpec {
  const type = outputType(aggregate, source?.type ?? 'u53')
  const mayBeAbsent = source?.nullable && ['min', 'max', 'quantile'].includes(aggregate.aggregate)
  return { name, type, ...(mayBeAbsent ? { nullable: true } : {}) }
}

/** The type of an aggregate's result; `AggregateOutput` says the same to TypeScript. */
function outputType(aggregate: Aggregate, input: ColumnType): ColumnType {
  if (aggregate.output) return aggregate.output
  switch (aggregate.aggregate) {
    case 'sum':
      return input === 'duration' ? 'duration' : input === 'i53' || input === 'i64' ? 'i64' : 'u64'
    case 'count':
    case 'distinct':
      return 'u53'
    case 'top':
      return 'text'
    default:
      return input
  }
}
