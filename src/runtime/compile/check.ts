import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import { suggest } from '../../flow/nearest.ts'
import { isColumnType } from '../../vocabulary/column-type.ts'
import type { JobDefinition, JobSpec } from '../../vocabulary/job.ts'

const COMMON = ['name', 'description', 'params', 'input', 'columns', 'where', 'time', 'sort', 'limit']
const MAP = [...COMMON, 'reads', 'key', 'value', 'map']
/** The keys of each shape. */
const SHAPES = {
  group: [...COMMON, 'groupBy', 'aggregate'],
  map: MAP,
  reduce: [...MAP, 'output', 'sortValues', 'combine', 'reduce'],
} as const

const JOB_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
/** Names of columns are names of Avro fields. */
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

const TYPES: { readonly [T in ColumnType]: true } = {
  u8: true,
  u16: true,
  u32: true,
  u53: true,
  i53: true,
  u64: true,
  i64: true,
  instant: true,
  duration: true,
  boolean: true,
  address: true,
  prefix: true,
  text: true,
  bytes: true,
}

/** Adds what is wrong with the outline of a definition: its name, and keys that are missing, unknown, or of another shape. */
export function checkOutline(job: JobDefinition, problems: string[]): void {
  const { spec, shape } = job
  if (!JOB_NAME.test(spec.name) || spec.name.length > 64)
    problems.push(`name: expected lower case letters, digits and dashes, at most 64, got ${JSON.stringify(spec.name)}`)
  if (typeof spec.description !== 'string') problems.push(`description: expected text, got ${typeof spec.description}`)
  const allowed: readonly string[] = SHAPES[shape]
  for (const key of Object.keys(spec)) {
    if (!allowed.includes(key)) problems.push(`${key}: unknown in a job with ${outline(shape)}${suggest(key, allowed)}`)
  }
  const required: readonly (keyof JobSpec)[] =
    shape === 'group'
      ? ['groupBy', 'aggregate']
      : shape === 'map'
        ? ['reads', 'key', 'value']
        : ['reads', 'key', 'value', 'output']
  for (const key of required)
    if (spec[key] === undefined) problems.push(`${key}: missing in a job with ${outline(shape)}`)
  for (const key of ['map', 'combine', 'reduce'] as const) {
    if (spec[key] !== undefined && typeof spec[key] !== 'function')
      problems.push(`${key}: expected a function, got ${typeof spec[key]}`)
  }
  if (spec.time !== undefined && spec.time !== 'start' && spec.time !== 'spread')
    problems.push(`time: expected 'start' or 'spread', got ${JSON.stringify(spec.time)}`)
  if (spec.params !== undefined && typeof spec.params.safeParse !== 'function')
    problems.push('params: expected a zod object')
}

function outline(shape: JobDefinition['shape']): string {
  return shape === 'group' ? 'groupBy and aggregate' : shape === 'map' ? 'map and aggregates' : 'map and reduce'
}

/** The column with a name, or a problem that names the nearest. */
export function findColumn(
  columns: readonly ColumnSpec[],
  name: unknown,
  where: string,
  input: string,
  problems: string[],
): ColumnSpec | undefined {
  const found = columns.find((column) => column.name === name)
  if (!found) {
    const names = columns.map((column) => column.name)
    problems.push(`${where}: expected a column of ${input}, got ${show(name)}${suggest(String(name), names)}`)
  }
  return found
}

/** The specs of declared columns (`key`, `value`, `output`), with problems for names and types. */
export function declaredColumns(declared: object | undefined, where: string, problems: string[]): ColumnSpec[] {
  if (declared === undefined) return []
  if (typeof declared !== 'object' || declared === null) {
    problems.push(`${where}: expected columns by name, got ${show(declared)}`)
    return []
  }
  const specs: ColumnSpec[] = []
  for (const [name, type] of Object.entries(declared)) {
    checkName(name, where, problems)
    if (isColumnType(type) && Object.hasOwn(TYPES, type.column)) specs.push({ name, type: type.column })
    else problems.push(`${where} ${name}: expected a column type such as u16() or address(), got ${show(type)}`)
  }
  return specs
}

/** Adds a problem when a column cannot have this name. */
export function checkName(name: string, where: string, problems: string[]): void {
  if (!COLUMN_NAME.test(name))
    problems.push(`${where} ${name}: expected a name of letters, digits and underscores, not starting with a digit`)
}

/** Adds a problem for each name that two columns of one row would have. */
export function checkDistinct(names: readonly string[], where: string, problems: string[]): void {
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index)))
    problems.push(`${where}: expected different column names, got '${name}' twice`)
}

/** A value as it reads in a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value)
  if (typeof value === 'function') return 'a function'
  return 'aggregate' in value
    ? `the aggregate ${String(value.aggregate)}`
    : Array.isArray(value)
      ? 'a list'
      : 'an object'
}
