import type { Batch } from '../batch.ts'
import type { ColumnSpec } from '../column.ts'
import type { Filter } from './ast.ts'
import { leafSelector } from './leaf.ts'
import { columnTypes } from './parse.ts'
import type { FilterPlan } from './plan.ts'

/** Keeps those of the first `count` rows of `selection`, ascending row numbers, that match; returns how many. Works in place. */
export type Selector = (batch: Batch, selection: Uint32Array, count: number) => number

/** Compiles a checked filter, once, into loops over the columns of a batch. */
export function compileFilter(filter: Filter, specs: readonly ColumnSpec[]): FilterPlan['select'] {
  const select = compile(filter, columnTypes(specs))
  return (batch, selection) => {
    for (let row = 0; row < batch.length; row++) selection[row] = row
    return select(batch, selection, batch.length)
  }
}

function compile(filter: Filter, types: ReturnType<typeof columnTypes>): Selector {
  switch (filter.type) {
    case 'and':
      return all(filter.terms.map((term) => compile(term, types)))
    case 'or':
      return any(filter.terms.map((term) => compile(term, types)))
    case 'not':
      return none(compile(filter.term, types))
    default:
      return leafSelector(filter, types.get(filter.column)!)
  }
}

/** Each term sees only the rows that the terms before it kept. */
function all(terms: readonly Selector[]): Selector {
  return (batch, selection, count) => {
    let kept = count
    for (let i = 0; i < terms.length && kept > 0; i++) kept = terms[i]!(batch, selection, kept)
    return kept
  }
}

/** Each term sees only the rows that the terms before it left; what they keep is marked, and collected in order at the end. */
function any(terms: readonly Selector[]): Selector {
  const scratch = new Scratch()
  return (batch, selection, count) => {
    const { rows, marks } = scratch.get(count, batch.length)
    for (let i = 0; i < count; i++) marks[selection[i]!] = 0
    let left = count
    for (let t = 0; t < terms.length && left > 0; t++) {
      left = unmarked(selection, count, marks, rows)
      const kept = terms[t]!(batch, rows, left)
      for (let i = 0; i < kept; i++) marks[rows[i]!] = 1
      left -= kept
    }
    return keepMarked(selection, count, marks, 1)
  }
}

function none(term: Selector): Selector {
  const scratch = new Scratch()
  return (batch, selection, count) => {
    const { rows, marks } = scratch.get(count, batch.length)
    for (let i = 0; i < count; i++) {
      rows[i] = selection[i]!
      marks[selection[i]!] = 0
    }
    const kept = term(batch, rows, count)
    for (let i = 0; i < kept; i++) marks[rows[i]!] = 1
    return keepMarked(selection, count, marks, 0)
  }
}

/** Copies the rows without a mark, in order. */
function unmarked(selection: Uint32Array, count: number, marks: Uint8Array, rows: Uint32Array): number {
  let left = 0
  for (let i = 0; i < count; i++) {
    const row = selection[i]!
    rows[left] = row
    left += 1 - marks[row]!
  }
  return left
}

function keepMarked(selection: Uint32Array, count: number, marks: Uint8Array, mark: 0 | 1): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = selection[i]!
    if (marks[row] === mark) selection[kept++] = row
  }
  return kept
}

/** Row lists and marks that a node needs while it runs; they grow to the largest batch seen. */
class Scratch {
  private rows = new Uint32Array(0)
  private marks = new Uint8Array(0)

  get(count: number, batchLength: number): { rows: Uint32Array; marks: Uint8Array } {
    // One entry more than rows: `unmarked` writes before it counts.
    if (this.rows.length <= count) this.rows = new Uint32Array(count * 2 + 1)
    if (this.marks.length < batchLength) this.marks = new Uint8Array(batchLength * 2)
    return { rows: this.rows, marks: this.marks }
  }
}
