import type { Batch } from '../../flow/batch.ts'
import type { ArrayMaker } from '../../flow/column.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { PAGE_ROWS } from '../../storage/parquet/rows.ts'
import type { Spread } from '../../vocabulary/prorate.ts'
import { roomIn } from './room.ts'
import type { Shares } from './shares.ts'
import { numbersOf, ShareColumns } from './shares.ts'

/** Kernel memory that must be free for shares to be made there: several times what they take. */
const WORKSHOP_BYTES = 8 << 20

/** The columns of flows that the kernel reads, in its order. */
const READ = ['start', 'end', 'bytes', 'packets'] as const

/** Proration by `spreadRows` (assembly/spread.ts). Shares are made in kernel memory, where tables read them; `Spreader` does the same in TypeScript. */
export class SpreadKernel {
  readonly shares: ShareColumns
  /** Makes what else is to lie there. */
  readonly make: ArrayMaker
  readonly #kernels: Kernels
  readonly #spread: Spread
  readonly #binMs: number
  /** Addresses of the columns of flows, then of shares. */
  readonly #places: Uint32Array
  /** Where columns of flows are copied that do not lie in this memory. */
  readonly #copies: Float64Array[]

  /** Takes a part of the memory, if enough of it is free. */
  static in(kernels: KernelInstance | undefined, binMs: number, spread: Spread): SpreadKernel | undefined {
    const make = roomIn(kernels, WORKSHOP_BYTES)
    return kernels && make && new SpreadKernel(kernels, make, binMs, spread)
  }

  private constructor({ kernels }: KernelInstance, make: ArrayMaker, binMs: number, spread: Spread) {
    this.make = make
    this.#kernels = kernels
    this.#binMs = binMs
    this.#spread = spread
    this.shares = new ShareColumns(PAGE_ROWS, make)
    this.#copies = READ.map(() => make(Float64Array, PAGE_ROWS))
    const { first, more, rows } = this.shares
    const targets = [...addressesOf(first), ...addressesOf(more), rows.byteOffset]
    this.#places = make(Uint32Array, READ.length + targets.length)
    this.#places.set(targets, READ.length)
  }

  /** Takes the columns of a batch; false when it has too many rows. */
  bind(batch: Batch): boolean {
    if (batch.length > PAGE_ROWS) return false
    const { bytes, packets } = this.#spread
    const { first } = this.shares
    const lacking = { bytes: bytes ? undefined : first.bytes, packets: packets ? undefined : first.packets }
    for (const [i, name] of READ.entries()) {
      const own = name === 'bytes' || name === 'packets' ? lacking[name] : undefined
      this.#places[i] = (own ?? this.#inside(numbersOf(batch, name), batch.length, this.#copies[i]!)).byteOffset
    }
    return true
  }

  /** Spreads the flows of rows [from, rows); returns the row before which there was no room for more shares, or `rows`. */
  spread(from: number, rows: number): number {
    const { counts, more } = this.shares
    const { from: periodFrom, to: periodTo } = this.#spread
    return this.#kernels.spreadRows(
      ...([this.#places.byteOffset, from, rows, this.#binMs, periodFrom, periodTo] as const),
      ...([more.start.length, counts.byteOffset] as const),
    )
  }

  #inside(values: Float64Array, length: number, copy: Float64Array): Float64Array {
    if (values.buffer === copy.buffer) return values
    copy.set(values.subarray(0, length))
    return copy
  }
}

const addressesOf = ({ start, bytes, packets }: Shares): number[] => [
  start.byteOffset,
  bytes.byteOffset,
  packets.byteOffset,
]
