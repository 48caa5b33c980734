import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { gatherRows } from '../../flow/gather.ts'
import type { Spread } from '../../vocabulary/prorate.ts'
import { isWhole, prorate, SPREAD } from '../../vocabulary/prorate.ts'
import type { Mapper, TaskContext } from '../program.ts'
import type { FoldParts } from './fold.ts'
import type { KeyPart } from './key.ts'

/** The columns that a declarative job with `time: 'spread'` gives a meaning of its own. */
const TIMES = ['start', 'end']
const SHARED = ['bytes', 'packets'] as const

/** Shares that are handed on together. */
const SHARES = 8192

/** Checks a declarative job with `time: 'spread'` and returns the milliseconds of its bins. */
export function checkSpread(
  keys: readonly KeyPart[],
  { aggregates, sources, value }: FoldParts,
  columns: readonly ColumnSpec[],
  problems: string[],
): number {
  for (const name of TIMES)
    if (columns.find((spec) => spec.name === name)?.type !== 'instant')
      problems.push(`time: 'spread' expected the times start and end in the input, got no ${name}`)
  const bins = keys.filter(({ column }) => TIMES.includes(column))
  const [bin] = bins
  const expression = bin?.expression
  const isBin = bin?.column === 'start' && expression?.type === 'timeBin' && expression.zone === 'UTC'
  if (bins.length !== 1 || !isBin)
    problems.push(`groupBy: expected one timeBin of start, in UTC, and no other time of the flow with time: 'spread'`)
  for (const { name, aggregate, input } of aggregates) {
    const source = sources[value.findIndex((spec) => spec.name === input)] ?? ''
    if (TIMES.includes(source)) problems.push(`aggregate ${name}: expected no time of the flow with time: 'spread'`)
    else if (aggregate === 'sum' && !(SHARED as readonly string[]).includes(source))
      problems.push(`aggregate ${name}: expected a sum of bytes or packets, which can be shared out, got ${source}`)
  }
  return expression?.type === 'timeBin' ? expression.sizeMs : 0
}

/**
 * Spreads flows over the bins of a declarative job before it groups them: `start` becomes the start of a bin, `bytes` and `packets` the shares that `prorate` gives. Most flows lie
 * in one bin: the first share of every flow stays in its row, with the other columns as they are, and only further shares are rows of their own.
 */
export function createSpreader(columns: readonly ColumnSpec[], binMs: number, task: TaskContext, next: Mapper): Mapper {
  const spreader = new Spreader(columns, binMs, task, next)
  return { map: (batch) => spreader.map(batch), finish: () => next.finish() }
}

class Spreader {
  readonly #binMs: number
  readonly #spread: Spread
  readonly #next: Mapper
  readonly #shared: readonly ('bytes' | 'packets')[]
  /** Start of the bin and shares of each row; then those of further shares, and the row of the flow that each is of. */
  #first: Shares
  readonly #more: Shares = shareArrays(SHARES)
  readonly #rows = new Uint32Array(SHARES)
  #count = 0
  readonly #gathered: Batch

  constructor(columns: readonly ColumnSpec[], binMs: number, task: TaskContext, next: Mapper) {
    const has = (name: string): boolean => columns.some((spec) => spec.name === name)
    this.#binMs = binMs
    this.#next = next
    this.#shared = SHARED.filter(has)
    const capped = (): void => task.count('prorate.capped')
    this.#spread = { from: task.from, to: task.to, bytes: has('bytes'), packets: has('packets'), capped }
    this.#first = shareArrays(0)
    this.#gathered = createBatch(columns, SHARES)
  }

  map(batch: Batch): void {
    const { length } = batch
    if (this.#first.start.length < length) this.#first = shareArrays(batch.capacity)
    const start = numbersOf(batch, 'start')
    const end = numbersOf(batch, 'end')
    const outside = this.#firstShares(batch, start, end)
    if (outside > 0) this.#moveFirst(batch)
    else this.#next.map(this.#withShares(batch, this.#first, length))
    this.#flush(batch)
  }

  /** The first share of every flow; further ones are kept. Returns how many flows have none. */
  #firstShares(batch: Batch, start: Float64Array, end: Float64Array): number {
    const binMs = this.#binMs
    const spread = this.#spread
    const first = this.#first
    for (const name of this.#shared) first[name].set(numbersOf(batch, name).subarray(0, batch.length))
    let outside = 0
    for (let row = 0; row < batch.length; row++) {
      const from = start[row]!
      const bin = Math.floor(from / binMs) * binMs
      first.start[row] = bin
      if (!isWhole(from, end[row]! - from, bin + binMs, spread) && !this.#divide(batch, row, from, end[row]!)) outside++
    }
    return outside
  }

  /** Divides a flow; false when it has no share, which its row then says. */
  #divide(batch: Batch, row: number, start: number, end: number): boolean {
    const first = this.#first
    const flow = { start, end, bytes: first.bytes[row]!, packets: first.packets[row]!, [SPREAD]: this.#spread }
    const [share, ...others] = prorate(flow, this.#binMs)
    first.start[row] = share?.start ?? Number.NaN
    for (const name of this.#shared) first[name][row] = share?.[name] ?? 0
    for (const other of others) this.#keep(batch, row, other.start, other.bytes, other.packets)
    return share !== undefined
  }

  #keep(batch: Batch, row: number, start: number, bytes: number, packets: number): void {
    if (this.#count === SHARES) this.#flush(batch)
    const at = this.#count++
    this.#rows[at] = row
    this.#more.start[at] = start
    this.#more.bytes[at] = bytes
    this.#more.packets[at] = packets
  }

  /** Makes rows of their own of the first shares too, where some flow has none. */
  #moveFirst(batch: Batch): void {
    const { start, bytes, packets } = this.#first
    for (let row = 0; row < batch.length; row++)
      if (!Number.isNaN(start[row])) this.#keep(batch, row, start[row]!, bytes[row]!, packets[row]!)
  }

  #flush(batch: Batch): void {
    if (this.#count === 0) return
    gatherRows(batch, this.#rows, this.#count, this.#gathered)
    this.#next.map(this.#withShares(this.#gathered, this.#more, this.#count))
    this.#count = 0
  }

  #withShares({ capacity, columns }: Batch, shares: Shares, length: number): Batch {
    const changed: { [name: string]: Column } = { ...columns, start: { type: 'instant', values: shares.start } }
    for (const name of this.#shared) changed[name] = { type: 'u53', values: shares[name] }
    return { length, capacity, columns: changed }
  }
}

interface Shares {
  readonly start: Float64Array<ArrayBuffer>
  readonly bytes: Float64Array<ArrayBuffer>
  readonly packets: Float64Array<ArrayBuffer>
}

const shareArrays = (length: number): Shares => ({
  start: new Float64Array(length),
  bytes: new Float64Array(length),
  packets: new Float64Array(length),
})

/** Values of a time or a counter; `checkSpread` and the columns of flows say that they are doubles. */
function numbersOf({ columns }: Batch, name: string): Float64Array {
  const column = columns[name]
  if (column?.type === 'instant' || column?.type === 'u53') return column.values
  throw new TypeError(`spread: ${name} expected a time or a counter, got ${column?.type}`)
}
