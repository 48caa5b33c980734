import type { Column } from '../../flow/column.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { MOST_BYTES, SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { RuntimeError } from '../error.ts'
import { DirectTable } from './direct-table.ts'
import type { KeyPart } from './word-packer.ts'

export interface FoldMemoryOptions {
  /** Words of a key. */
  readonly width: number
  readonly sums: number
  /** Bytes of a key when there is an entry for every key of so many; keys are hashed otherwise. */
  readonly directBytes?: 1 | 2 | undefined
  /** Bytes that may be used; the system gives them as they are. */
  readonly budgetBytes: number
  /** Slices that groups are given to. */
  readonly slices: number
}

/** The entries of a table moved together, in the memory in which kernels work on them. As many bytes again are free at `scratch`. */
export interface PackedGroups {
  readonly entries: number
  readonly count: number
  readonly scratch: number
  /** Room for a program and a key. */
  readonly work: number
  /** Room for two bytes of each entry. */
  readonly chosen: number
  /** Room for an end and a total of each slice. */
  readonly ends: number
  readonly totals: number
}

/** Rows given to the kernel at once: what has to be copied of a slice stays in the fast caches. */
const SLICE = 4096
const FIRST_CAPACITY = 4096
/** A table is made larger when this share of it is in use: probes stay short, and its entries, moved together, leave room for as many again. */
const MAX_LOAD = 0.5
/** Smaller budgets than this would hold no table worth having. */
const LEAST_BYTES = 4 << 20
/** Room beside the table for who reads the rows, whose columns are then read where they lie. What is not used costs nothing. */
const READER_BYTES = 64 << 20
/** Entries appended before they are written out, at most. */
const APPENDED = 1 << 20
/** Bytes of `PackedGroups.work`. */
const WORK_BYTES = 4 << 10

/** The memory in which the fold kernels work: keys and values of a slice of rows where they have to be copied, and a table that grows by moving to a larger place. */
export class FoldMemory {
  /** Entries for which there is room. */
  capacity = 0
  /** Whether rows become entries as they come. */
  appends = false
  /** Bytes of an entry. */
  readonly strideBytes: number
  /** Where the number of rows of an entry stands, and behind it the sums: doubles. */
  readonly countAt: number
  readonly memory: KernelMemory
  readonly kernels: Kernels
  readonly #width: number
  readonly #sums: number
  /** The table of keys that have a place each; keys are hashed without it. */
  readonly #direct: DirectTable | undefined
  /** What the table is a part of; the rest is for who reads the rows. */
  readonly instance: KernelInstance
  readonly #keysAt: number
  /** Where values of keys are copied that do not lie in this memory. */
  readonly #partAt: number
  readonly #valuesAt: number
  /** Addresses of the values of each sum, for the kernel. */
  readonly #addresses: Uint32Array
  readonly #skippedAt: number
  readonly #workAt: number
  readonly #endsAt: number
  readonly #totalsAt: number
  readonly #tablesAt: number
  #tableAt = 0
  #length = 0

  constructor({ width, sums, directBytes, budgetBytes, slices }: FoldMemoryOptions) {
    this.#width = width
    this.#sums = sums
    this.countAt = (width * 4 + 7) & ~7
    this.strideBytes = this.countAt + 8 + sums * 8
    const entries = directBytes ? 256 ** directBytes * this.strideBytes * 2 : 0
    const direct = directBytes ? DirectTable.bytes(directBytes, sums) + entries : 0
    const sizeBytes = Math.min(Math.max(budgetBytes, direct + slices * 12 + LEAST_BYTES), MOST_BYTES)
    this.instance = borrowKernels(sizeBytes + READER_BYTES)
    this.memory = this.instance.memory.part(sizeBytes)
    this.kernels = this.instance.kernels
    this.#direct = directBytes && new DirectTable(this.memory, this.kernels, directBytes, sums)
    this.#keysAt = this.memory.allocate(SLICE * width * 4)
    this.#partAt = this.memory.allocate(SLICE * 8)
    this.#valuesAt = this.memory.allocate(SLICE * 8 * Math.max(1, sums))
    const addressesAt = this.memory.allocate(sums * 4)
    this.#addresses = new Uint32Array(this.memory.memory.buffer, addressesAt, sums)
    this.#skippedAt = this.memory.allocate(SLICE)
    this.#workAt = this.memory.allocate(WORK_BYTES)
    this.#endsAt = this.memory.allocate(slices * 4)
    this.#totalsAt = this.memory.allocate(slices * 8)
    this.#tablesAt = this.memory.mark
    this.clear()
  }

