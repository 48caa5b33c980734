import type { Batch } from '../../flow/batch.ts'
import { RuntimeError } from '../error.ts'

/** Writes the rows that start in [from, to) to `rows` and returns how many there are. */
export function selectStarts(batch: Batch, from: number, to: number, rows: Uint32Array): number {
  const start = timesOf(batch, 'start')
  let count = 0
  for (let row = 0; row < batch.length; row++) {
    const at = start[row]!
    if (at >= from && at < to) rows[count++] = row
  }
  return count
}

/** Writes the rows that overlap [from, to) to `rows` and returns how many there are; a flow that ends at or before its start is the instant of its start. */
export function selectOverlaps(batch: Batch, from: number, to: number, rows: Uint32Array): number {
  const start = timesOf(batch, 'start')
  const end = timesOf(batch, 'end')
  let count = 0
  for (let row = 0; row < batch.length; row++) {
    const at = start[row]!
    const last = end[row]!
    if (at < to && (last > at ? last > from : at >= from)) rows[count++] = row
  }
  return count
}

/** Keeps the rows that are in both ascending lists, in `a`; returns how many there are. */
export function intersect(a: Uint32Array, aLength: number, b: Uint32Array, bLength: number): number {
  let count = 0
  for (let i = 0, j = 0; i < aLength && j < bLength; ) {
    const left = a[i]!
    const right = b[j]!
    if (left === right) a[count++] = left
    if (left <= right) i++
    if (right <= left) j++
  }
  return count
}

/** Keeps the rows whose record numbers are in a list; returns how many there are. */
export function keepRecords(
  rows: Uint32Array,
  length: number,
  firstRecord: number,
  records: readonly number[],
): number {
  const wanted = new Set(records)
  let count = 0
  for (let i = 0; i < length; i++) if (wanted.has(firstRecord + rows[i]!)) rows[count++] = rows[i]!
  return count
}

/** Number of the given rows whose sampling is 0 of 0. */
export function countUnsampled(batch: Batch, rows: Uint32Array, length: number): number {
  const size = numbersOf(batch, 'sampleSize')
  const population = numbersOf(batch, 'samplePopulation')
  let count = 0
  for (let i = 0; i < length; i++) if (size[rows[i]!] === 0 && population[rows[i]!] === 0) count++
  return count
}

function timesOf(batch: Batch, name: 'start' | 'end'): Float64Array {
  const column = batch.columns[name]
  if (column?.type === 'instant') return column.values
  throw new RuntimeError('bad-program', `period: column ${name} expected instants, got ${column?.type ?? 'none'}`)
}

function numbersOf(batch: Batch, name: string): Float64Array {
  const column = batch.columns[name]
  if (column?.type === 'u53') return column.values
  throw new RuntimeError('bad-program', `sampling: column ${name} expected numbers, got ${column?.type ?? 'none'}`)
}
