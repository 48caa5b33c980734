import type { Batch } from '../../flow/batch.ts'
import type { BlockRows } from './read.ts'

/** Rows of a block, a page at a time and decoded as far as the caller asks; valid until the reader that gave them goes on. */
export interface RowPages {
  /** Rows that the caller is through with: those of the pages before the one at hand. */
  readonly done: number
  /** The next page with the columns that are read first; undefined behind the last, or when it cannot be read, which the reader tells once it goes on. */
  next(): BlockRows | undefined
  /** Decodes the other columns of the page at hand; false when they cannot be read, and then the page counts as never given. */
  complete(): boolean
  /** Only of pages that kernels can read: has `scan` read from the next page on, and goes on where it stopped. */
  scan?(scan: PageScan): void
}

/** Reads pages from number `from` on; returns the number of the one before which it stopped. */
export type PageScan = (pages: PackedPages, from: number) => number

/** The pages of a row group as kernels are told of them; see `readPages` (assembly/pages.ts). */
export interface PackedPages {
  /** The columns that they are decoded into, the same for all row groups of a block. */
  readonly batch: Batch
  readonly columnsAt: number
  /** Leaves that are read before rows are chosen, and leaves in all. */
  readonly first: number
  readonly count: number
  /** Rows of the row group. */
  readonly rows: number
  readonly scratch: number
  readonly dense: number
}

/** Rows that are decoded already. */
export class WholePage implements RowPages {
  done = 0
  #isGiven = false
  readonly #rows: BlockRows

  constructor(rows: BlockRows) {
    this.#rows = rows
  }

  next(): BlockRows | undefined {
    if (this.#isGiven) {
      this.done = this.#rows.batch.length
      return undefined
    }
    this.#isGiven = true
    return this.#rows
  }

  complete(): boolean {
    return true
  }
}
