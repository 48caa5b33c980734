import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { gatherRows } from '../../flow/gather.ts'
import type { RecordSink } from '../shuffle/cursor.ts'
import { columnOf } from './aggregate-set.ts'
import type { EntryLayout } from './entry-layout.ts'
import { FoldMemory } from './fold-memory.ts'
import type { GroupLayout } from './group-layout.ts'
import type { EntryWriter } from './group-records.ts'
import { entryWriter } from './group-records.ts'
import type { WidePacker } from './wide-packer.ts'

export interface WideFoldOptions {
  readonly layout: GroupLayout
  readonly key: readonly ColumnSpec[]
  readonly value: readonly ColumnSpec[]
  readonly budgetBytes: number
}

/**
 * Groups with an address in their key that is not of IPv4, folded by the kernel that folds all others: an address takes five words of a key here. They leave as records, as an
 * `AggregateTable` writes them, because their keys differ in length.
 */
export class WideFold {
  readonly #layout: EntryLayout<WidePacker>
  readonly #key: readonly string[]
  readonly #columns: readonly ColumnSpec[]
  readonly #memory: FoldMemory
  readonly #write: EntryWriter
  /** The rows at hand, moved together in kernel memory. */
  #rows: Batch | undefined

  constructor({ layout, key, value, budgetBytes }: WideFoldOptions) {
    this.#layout = layout.wide()
    this.#key = key.map(({ name }) => name)
    this.#columns = [...key, ...value.filter(({ name }) => layout.sums.includes(name))]
    this.#memory = new FoldMemory({ layout: this.#layout, budgetBytes })
    this.#write = entryWriter(this.#layout)
  }

  get length(): number {
    return this.#memory.length
  }

  /** Makes room for so many new keys; false when the budget does not allow it. `bounds` are at least the sums of their values. */
  reserve(rows: number, bounds: readonly number[]): boolean {
    return this.#memory.reserve(rows, bounds)
  }

  /** Adds rows `rows[0 .. count)` of a batch, for which room was reserved. */
  add(batch: Batch, rows: Uint32Array, count: number, bounds: readonly number[]): void {
    const { memory } = this.#memory.instance
    if (!this.#rows || this.#rows.capacity < count)
      this.#rows = createBatch(this.#columns, batch.capacity, (type, length) => memory.array(type, length))
    const gathered = this.#rows
    gatherRows(batch, rows, count, gathered)
    const { keys, sums } = this.#layout
    const parts = keys.parts(this.#key.map((name) => columnOf(gathered, name)))
    const values = sums.map((name) => columnOf(gathered, name))
    this.#memory.add({ keys: parts, values, rows: count, skipped: NONE }, bounds)
  }

  /** Writes every group in order of partition and key; it is of no use then until it is cleared. */
  writeTo(sink: RecordSink, partitions: number): void {
    const { entries, count } = this.#memory.pack()
    const { buffer } = this.#memory.memory.memory
    this.#write(new Uint32Array(buffer, entries, (count * this.#layout.strideBytes) / 4), sink, partitions)
  }

  clear(): void {
    this.#memory.clear()
  }

  /** Gives its memory back. */
  close(): void {
    this.#memory.close()
  }
}

const NONE = new Uint32Array(0)
