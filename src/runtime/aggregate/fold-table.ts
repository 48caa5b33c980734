import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { Program } from '../program.ts'
import type { GroupSection, SketchParts } from '../shuffle/group-writer.ts'
import { sharesOf } from '../shuffle/run-file.ts'
import { columnOf } from './aggregate-set.ts'
import { FoldMemory } from './fold-memory.ts'
import type { FoldTarget, ScannedRows } from './fold-target.ts'
import { GroupLayout } from './group-layout.ts'
import type { TableOptions } from './table.ts'
import { AggregateTable } from './table.ts'
import { WideFold } from './wide-fold.ts'

/** Doubles count exactly to here. */
const EXACT = Number.MAX_SAFE_INTEGER

/** Part of the budget for rows that are not in the table itself: keys of IPv6, or, when that table is empty, batches whose sums the kernel might not hold. */
const OTHERS_SHARE = 0.25

/**
 * A table of this many keys is looked at, for it is about to leave the fast caches: when more than so many of its rows had a new one, it is of little use; when a key had so many rows, it has done its work, and writing it out costs
 * less than waiting for memory with every row from now on.
 */
const MANY = 1 << 16
const MOSTLY = 0.6
const OFTEN = 3

export interface FoldTableOptions extends TableOptions {
  readonly partitions: number
  /** The order of the result, where only its first rows are wanted. */
  readonly firstOf?: Program['sort'] | undefined
}

/**
 * An `AggregateTable` for the common shape, keys of a few words with counts and unsigned sums, folded by a kernel in one memory. Rows with addresses of IPv6 are folded in another beside it,
 * batches with very large sums go to a general table. All are written out as a section of a run file: entries as they are, which the reduce side adds up again, and records.
 */
export class FoldTable {
  readonly #layout: GroupLayout
  readonly #memory: FoldMemory
  readonly #general: AggregateTable
  readonly #key: readonly ColumnSpec[]
  #wide = new Uint32Array(0)
  /** Made for the first row with an address of IPv6. */
  #wideFold: WideFold | undefined
  readonly #value: readonly ColumnSpec[]
  readonly #othersBytes: number
  /** No sum of this table is above this. */
  #bound = 0
  /** Rows added. */
  #rows = 0
  /** Whether the general table may hold keys that the kernel's holds in another section. */
  #overlaps = false

  /** A table for a program of the common shape, undefined for any other. */
  static for(options: FoldTableOptions): FoldTable | undefined {
    const layout = GroupLayout.for(options)
    return layout && new FoldTable(options, layout)
  }

  private constructor(options: FoldTableOptions, layout: GroupLayout) {
    const { key, value, aggregates, budgetBytes, partitions, firstOf } = options
    const others = Math.floor(budgetBytes * OTHERS_SHARE)
    this.#layout = layout
    this.#key = key
    this.#value = value
    this.#othersBytes = others
    this.#general = new AggregateTable({ key, value, aggregates, budgetBytes: others })
    const { directBytes } = layout.keys
    const largestAt = firstOf && layout.largestAt(firstOf)
    const slices = { keySteps: layout.keySteps, slices: partitions * sharesOf(partitions), largestAt }
    this.#memory = new FoldMemory({ layout, directBytes, slices, budgetBytes: budgetBytes - others })
  }

  /** Bytes of an entry. */
  get entryBytes(): number {
    return this.#layout.strideBytes
  }

  /** Memory in which columns can be read where they lie. */
  get kernels(): KernelInstance {
    return this.#memory.instance
  }

  /** Groups held. */
  get length(): number {
    return this.#memory.length + this.#general.length + (this.#wideFold?.length ?? 0)
  }

