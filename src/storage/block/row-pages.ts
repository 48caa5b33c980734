import type { BlockRows } from './read.ts'

/** Rows of a block, a page at a time and decoded as far as the caller asks; valid until the reader that gave them goes on. */
export interface RowPages {
  /** Rows that the caller is through with: those of the pages before the one at hand. */
  readonly done: number
  /** The next page with the columns that are read first; undefined behind the last, or when it cannot be read, which the reader tells once it goes on. */
  next(): BlockRows | undefined
  /** Decodes the other columns of the page at hand; false when they cannot be read, and then the page counts as never given. */
  complete(): boolean
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
