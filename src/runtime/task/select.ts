import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
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

/** Number of the given rows whose sampling is 0 of 0. */
export function countUnsampled(batch: Batch, rows: Uint32Array, length: number): number {
  const size = numbersOf(batch, 'sampleSize')
  const population = numbersOf(batch, 'samplePopulation')
  let count = 0
  for (let i = 0; i < length; i++) if (size[rows[i]!] === 0 && population[rows[i]!] === 0) count++
  return count
}

/** Copies rows of a batch to the start of another with the same columns. */
export function gatherRows(from: Batch, rows: Uint32Array, length: number, to: Batch): void {
  for (const name in to.columns) gatherColumn(from.columns[name]!, rows, length, to.columns[name]!)
  to.length = length
}

function gatherColumn(from: Column, rows: Uint32Array, length: number, to: Column): void {
  if (from.valid && to.valid) gather(from.valid, rows, length, to.valid)
  else to.valid?.fill(1, 0, length)
  switch (from.type) {
    case 'address':
    case 'prefix': {
      const target = to as typeof from
      gather(from.family, rows, length, target.family)
      gather(from.v4, rows, length, target.v4)
      for (let i = 0; i < length; i++)
        if (from.family[rows[i]!] !== 4) target.v6.set(from.v6.subarray(rows[i]! * 16, rows[i]! * 16 + 16), i * 16)
      if (from.type === 'prefix' && target.type === 'prefix') gather(from.bits, rows, length, target.bits)
      break
    }
    case 'text':
    case 'bytes':
      gatherBytes(from, rows, length, to as typeof from)
      break
    case 'u64':
    case 'i64': {
      const target = (to as typeof from).values
      for (let i = 0; i < length; i++) target[i] = from.values[rows[i]!]!
      break
    }
    default:
      gather(from.values, rows, length, (to as typeof from).values)
  }
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

function gather(from: Numbers, rows: Uint32Array, length: number, to: Numbers): void {
  for (let i = 0; i < length; i++) to[i] = from[rows[i]!]!
}

function gatherBytes(
  from: Extract<Column, { type: 'text' | 'bytes' }>,
  rows: Uint32Array,
  length: number,
  to: Extract<Column, { type: 'text' | 'bytes' }>,
): void {
  let size = 0
  for (let i = 0; i < length; i++) size += from.offsets[rows[i]! + 1]! - from.offsets[rows[i]!]!
  if (to.data.length < size) to.data = new Uint8Array(size * 2)
  let at = 0
  for (let i = 0; i < length; i++) {
    const part = from.data.subarray(from.offsets[rows[i]!], from.offsets[rows[i]! + 1])
    to.data.set(part, at)
    at += part.length
    to.offsets[i + 1] = at
  }
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
