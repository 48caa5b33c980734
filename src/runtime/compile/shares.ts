import type { Batch } from '../../flow/batch.ts'
import type { ArrayMaker } from '../../flow/column.ts'

/** Shares that are handed on together, beside the first of each flow. */
export const MORE_SHARES = 8192

/** Starts of bins, and how much of each counter of a flow falls into them; 0 where flows lack it. */
export interface Shares {
  readonly start: Float64Array
  readonly bytes: Float64Array
  readonly packets: Float64Array
}

/** The shares of the flows of a batch. */
export class ShareColumns {
  /** The first share of each flow, in its row; NaN for its bin where a flow has none. */
  readonly first: Shares
  /** Further shares, and the row of the flow that each is of. */
  readonly more: Shares
  readonly rows: Uint32Array
  /** How many further shares there are, how many flows have none at all, and how many flows a kernel capped. */
  readonly counts: Uint32Array

  /** Makes room for batches of so many rows. */
  constructor(rows: number, make: ArrayMaker = (type, length) => new type(length)) {
    this.first = sharesOf(rows, make)
    this.more = sharesOf(MORE_SHARES, make)
    this.rows = make(Uint32Array, MORE_SHARES)
    this.counts = make(Uint32Array, 3)
  }

  get count(): number {
    return this.counts[0]!
  }

  set count(count: number) {
    this.counts[0] = count
  }

  get outside(): number {
    return this.counts[1]!
  }

  set outside(flows: number) {
    this.counts[1] = flows
  }

  get capped(): number {
    return this.counts[2]!
  }

  set capped(flows: number) {
    this.counts[2] = flows
  }
}

const sharesOf = (length: number, make: ArrayMaker): Shares => ({
  start: make(Float64Array, length),
  bytes: make(Float64Array, length),
  packets: make(Float64Array, length),
})

/** Values of a time or a counter; `checkSpread` and the columns of flows say that they are doubles. */
export function numbersOf({ columns }: Batch, name: string): Float64Array {
  const column = columns[name]
  if (column?.type === 'instant' || column?.type === 'u53') return column.values
  throw new TypeError(`spread: ${name} expected a time or a counter, got ${column?.type}`)
}