  /** Keys held, or rows where those become entries as they come. */
  get length(): number {
    return this.#direct?.length ?? this.#length
  }

  /** Makes room for `rows` new keys; false when the budget does not allow it. */
  reserve(rows: number): boolean {
    if (this.#direct) return this.#direct.hasRoom(rows)
    if (this.appends) return this.length + rows <= this.capacity
    let capacity = this.capacity
    while (this.length + rows > capacity * MAX_LOAD) capacity *= 2
    if (capacity === this.capacity) return true
    if (capacity * this.strideBytes + chosenBytes(capacity * MAX_LOAD) + SLACK * 4 > this.memory.free) return false
    const table = this.#takeTable(capacity)
    this.kernels.foldRehash(this.#width, this.#tableAt, this.capacity - 1, table, capacity - 1, this.strideBytes)
    this.#tableAt = table
    this.capacity = capacity
    return true
  }

  /**
   * Adds rows for which room was reserved: `keys` are the parts of the key, `values` has a column for each sum and `bounds` at least the sum of its rows, `skipped` the rows to pass
   * over, ascending.
   */
  add(
    keys: readonly KeyPart[],
    values: readonly Column[],
    bounds: readonly number[],
    rows: number,
    skipped: Uint32Array,
  ): void {
    const arrays = values.map(numbersOf)
    this.#direct?.expect(rows, bounds[1] ?? 0)
    let next = 0
    for (let from = 0; from < rows; from += SLICE) {
      const count = Math.min(SLICE, rows - from)
      const keysAt = this.#placeKeys(keys, from, count)
      for (let sum = 0; sum < arrays.length; sum++)
        this.#addresses[sum] = this.#placeValues(arrays[sum]!, sum, from, count)
      const first = next
      while (next < skipped.length && skipped[next]! < from + count) next++
      const skippedAt = next === first ? 0 : this.#mark(skipped.subarray(first, next), from)
      const valuesAt = this.#addresses.byteOffset
      if (this.#direct) this.#direct.add(keysAt, count, skippedAt, valuesAt)
      else this.#length += this.#addSlice(keysAt, count, skippedAt, valuesAt)
    }
  }

  #addSlice(keysAt: number, count: number, skippedAt: number, valuesAt: number): number {
    const { kernels, strideBytes } = this
    const [width, sums, table] = [this.#width, this.#sums, this.#tableAt]
    if (this.appends) {
      const end = table + this.length * strideBytes
      return kernels.groupsAppend(keysAt, width, count, skippedAt, valuesAt, sums, strideBytes, end)
    }
    return kernels.foldRows(keysAt, width, count, skippedAt, table, this.capacity - 1, strideBytes, valuesAt, sums)
  }

  /** At least the sum of the first `rows` values of a column; the rounding of the additions is made good. */
  boundOf(column: Column, rows: number): number {
    const values = numbersOf(column)
    const inside = values instanceof Float64Array && this.#isInside(values)
    const sum = inside ? this.kernels.sumDoubles(values.byteOffset, rows) : sumOf(values, rows)
    return sum * (1 + Number.EPSILON * rows)
  }

  /** Moves all entries together; after that the table is of no use until it is cleared. What is given is free again for the next who takes memory. */
  pack(): PackedGroups {
    const { strideBytes, memory } = this
    const { mark } = memory
    const direct = this.#direct !== undefined
    const entries = direct ? memory.allocate(this.length * strideBytes) : this.#tableAt
    const count = this.#packInto(entries)
    const scratch = direct ? memory.allocate(count * strideBytes) : entries + count * strideBytes
    const chosen = memory.allocate(chosenBytes(count))
    memory.release(mark)
    const rooms = { work: this.#workAt, ends: this.#endsAt, totals: this.#totalsAt, chosen }
    return { entries, count, scratch, ...rooms }
  }

  #packInto(entries: number): number {
    const { kernels, strideBytes, capacity } = this
    if (this.appends) return this.length
    if (this.#direct) return this.#direct.writeEntries(entries)
    return kernels.groupsCompact(entries, capacity, strideBytes, this.countAt)
  }

  /** Empties the memory: from now on rows become entries as they come, one each. */
  append(): void {
    this.memory.release(this.#tablesAt)
    this.#length = 0
    this.appends = true
    const entryBytes = this.strideBytes * 2 + chosenBytes(1)
    this.capacity = Math.min(APPENDED, Math.floor((this.memory.free - SLACK * 8) / entryBytes))
    this.#tableAt = this.memory.allocate(this.capacity * 2 * this.strideBytes)
  }

  /** Empties the table. */
  clear(): void {
    this.#length = 0
    if (this.appends) return
    this.memory.release(this.#tablesAt)
    if (this.#direct) {
      this.#direct.clear()
      return
    }
    this.capacity = FIRST_CAPACITY
    this.#tableAt = this.#takeTable(this.capacity)
  }

  /** Gives the memory back; the table is gone. */
  close(): void {
    returnKernels(this.instance)
  }

  /** An empty table of so many entries. */
  #takeTable(capacity: number): number {
    const length = capacity * this.strideBytes
    const at = this.memory.allocate(length)
    this.memory.bytes(at, length).fill(0)
    return at
  }

  #isInside(array: ArrayBufferView): boolean {
    return array.buffer === this.memory.memory.buffer
  }

  /** Where the kernel finds the keys of a slice: a column that is all of the key where it lies, the words of several packed. */
  #placeKeys(parts: readonly KeyPart[], from: number, count: number): number {
    const width = this.#width
    const [first] = parts
    if (first && (this.#direct || (width === 1 && first.values.BYTES_PER_ELEMENT === 4)))
      return this.#placePart(first, from, count, this.#keysAt)
    for (const part of parts) {
      const src = this.#placePart(part, from, count, this.#partAt)
      const dst = this.#keysAt + part.word * 4
      const { values, flip } = part
      if (values instanceof Float64Array) this.kernels.packDoubles(src, flip, count, dst, width)
      else if (values instanceof BigUint64Array || values instanceof BigInt64Array)
        this.kernels.packLongs(src, flip, count, dst, width)
      else this.kernels.packWords(src, values.BYTES_PER_ELEMENT, count, dst, width)
    }
    return this.#keysAt
  }

  /** Where the values of a slice lie, or have been copied. */
  #placePart({ values }: KeyPart, from: number, count: number, place: number): number {
    const size = values.BYTES_PER_ELEMENT
    const at = values.byteOffset + from * size
    if (this.#isInside(values)) return at
    this.memory.bytes(place, count * size).set(new Uint8Array(values.buffer, at, count * size))
    return place
  }

  #placeValues(values: Numbers, sum: number, from: number, count: number): number {
    if (values instanceof Float64Array && this.#isInside(values)) return values.byteOffset + from * 8
    const at = this.#valuesAt + sum * SLICE * 8
    new Float64Array(this.memory.memory.buffer, at, count).set(values.subarray(from, from + count))
    return at
  }

  #mark(skipped: Uint32Array, from: number): number {
    const marks = this.memory.bytes(this.#skippedAt, SLICE)
    marks.fill(0)
    for (let i = 0; i < skipped.length; i++) marks[skipped[i]! - from] = 1
    return this.#skippedAt
  }
}

/** Room to write down for so many entries which slice each belongs to. */
const chosenBytes = (entries: number): number => entries * 2

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

function numbersOf(column: Column): Numbers {
  switch (column.type) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53':
    case 'boolean':
      return column.values
    default:
      throw new RuntimeError('bad-program', `aggregate: sum expected unsigned numbers, got ${column.type}`)
  }
}

function sumOf(values: { readonly [row: number]: number }, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += values[i]!
  return sum
}
