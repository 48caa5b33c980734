import type { Batch } from '../flow/batch.ts'
import { createBatch } from '../flow/batch.ts'
import { compareBytes, RowCodec } from '../flow/canonical.ts'
import type { ColumnSpec, ColumnType } from '../flow/column.ts'
import type { Value } from '../flow/value.ts'
import { setValue, valueAt } from '../flow/value.ts'
import type { JobDefinition } from '../index.ts'
import { JobError } from '../index.ts'
import { compileJob } from '../runtime/compile/compile.ts'
import type { AggregateSpec, Program, TaskContext } from '../runtime/program.ts'
import type { TestFlow } from './flow-rows.ts'
import { batchOfRows, inputOf } from './flow-rows.ts'
import { Random } from './random.ts'

export interface CombinerOptions {
  readonly params?: { readonly [name: string]: unknown }
  /** Flows whose `map` gives the keys and values; without them values are drawn by their types. */
  readonly flows?: readonly TestFlow[]
  /** Groups of values that are tried. */
  readonly runs?: number
  /** Makes the draw; a failure names it. */
  readonly seed?: number
}

type Row = { readonly [column: string]: Value }

/** A group of values of one key. */
interface Group {
  readonly key: Row
  readonly values: readonly Row[]
}

/**
 * Checks that the result of a job does not depend on how its values are combined: that `combine` may run any number of times, on any grouping,
 * in any order, and the same of the aggregates that the job brings along. Throws with the smallest counterexample met.
 */
export function checkCombiner(job: JobDefinition, options: CombinerOptions = {}): void {
  const { params = {}, flows, runs = 200, seed = 1 } = options
  const { dataset, columns } = inputOf(job)
  const { program } = compileJob(job, params, { datasets: { [dataset]: columns } }).stages.at(-1)!
  const check = lawOf(job, program)
  const random = new Random(seed)
  const known = flows && groupsOf(program, batchOfRows({ dataset, columns }, flows))
  let smallest: { group: Group; message: string } | undefined
  for (let run = 0; run < runs; run++) {
    const group = known ? pick(known, random) : drawGroup(program, random, run)
    if (smallest && group.values.length >= smallest.group.values.length) continue
    const message = check(group, random)
    if (message !== undefined) smallest = { group, message }
  }
  if (smallest) throw new JobError('bad-value', `job ${job.name}: ${smallest.message} (seed ${seed})`)
}

/** A law: undefined when a group obeys it, else how it does not. */
type Law = (group: Group, random: Random) => string | undefined

function lawOf(job: JobDefinition, program: Program): Law {
  const { fold } = program
  if (fold.type === 'reduce') {
    if (!program.createCombiner)
      throw new JobError('bad-definition', `job ${job.name}: expected a combine to check, got none`)
    const reduce = groupReducer(program, fold.valueOrder, program.createReducer)
    const combine = groupReducer(program, fold.valueOrder, program.createCombiner)
    return (group, random) => combineLaw(program, reduce, combine, group, random)
  }
  const own = fold.aggregates.filter((spec) => spec.custom)
  if (own.length === 0)
    throw new JobError(
      'bad-definition',
      `job ${job.name}: expected a combine or an aggregate of its own to check, got neither`,
    )
  return (group, random) => {
    for (const spec of own) {
      const message = mergeLaw(program, spec, group, random)
      if (message !== undefined) return message
    }
    return undefined
  }
}

/** What a reduce, or a combine, gives for the values of a key. */
type GroupReducer = (key: Row, values: readonly Row[]) => Row[]

/** One reducer for all groups: each has room for thousands of rows, which many of them would leave to the collector. */
function groupReducer(program: Program, order: readonly string[], make: Program['createReducer']): GroupReducer {
  let out: Row[] = []
  const reducer = make!({ add: (batch) => out.push(...rowsOf(batch)) }, CONTEXT)
  return (key, values) => {
    out = []
    reducer.reduce(batchOf(program.key, [key]), 0, [batchOf(program.value, inOrder(program.value, order, values))])
    reducer.finish()
    return out
  }
}

/** Reduces the values as they are, and after combining some of them some times. */
function combineLaw(
  program: Program,
  reduce: GroupReducer,
  combine: GroupReducer,
  { key, values }: Group,
  random: Random,
): string | undefined {
  const expected = reduce(key, values)
  let rows = [...values]
  const steps: string[] = []
  for (let step = random.below(4) + 1; step > 0 && rows.length > 0; step--) {
    const mixed = random.shuffle(rows)
    const taken = random.below(mixed.length) + 1
    const combined = combine(key, mixed.slice(0, taken)).map((row) => only(program.value, row))
    steps.push(`${show(mixed.slice(0, taken))} -> ${show(combined)}`)
    rows = [...mixed.slice(taken), ...combined]
  }
  const got = reduce(key, rows)
  if (show(got) === show(expected)) return undefined
  return `combine changed the result of key ${show(key)}: expected ${show(expected)}, got ${show(got)} after combining ${steps.join(', then ')}`
}

