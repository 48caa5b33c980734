import type { Column } from '../../flow/column.ts'
import { COUNTS, PACKED_ROWS, PACKED_SUM } from '../../kernels/fold.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { MOST_BYTES } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { SCAN_SLICE as SLICE } from '../../kernels/scan.ts'
import type { GroupSection, SketchParts } from '../shuffle/group-writer.ts'
import { DirectTable } from './direct-table.ts'
import type { EntryLayout } from './entry-layout.ts'
import { EntryTable } from './entry-table.ts'
import type { FoldTarget, ScannedRows } from './fold-target.ts'
import { NO_SLICES, NO_SUM } from './fold-target.ts'
import { numbersOf, sumOf } from './numbers.ts'
import type { SliceFramesOptions } from './slice-frames.ts'
import { SliceFrames } from './slice-frames.ts'
import type { SlicedRows, SlicePlaces } from './slice-room.ts'
import { SliceRoom } from './slice-room.ts'

export interface FoldMemoryOptions {
  /** Of the entries that are given away. */
  readonly layout: EntryLayout
  /** Bytes of a key when there is an entry for every key of so many; keys are hashed otherwise. */
  readonly directBytes?: 1 | 2 | undefined
  /** Bytes that may be used; the system gives them as they are. */
  readonly budgetBytes: number
  /** What gives entries to slices of a run file; nothing does when they leave in another way. */
  readonly slices?: Pick<SliceFramesOptions, 'keySteps' | 'slices' | 'largestAt'>
}

/** The entries of a table back to back, in the memory in which kernels work on them. */
export interface PackedGroups {
  readonly entries: number
  readonly count: number
}

/** Smaller budgets than this would hold no table worth having. */
const LEAST_BYTES = 4 << 20
/** Room beside the table for who reads the rows, whose columns are then read where they lie. What is not used costs nothing. */
const READER_BYTES = 64 << 20

/** Of a direct table, what only hash tables have. */
const DIRECT = { width: 0, counting: COUNTS.none, mostEntries: 0, emptied: 0 } as const

/** The memory in which the fold kernels work: room for a slice of rows, and a table. */
export class FoldMemory {
  /** Whether rows become entries as they come. */
  appends = false
  readonly memory: KernelMemory
  readonly kernels: Kernels
  readonly #layout: EntryLayout
  /** The table of keys that have a place each; keys are hashed without it. */
  readonly #direct: DirectTable | undefined
  /** What the table is a part of; the rest is for who reads the rows. */
  readonly instance: KernelInstance
  readonly #room: SliceRoom
  readonly #table: EntryTable
  readonly #frames: SliceFrames | undefined
  /** Where entries are made that are given to slices at once. */
  readonly #rowsAt: number
  readonly #tablesAt: number
  /** Whether rows are counted in the last sum, and what that has of rows and values: an entry takes 8 bytes less. */
  #packs = false
  #packedRows = 0
  #packedSum = 0
  /** How often the table was emptied. */
  #emptied = 0

  constructor({ layout, directBytes, budgetBytes, slices }: FoldMemoryOptions) {
    this.#layout = layout
    const { width } = layout.keys
    const { strideBytes } = layout
    const sums = layout.sums.length
    const entries = directBytes ? 256 ** directBytes : 0
    const direct = directBytes ? DirectTable.bytes(directBytes, sums) + entries * strideBytes : 0
    const sketch = slices ? SliceFrames.sketchBytes(slices, strideBytes) : 0
    const least = direct + sketch + SliceFrames.bytes(entries, strideBytes, slices?.slices ?? 0) + LEAST_BYTES
    const sizeBytes = Math.min(Math.max(budgetBytes, least), MOST_BYTES)
    this.instance = borrowKernels(sizeBytes + READER_BYTES)
    this.memory = this.instance.memory.part(sizeBytes)
    this.kernels = this.instance.kernels
    this.#direct = directBytes && new DirectTable(this.memory, this.kernels, directBytes, sums)
    this.#room = new SliceRoom(this.memory, this.kernels, layout, directBytes !== undefined)
    this.#rowsAt = this.memory.allocate(SLICE * strideBytes)
    this.#frames = slices && new SliceFrames({ memory: this.memory, kernels: this.kernels, layout, ...slices })
    this.#table = new EntryTable(this.memory, this.kernels, width)
    this.#tablesAt = this.memory.mark
    this.clear()
  }

  /** Keys held, or rows where those become entries as they come. */
  get length(): number {
    return this.#direct?.length ?? (this.appends ? this.#frames!.length : this.#table.length)
  }

