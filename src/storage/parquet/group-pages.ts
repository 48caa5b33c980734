import type { BlockRows } from '../block/read.ts'
import type { PageScan, RowPages } from '../block/row-pages.ts'
import type { PagePlace } from './layout.ts'
import type { GroupReader } from './read-group.ts'
import { PAGE_ROWS } from './rows.ts'

/** How far a block has been read: rows of a chunk that the caller is through with. */
export interface Progress {
  chunk: number
  rows: number
}

export interface GroupPagesOptions {
  readonly reader: GroupReader
  readonly place: PagePlace
  /** How many leaves are read first. */
  readonly first: number
  /** Rows of the row group, and the number of the first within the block. */
  readonly rows: number
  readonly firstRecord: number
  /** Kept up to date. */
  readonly progress: Progress
}

/** The pages of one row group that have not been handed out. */
export class GroupPages implements RowPages {
  readonly #options: GroupPagesOptions
  readonly #before: number
  /** Rows up to the end of the page at hand. */
  #end: number
  #error: { readonly cause: unknown } | undefined

  constructor(options: GroupPagesOptions) {
    this.#options = options
    this.#before = options.progress.rows
    this.#end = this.#before
  }

  get done(): number {
    return this.#options.progress.rows - this.#before
  }

  next(): BlockRows | undefined {
    const { place, first, rows, firstRecord, progress } = this.#options
    progress.rows = this.#end
    if (this.#error || progress.rows >= rows) return undefined
    const length = Math.min(PAGE_ROWS, rows - progress.rows)
    if (!this.#read(0, first, length)) return undefined
    this.#end = progress.rows + length
    place.batch.length = length
    return { batch: place.batch, firstRecord: firstRecord + progress.rows }
  }

  complete(): boolean {
    const { place, first, progress } = this.#options
    if (first === place.targets.length || this.#read(first, place.targets.length, place.batch.length)) return true
    this.#end = progress.rows
    return false
  }

  scan(scan: PageScan): void {
    const { reader, place, first, rows, progress } = this.#options
    progress.rows = this.#end
    if (this.#error || progress.rows >= rows || !reader.isPlain()) return
    const { batch, columnsAt, scratch, dense, targets } = place
    const pages = { batch, columnsAt, first, count: targets.length, rows, scratch, dense }
    this.#end = Math.min(rows, scan(pages, progress.rows / PAGE_ROWS) * PAGE_ROWS)
    progress.rows = this.#end
  }

  /** Throws what kept a page from being read. */
  check(): void {
    if (this.#error) throw this.#error.cause
  }

  #read(from: number, to: number, length: number): boolean {
    const { reader, progress } = this.#options
    try {
      reader.read(from, to, progress.rows / PAGE_ROWS, length)
      return true
    } catch (cause) {
      this.#error = { cause }
      return false
    }
  }
}