/** Adds the values one by one, and in parts that are merged, in another order and through the columns of the state. */
function mergeLaw(
  program: Program,
  { name, input, type, custom }: AggregateSpec,
  { values }: Group,
  random: Random,
): string | undefined {
  const fold = custom!
  const spec = program.value.find((column) => column.name === input)!
  const add = (rows: readonly Row[]): unknown => {
    const { columns } = batchOf([spec], rows)
    let state = fold.init()
    for (let row = 0; row < rows.length; row++) state = fold.add(state, columns[spec.name]!, row)
    return state
  }
  const stored = (state: unknown): unknown => {
    const batch = createBatch(fold.state, 1)
    fold.store(state, batch, 0)
    return fold.load(batch, 0)
  }
  const result = (state: unknown): Value => {
    const { columns } = createBatch([{ name, type }], 1)
    fold.result(state, columns[name]!, 0)
    return valueAt(columns[name]!, 0)
  }
  const expected = result(add(values))
  const mixed = random.shuffle(values)
  let states: unknown[] = []
  for (let at = 0; at < mixed.length; ) {
    const end = at + random.below(mixed.length - at) + 1
    states.push(stored(add(mixed.slice(at, end))))
    at = end
  }
  states = random.shuffle([...states, ...(random.below(2) ? [fold.init()] : [])])
  const got = result(states.reduce((left, right) => fold.merge(left, right), fold.init()))
  if (got === expected) return undefined
  return `aggregate ${name} depends on order or grouping: expected ${show(expected)}, got ${show(got)} for ${show(values.map((row) => row[spec.name]))}`
}

/** What the map of a job gives for flows, by key. */
function groupsOf(program: Program, flows: Batch): Group[] {
  const rows: Row[] = []
  const mapper = program.createMapper({ add: (batch) => rows.push(...rowsOf(batch)) }, CONTEXT)
  mapper.map(flows)
  mapper.finish()
  const groups = new Map<string, { key: Row; values: Row[] }>()
  for (const row of rows) {
    const key = only(program.key, row)
    const group = groups.get(show(key)) ?? { key, values: [] }
    group.values.push(only(program.value, row))
    groups.set(show(key), group)
  }
  if (groups.size === 0)
    throw new JobError('bad-value', `job ${program.name}: expected flows for which map emits, got none`)
  return [...groups.values()]
}

/** Some of the values of one of the groups. */
function pick(groups: readonly Group[], random: Random): Group {
  const { key, values } = groups[random.below(groups.length)]!
  return { key, values: random.shuffle(values).slice(0, random.below(values.length) + 1) }
}

/** Values drawn by their types, few at first; from few different ones, so that they repeat. */
function drawGroup(program: Program, random: Random, run: number): Group {
  const draw = (specs: readonly ColumnSpec[]): Row =>
    Object.fromEntries(specs.map(({ name, type }) => [name, drawValue(type, random)]))
  return {
    key: draw(program.key),
    values: Array.from({ length: 1 + random.below(2 + run / 8) }, () => draw(program.value)),
  }
}

function drawValue(type: ColumnType, random: Random): Value {
  const small = random.below(2) ? random.below(4) : random.below(250)
  switch (type) {
    case 'address':
      return random.below(4) === 0 ? `2001:db8::${small}` : `10.0.0.${small}`
    case 'prefix':
      return `10.${small}.0.0/16`
    case 'text':
      return `text ${small}`
    case 'bytes':
      return small.toString(16).padStart(2, '0')
    case 'boolean':
      return small % 2 === 0
    case 'u64':
    case 'i64':
      return BigInt(small)
    default:
      return small
  }
}

/** Counters do not count here, and a record that throws fails the check. */
const CONTEXT: TaskContext = {
  from: Number.NEGATIVE_INFINITY,
  to: Number.POSITIVE_INFINITY,
  count: () => {},
  badRecord: (_row, error) => {
    throw error
  },
}

function rowsOf(batch: Batch): Row[] {
  const names = Object.keys(batch.columns)
  return Array.from({ length: batch.length }, (_, row) =>
    Object.fromEntries(names.map((name) => [name, valueAt(batch.columns[name]!, row)])),
  )
}

function batchOf(specs: readonly ColumnSpec[], rows: readonly Row[]): Batch {
  const batch = createBatch(specs, Math.max(rows.length, 1))
  for (const [row, values] of rows.entries())
    for (const { name } of specs) setValue(batch.columns[name]!, row, values[name] ?? null)
  batch.length = rows.length
  return batch
}

const only = (specs: readonly ColumnSpec[], row: Row): Row =>
  Object.fromEntries(specs.map(({ name }) => [name, row[name] ?? null]))

/** The rows in canonical order, by the columns in the order given. */
function inOrder(specs: readonly ColumnSpec[], order: readonly string[], rows: readonly Row[]): Row[] {
  const codec = new RowCodec(order.map((name) => specs.find((spec) => spec.name === name)!))
  const columns = codec.columnsOf(batchOf(specs, rows))
  const encoded = rows.map((row, at) => {
    const bytes = new Uint8Array(codec.measure(columns, at))
    codec.write(columns, at, bytes, 0)
    return { row, bytes }
  })
  return encoded
    .sort((a, b) => compareBytes(a.bytes, 0, a.bytes.length, b.bytes, 0, b.bytes.length))
    .map(({ row }) => row)
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))
