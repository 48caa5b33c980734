import type { KernelInstance } from '../../kernels/pool.ts'
import { SCAN_RANGE } from '../../kernels/scan.ts'
import type { Batch } from '../batch.ts'
import type { Column, ColumnSpec, ColumnType } from '../column.ts'
import type { Comparison, Filter, Membership } from './ast.ts'
import { rangesOf } from './leaf-address.ts'
import { rangeOf } from './leaf-number.ts'
import type { MarkRange, MarkStep } from './mark-step.ts'
import type { FilterPlan } from './plan.ts'

/** Rows of the largest batch that kernels mark. */
const MOST_ROWS = 16_384
/** Marks that wait to be joined, at most. */
export const MOST_MARKS = 8
/** Values of a list that are compared one after the other; a table is better for more. */
const MOST_MEMBERS = 8

export const JOINS = { and: 0, or: 1, not: 2 } as const

const HIGHEST: { readonly [T in ColumnType]?: number } = {
  u8: 0xff,
  boolean: 0xff,
  u16: 0xffff,
  u32: 0xffff_ffff,
  u53: Number.POSITIVE_INFINITY,
  i53: Number.POSITIVE_INFINITY,
  instant: Number.POSITIVE_INFINITY,
  duration: Number.POSITIVE_INFINITY,
}

/** The steps of a filter; undefined when one of its tests is not a comparison of numbers that are always there, or of IPv4 addresses. */
export function markSteps(filter: Filter, specs: readonly ColumnSpec[]): MarkStep[] | undefined {
  switch (filter.type) {
    case 'and':
    case 'or': {
      const terms = filter.terms.map((term) => markSteps(term, specs))
      return joined(terms, filter.type)
    }
    case 'not': {
      const term = markSteps(filter.term, specs)
      return term && [...term, { type: 'not' }]
    }
    case 'compare':
    case 'in': {
      const spec = specs.find(({ name }) => name === filter.column)
      if (!spec || spec.nullable) return undefined
      return spec.type === 'address' ? addressSteps(filter) : numberSteps(filter, spec.type)
    }
    default:
      return undefined
  }
}

function joined(terms: readonly (readonly MarkStep[] | undefined)[], type: 'and' | 'or'): MarkStep[] | undefined {
  const steps: MarkStep[] = []
  for (const [i, term] of terms.entries()) {
    if (!term) return undefined
    steps.push(...term)
    if (i > 0) steps.push({ type })
  }
  return steps
}

function numberSteps(filter: Comparison | Membership, type: ColumnType): MarkStep[] | undefined {
  const highest = HIGHEST[type]
  if (highest === undefined) return undefined
  const { column } = filter
  const lowest = highest === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : 0
  const range = (low: number, high: number): MarkStep[] => {
    const ends = { low: Math.max(lowest, Math.ceil(low)), high: Math.min(highest, Math.floor(high)) }
    if (ends.low <= ends.high) return [{ type: 'range', column, part: 'values', ...ends }]
    return [{ type: 'range', column, part: 'values', low: lowest, high: highest }, { type: 'not' }]
  }
  if (filter.type === 'in') {
    const { values } = filter
    return values.length > MOST_MEMBERS
      ? undefined
      : joined(
          values.map((value) => range(Number(value), Number(value))),
          'or',
        )
  }
  const steps = range(...rangeOf(filter.operator, Number(filter.value)))
  return filter.operator === '!=' ? [...steps, { type: 'not' }] : steps
}

function addressSteps(filter: Comparison | Membership): MarkStep[] | undefined {
  const ranges = rangesOf(filter)
  if (!ranges || ranges.length === 0 || ranges.length > MOST_MEMBERS) return undefined
  const { column } = filter
  const inside =
    joined(
      ranges.map(({ low, high }) => [{ type: 'range', column, part: 'v4', low, high }]),
      'or',
    ) ?? []
  return [{ type: 'range', column, part: 'family', low: 4, high: 4 }, ...inside, { type: 'and' }]
}

/** Carries out steps by kernels where the columns and the selection lie in their memory, and `otherwise` what they stand for. */
export function markSelector(
  steps: readonly MarkStep[],
  { memory, kernels }: KernelInstance,
  otherwise: FilterPlan['select'],
): FilterPlan['select'] {
  const marks = Array.from({ length: MOST_MARKS }, () => memory.allocate(MOST_ROWS / 8))
  const { buffer } = memory.memory
  let columns: Batch['columns'] | undefined
  let placed: readonly PlacedStep[] | undefined
  return (batch, selection) => {
    if (batch.columns !== columns) {
      columns = batch.columns
      placed = placeSteps(steps, batch, buffer)
    }
    if (!placed || selection.buffer !== buffer || batch.length > MOST_ROWS) return otherwise(batch, selection)
    let next = 0
    for (let i = 0; i < placed.length; i++) {
      const { join, at, bytes, low, high } = placed[i]!
      if (join === SCAN_RANGE) kernels.markRange(at, bytes, low, high, batch.length, marks[next++]!)
      else {
        if (join !== JOINS.not) next--
        kernels.joinMarks(marks[next - 1]!, marks[next]!, join, batch.length)
      }
    }
    return kernels.markedRows(marks[0]!, batch.length, selection.byteOffset)
  }
}

/** A step and where the values lie that it looks at: a batch keeps its arrays. */
export interface PlacedStep {
  /** How marks are joined; SCAN_RANGE for a step that makes them. */
  readonly join: number
  readonly at: number
  readonly bytes: number
  readonly low: number
  readonly high: number
}

/** The steps over the arrays of a batch; undefined when one of those lies elsewhere. */
export function placeSteps(
  steps: readonly MarkStep[],
  batch: Batch,
  buffer: ArrayBufferLike,
): PlacedStep[] | undefined {
  const placed: PlacedStep[] = []
  for (const step of steps) {
    if (step.type !== 'range') {
      placed.push({ join: JOINS[step.type], at: 0, bytes: 0, low: 0, high: 0 })
      continue
    }
    const array = arrayOf(step, batch)
    if (array.buffer !== buffer) return undefined
    const { byteOffset: at, BYTES_PER_ELEMENT: bytes } = array
    placed.push({ join: SCAN_RANGE, at, bytes, low: step.low, high: step.high })
  }
  return placed
}

/** Whether no more marks wait at any step than there is room for. */
export function isShallow(steps: readonly MarkStep[]): boolean {
  let waiting = 0
  return steps.every(({ type }) => {
    waiting += type === 'range' ? 1 : type === 'not' ? 0 : -1
    return waiting < MOST_MARKS
  })
}

const NOWHERE = new Uint8Array(0)

/** The array that a step looks at, one outside of every memory when the batch has none. */
function arrayOf(step: MarkRange, batch: Batch): Uint8Array | Uint16Array | Uint32Array | Float64Array {
  const column = batch.columns[step.column]
  if (column?.type === 'address') return step.part === 'family' ? column.family : column.v4
  return column && isNumeric(column) ? column.values : NOWHERE
}

function isNumeric(
  column: Column,
): column is Extract<Column, { values: Uint8Array | Uint16Array | Uint32Array | Float64Array }> {
  return HIGHEST[column.type] !== undefined
}