  /** Adds a batch, or returns false, having added nothing, when it could take more than the budget. An empty table takes any batch. */
  add(batch: Batch): boolean {
    const { length } = batch
    if (length === 0) return true
    const { keys, sums } = this.#layout
    const columns = this.#key.map(({ name }) => columnOf(batch, name))
    if (this.#wide.length < length) this.#wide = new Uint32Array(length)
    const wide = keys.findWide(columns, length, this.#wide)
    const values = sums.map((name) => columnOf(batch, name))
    if (this.#isMostlyNew() || this.#isDone()) return false
    const bounds = values.map((column) => this.#memory.boundOf(column, length))
    const bound = Math.max(0, ...bounds)
    if (this.#bound + bound > EXACT || !this.#memory.reserve(length, bounds)) return this.#addGeneral(batch)
    if (wide > 0 && !this.#addWide(batch, wide, bounds)) return this.#addGeneral(batch)
    this.#bound += bound
    this.#rows += length
    this.#memory.add({ keys: keys.parts(columns), values, rows: length, skipped: this.#wide.subarray(0, wide) }, bounds)
    return true
  }

  /** Where kernels may add rows beside `add`; `boundLeft` is what the bounds of all sums may come to. Undefined when `add` has to see the next rows. */
  target(rows: number): (FoldTarget & { readonly boundLeft: number }) | undefined {
    const target = this.#isMostlyNew() || this.#isDone() ? undefined : this.#memory.target(rows)
    return target && { ...target, boundLeft: EXACT - this.#bound }
  }

  /** Notes what kernels have added. */
  scanned(added: ScannedRows): void {
    this.#memory.scanned(added)
    this.#bound += added.bound
    this.#rows += added.rows
  }

  /** Where in a key the words of each key column begin, and the value columns that are summed. */
  get shape(): { readonly offsets: readonly number[]; readonly sums: readonly string[] } {
    return { offsets: this.#layout.keys.offsets, sums: this.#layout.sums }
  }

  /** What is known of the sums of all entries that were written; nothing where nobody will ask. */
  get sketch(): SketchParts | undefined {
    return this.#memory.sketch
  }

  /** Writes every group as a section of a run file; the table is of no use until it is cleared. */
  writeTo(section: GroupSection): void {
    this.#memory.writeTo(section)
    const others = this.#general.length > 0 ? this.#general : this.#wideFold
    others?.writeTo(section.records(this.#overlaps), section.partitions)
  }

  clear(): void {
    if (this.#isMostlyNew()) this.#memory.append()
    else this.#memory.clear()
    this.#rows = 0
    this.#general.clear()
    this.#wideFold?.clear()
    this.#bound = 0
    this.#overlaps = false
  }

  /** Gives its memory back; the table is gone. */
  close(): void {
    this.#wideFold?.close()
    this.#memory.close()
  }

  /** Whether the table has filled up with keys few of which came twice: then adding up is left to the reduce side, which has them all. */
  #isMostlyNew(): boolean {
    if (this.#layout.keys.isDirect || this.#memory.appends) return false
    const { length } = this.#memory
    return length >= MANY && length > this.#rows * MOSTLY
  }

  /** Whether the table has filled up with keys that came so often that it is better to begin anew: those of the rows to come may be others, as where keys have times. */
  #isDone(): boolean {
    if (this.#layout.keys.isDirect || this.#memory.appends) return false
    const { length } = this.#memory
    return length >= MANY && this.#rows >= length * OFTEN
  }

  /** A batch that the kernel cannot take: alone in an empty table it goes the general way, otherwise the table is written out first. */
  #addGeneral(batch: Batch): boolean {
    if (this.length > 0) return false
    this.#overlaps = true
    return this.#general.add(batch)
  }

  /** Folds the rows with addresses of IPv6, unless there is no room, or the general table holds such rows already: only one of the two leaves records. */
  #addWide(batch: Batch, count: number, bounds: readonly number[]): boolean {
    if (this.#general.length > 0) return false
    this.#wideFold ??= new WideFold({
      ...{ layout: this.#layout, key: this.#key, value: this.#value, budgetBytes: this.#othersBytes },
    })
    if (!this.#wideFold.reserve(count, bounds)) return false
    this.#wideFold.add(batch, this.#wide, count, bounds)
    return true
  }
}
