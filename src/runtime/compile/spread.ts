import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { gatherRows } from '../../flow/gather.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { Spread } from '../../vocabulary/prorate.ts'
import { isWhole, prorate, SPREAD } from '../../vocabulary/prorate.ts'
import type { Mapper, TaskContext } from '../program.ts'
import type { FoldParts } from './fold.ts'
import type { KeyPart } from './key.ts'
import type { Shares } from './shares.ts'
import { MORE_SHARES, numbersOf, ShareColumns } from './shares.ts'
import { SpreadKernel } from './spread-kernel.ts'

/** The columns that a declarative job with `time: 'spread'` gives a meaning of its own. */
const TIMES = ['start', 'end']
const SHARED = ['bytes', 'packets'] as const

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

export interface SpreaderOptions {
  /** What is read of flows. */
  readonly columns: readonly ColumnSpec[]
  readonly binMs: number
  readonly task: TaskContext
  /** Memory in which shares are made, when there is room. */
  readonly kernels?: KernelInstance | undefined
}

/**
 * Spreads flows over the bins of a declarative job before it groups them: `start` becomes the start of a bin, `bytes` and `packets` the shares that `prorate` gives. Most flows lie
 * in one bin: the first share of every flow stays in its row, with the other columns as they are, and only further shares are rows of their own.
 */
export function createSpreader(options: SpreaderOptions, next: Mapper): Mapper {
  const spreader = new Spreader(options, next)
  return { map: (batch) => spreader.map(batch), finish: () => next.finish() }
}

class Spreader {
  readonly #binMs: number
  readonly #spread: Spread
  readonly #task: TaskContext
  readonly #next: Mapper
  readonly #shared: readonly ('bytes' | 'packets')[]
  readonly #kernel: SpreadKernel | undefined
  /** Shares that are made without a kernel. */
  #plain: ShareColumns | undefined
  readonly #gathered: Batch

  constructor({ columns, binMs, task, kernels }: SpreaderOptions, next: Mapper) {
    const has = (name: string): boolean => columns.some((spec) => spec.name === name)
    this.#binMs = binMs
    this.#task = task
    this.#next = next
    this.#shared = SHARED.filter(has)
    const capped = (): void => task.count('prorate.capped')
    this.#spread = { from: task.from, to: task.to, bytes: has('bytes'), packets: has('packets'), capped }
    this.#kernel = SpreadKernel.in(kernels, binMs, this.#spread)
    this.#gathered = createBatch(columns, MORE_SHARES, this.#kernel?.make)
  }

  map(batch: Batch): void {
    const kernel = this.#kernel?.bind(batch) ? this.#kernel : undefined
    const shares = kernel?.shares ?? this.#plainShares(batch)
    shares.outside = 0
    if (kernel) this.#spreadBy(kernel, batch)
    else this.#spreadRows(batch, shares)
    if (shares.outside > 0) this.#moveFirst(batch, shares)
    else this.#next.map(this.#withShares(batch, shares.first, batch.length))
    this.#flush(batch, shares)
  }

  #plainShares({ length, capacity }: Batch): ShareColumns {
    if (!this.#plain || this.#plain.first.start.length < length) this.#plain = new ShareColumns(capacity)
    return this.#plain
  }

  /** Spreads the flows of a batch by a kernel, but for those that have more shares than there is ever room for. */
  #spreadBy(kernel: SpreadKernel, batch: Batch): void {
    const { shares } = kernel
    for (let row = 0; row < batch.length; ) {
      row = kernel.spread(row, batch.length)
      if (row === batch.length) break
      if (shares.count > 0) this.#flush(batch, shares)
      else this.#divide(batch, row++, shares)
    }
    if (shares.capped > 0) this.#task.count('prorate.capped', shares.capped)
    shares.capped = 0
  }

  #spreadRows(batch: Batch, shares: ShareColumns): void {
    const binMs = this.#binMs
    const spread = this.#spread
    const { first } = shares
    const starts = numbersOf(batch, 'start')
    const ends = numbersOf(batch, 'end')
    for (const name of this.#shared) first[name].set(numbersOf(batch, name).subarray(0, batch.length))
    for (let row = 0; row < batch.length; row++) {
      const start = starts[row]!
      const bin = Math.floor(start / binMs) * binMs
      first.start[row] = bin
      if (!isWhole(start, ends[row]! - start, bin + binMs, spread)) this.#divide(batch, row, shares)
    }
  }

  /** Divides a flow; when it has no share its row then says so. */
  #divide(batch: Batch, row: number, shares: ShareColumns): void {
    const { first } = shares
    const [start, end] = [numbersOf(batch, 'start')[row]!, numbersOf(batch, 'end')[row]!]
    const counter = (name: 'bytes' | 'packets'): number => (this.#spread[name] ? numbersOf(batch, name)[row]! : 0)
    const flow = { start, end, bytes: counter('bytes'), packets: counter('packets'), [SPREAD]: this.#spread }
    const [share, ...others] = prorate(flow, this.#binMs)
    if (!share) shares.outside++
    first.start[row] = share?.start ?? Number.NaN
    for (const name of this.#shared) first[name][row] = share?.[name] ?? 0
    for (const other of others) this.#keep(batch, row, other.start, other.bytes, other.packets, shares)
  }

  #keep(batch: Batch, row: number, start: number, bytes: number, packets: number, shares: ShareColumns): void {
    if (shares.count === MORE_SHARES) this.#flush(batch, shares)
    const at = shares.count++
    const { more } = shares
    shares.rows[at] = row
    more.start[at] = start
    more.bytes[at] = bytes
    more.packets[at] = packets
  }

  /** Makes rows of their own of the first shares too, where some flow has none. */
  #moveFirst(batch: Batch, shares: ShareColumns): void {
    const { start, bytes, packets } = shares.first
    for (let row = 0; row < batch.length; row++)
      if (!Number.isNaN(start[row])) this.#keep(batch, row, start[row]!, bytes[row]!, packets[row]!, shares)
  }

  #flush(batch: Batch, shares: ShareColumns): void {
    const { count } = shares
    if (count === 0) return
    gatherRows(batch, shares.rows, count, this.#gathered)
    this.#next.map(this.#withShares(this.#gathered, shares.more, count))
    shares.count = 0
  }

  #withShares({ capacity, columns }: Batch, shares: Shares, length: number): Batch {
    const changed: { [name: string]: Column } = { ...columns, start: { type: 'instant', values: shares.start } }
    for (const name of this.#shared) changed[name] = { type: 'u53', values: shares[name] }
    return { length, capacity, columns: changed }
  }
}