  /** Makes room for `rows` new keys, the sums of whose values `bounds` tells; false when the budget does not allow it. */
  reserve(rows: number, bounds: readonly number[]): boolean {
    if (this.#direct) return this.#direct.hasRoom(rows)
    if (this.appends) return rows <= this.#frames!.rowsLeft
    const sum = bounds.at(-1) ?? 0
    if (this.#packs && (this.#packedRows + rows >= PACKED_ROWS || this.#packedSum + sum >= PACKED_SUM)) {
      if (this.length > 0) return false
      this.#openTable(false)
    }
    return this.#table.reserve(rows)
  }

  /** Adds rows for which room was reserved; `bounds` is at least the sum of the values of each sum. */
  add(rows: SlicedRows, bounds: readonly number[]): void {
    this.#direct?.expect(rows.rows, bounds[1] ?? 0)
    this.#packedRows += rows.rows
    this.#packedSum += bounds.at(-1) ?? 0
    for (const slice of this.#room.slices(rows)) this.#addSlice(slice)
  }

  #addSlice({ count, keysAt, valuesAt, skippedAt }: SlicePlaces): void {
    const { keys, sums, strideBytes } = this.#layout
    if (this.#direct) {
      this.#direct.add(keysAt, count, skippedAt, valuesAt)
      return
    }
    if (this.appends) {
      const rows = [keysAt, keys.width, count, skippedAt] as const
      this.#frames!.add(
        this.#rowsAt,
        this.kernels.groupsAppend(...rows, valuesAt, sums.length, strideBytes, this.#rowsAt),
      )
      return
    }
    const counts = this.#packs ? COUNTS.packed : this.#layout.counts ? COUNTS.apart : COUNTS.none
    this.kernels.foldRows(keysAt, count, skippedAt, this.#table.at, valuesAt, sums.length, counts)
  }

  /** Where kernels add rows, when there is room for the new keys of `rows` more. */
  target(rows: number): FoldTarget | undefined {
    const { keys, counts, sums } = this.#layout
    const rooms = { keys: this.#room.keysAt, values: this.#room.valuesAt, ...NO_SLICES }
    if (this.#direct) return { ...rooms, ...this.#direct.target(), ...DIRECT }
    if (!this.appends && !this.#table.reserve(rows)) return undefined
    const { at, mostEntries } = this.#table
    const table = { width: keys.width, table: at, mostEntries, emptied: this.#emptied }
    const hashed = { ...rooms, ...table, keyBytes: 0, packed: 0, counts: 0 }
    if (this.appends || !this.#packs) {
      const counting = counts ? COUNTS.apart : COUNTS.none
      const unlimited = { counting, limited: NO_SUM, rowsLeft: Number.POSITIVE_INFINITY, sumLeft: 0 }
      return { ...hashed, ...unlimited, ...(this.appends && this.#frames!.target(this.#rowsAt)) }
    }
    const left = { rowsLeft: PACKED_ROWS - 1 - this.#packedRows, sumLeft: PACKED_SUM - 1 - this.#packedSum }
    return { ...hashed, ...left, counting: COUNTS.packed, limited: sums.length - 1 }
  }

  /** Notes what kernels have added. */
  scanned(added: ScannedRows): void {
    this.#direct?.scanned(added)
    if (this.appends) this.#frames!.length += added.rows
    this.#packedRows += added.rows
    this.#packedSum += added.sum
  }

  /** At least the sum of the first `rows` values of a column; the rounding of the additions is made good. */
  boundOf(column: Column, rows: number): number {
    const values = numbersOf(column)
    const inside = values instanceof Float64Array && this.#room.isInside(values)
    const sum = inside ? this.kernels.sumDoubles(values.byteOffset, rows) : sumOf(values, rows)
    return sum * (1 + Number.EPSILON * rows)
  }

  /** All entries of the table, back to back; after that it is of no use until it is cleared. */
  pack(): PackedGroups {
    const { memory, length: count } = this
    const { strideBytes, numbersAt } = this.#layout
    const entries = memory.mark
    if (this.#direct) this.#direct.writeEntries(strideBytes, entries)
    else if (this.#packs) this.kernels.foldUnpack(entries, count, strideBytes - 8, numbersAt)
    return { entries, count }
  }

  /** Writes all entries to a section of a run file; the memory is of no use then until it is cleared. */
  writeTo(section: GroupSection): void {
    const frames = this.#frames!
    if (!this.appends) {
      const { entries, count } = this.pack()
      frames.open(entries + count * this.#layout.strideBytes, this.#end)
      if (!frames.hasRoom(count)) throw new RangeError(`fold memory: room for ${count} entries expected, got less`)
      frames.add(entries, count)
    }
    frames.writeTo(section)
  }

  /** What is known of the sums of all entries that were written; nothing where nobody will ask. */
  get sketch(): SketchParts | undefined {
    return this.#frames?.sketch
  }

  /** Empties the memory: from now on rows become entries of their slices as they come, one each. */
  append(): void {
    this.appends = true
    this.#frames!.open(this.#tablesAt, this.#end)
  }

  /** Empties the table. */
  clear(): void {
    if (this.appends) return
    this.memory.release(this.#tablesAt)
    if (this.#direct) this.#direct.clear()
    else this.#openTable(this.#layout.counts && this.#layout.sums.length > 0)
  }

  #openTable(packs: boolean): void {
    this.#packs = packs
    this.#emptied++
    this.#packedRows = 0
    this.#packedSum = 0
    const { strideBytes } = this.#layout
    const spareBytes = strideBytes + (this.#frames ? SliceFrames.bytes(1, strideBytes, 0) : 0)
    this.#table.open({
      ...{ start: this.#tablesAt, end: this.#end, strideBytes: strideBytes - (packs ? 8 : 0), spareBytes },
    })
  }

  /** The end of what is not given away. */
  get #end(): number {
    return this.memory.mark + this.memory.free
  }

  /** Gives the memory back; the table is gone. */
  close(): void {
    returnKernels(this.instance)
  }
}
