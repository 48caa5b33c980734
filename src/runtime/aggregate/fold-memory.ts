import type { Column } from '../../flow/column.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { RuntimeError } from '../error.ts'

export interface FoldMemoryOptions {
  /** Words of a key. */
  readonly width: number
  readonly sums: number
  /** Bytes that may be used; the system gives them as they are. */
  readonly budgetBytes: number
}

/** Rows given to the kernel at once: keys and values of a slice stay in the fast caches. */
const SLICE = 4096
const FIRST_CAPACITY = 4096
/** A table is made larger when this share of it is in use: probes stay short. */
const MAX_LOAD = 0.5
/** Smaller budgets than this would hold no table worth having. */
const LEAST_BYTES = 2 << 20

/** The memory in which the fold kernels work: keys and values of a slice of rows, and a table that grows by moving to a larger place. */
export class FoldMemory {
  length = 0
  capacity = FIRST_CAPACITY
  /** Bytes of an entry, and its 32-bit words. */
  readonly strideBytes: number
  readonly #width: number
  readonly #sums: number
  readonly #instance: KernelInstance
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  /** The whole memory; it never moves, because it never grows. */
  readonly #doubles: Float64Array
  readonly #countAt: number
  readonly #keysAt: number
  readonly #valuesAt: number
  readonly #skippedAt: number
  readonly #tablesAt: number
  #tableAt: number

  constructor({ width, sums, budgetBytes }: FoldMemoryOptions) {
    this.#width = width
    this.#sums = sums
    this.#countAt = (width * 4 + 7) & ~7
    this.strideBytes = this.#countAt + 8 + sums * 8
    this.#instance = borrowKernels(Math.max(budgetBytes, LEAST_BYTES))
    this.#memory = this.#instance.memory
    this.#kernels = this.#instance.kernels
    this.#doubles = new Float64Array(this.#memory.memory.buffer)
    this.#keysAt = this.#memory.allocate(SLICE * width * 4)
    this.#valuesAt = this.#memory.allocate(SLICE * 8 * Math.max(1, sums))
    this.#skippedAt = this.#memory.allocate(SLICE)
    this.#tablesAt = this.#memory.mark
    this.#tableAt = this.#takeTable(FIRST_CAPACITY)
  }

  get strideWords(): number {
    return this.strideBytes / 4
  }

  /** The table as words: slot `s` begins at `s * strideWords`. */
  get words(): Uint32Array {
    return new Uint32Array(this.#memory.memory.buffer, this.#tableAt, this.capacity * this.strideWords)
  }

  /** Makes room for `rows` new keys; false when the budget does not allow it. */
  reserve(rows: number): boolean {
    let capacity = this.capacity
    while (this.length + rows > capacity * MAX_LOAD) capacity *= 2
    if (capacity === this.capacity) return true
    if (capacity * this.strideBytes + SLACK * 2 > this.#memory.free) return false
    const table = this.#takeTable(capacity)
    this.#kernels.foldRehash(this.#width, this.#tableAt, this.capacity - 1, table, capacity - 1, this.strideBytes)
    this.#tableAt = table
    this.capacity = capacity
    return true
  }

  /** Adds rows for which room was reserved: `words` are their keys, `values` a column for each sum, `skipped` the rows to pass over, ascending. */
  add(words: Uint32Array, values: readonly Column[], rows: number, skipped: Uint32Array): void {
    const keys = new Uint32Array(this.#memory.memory.buffer, this.#keysAt, SLICE * this.#width)
    const marks = this.#memory.bytes(this.#skippedAt, SLICE)
    let nextSkipped = 0
    for (let from = 0; from < rows; from += SLICE) {
      const count = Math.min(SLICE, rows - from)
      keys.set(words.subarray(from * this.#width, (from + count) * this.#width))
      for (const [sum, column] of values.entries()) this.#copyValues(column, sum, from, count)
      const firstSkipped = nextSkipped
      if (skipped.length > 0) marks.fill(0)
      for (; nextSkipped < skipped.length && skipped[nextSkipped]! < from + count; nextSkipped++)
        marks[skipped[nextSkipped]! - from] = 1
      this.length += this.#kernels.foldRows(
        this.#keysAt,
        this.#width,
        count,
        nextSkipped > firstSkipped ? this.#skippedAt : 0,
        this.#tableAt,
        this.capacity - 1,
        this.strideBytes,
        this.#valuesAt,
        SLICE * 8,
        this.#sums,
      )
    }
  }

  /** The slots in use. */
  slots(): Uint32Array {
    const doubles = new Float64Array(this.#memory.memory.buffer, this.#tableAt, (this.capacity * this.strideBytes) / 8)
    const slots = new Uint32Array(this.length)
    const stride = this.strideBytes / 8
    let at = this.#countAt / 8
    let found = 0
    for (let slot = 0; slot < this.capacity; slot++, at += stride) if (doubles[at] !== 0) slots[found++] = slot
    return slots
  }

  /** Number of rows of a slot's group (`sum` -1), or one of its sums. */
  stateOf(slot: number, sum: number): number {
    return this.#doubles[(this.#tableAt + slot * this.strideBytes + this.#countAt) / 8 + 1 + sum]!
  }

  clear(): void {
    this.length = 0
    this.capacity = FIRST_CAPACITY
    this.#memory.release(this.#tablesAt)
    this.#tableAt = this.#takeTable(FIRST_CAPACITY)
  }

  /** Gives the memory back; the table is gone. */
  close(): void {
    returnKernels(this.#instance)
  }

  /** An empty table of so many entries. */
  #takeTable(capacity: number): number {
    const length = capacity * this.strideBytes
    const at = this.#memory.allocate(length)
    this.#memory.bytes(at, length).fill(0)
    return at
  }

  #copyValues(column: Column, sum: number, from: number, count: number): void {
    const target = new Float64Array(this.#memory.memory.buffer, this.#valuesAt + sum * SLICE * 8, count)
    switch (column.type) {
      case 'u8':
      case 'u16':
      case 'u32':
      case 'u53':
      case 'boolean':
        target.set(column.values.subarray(from, from + count))
        break
      default:
        throw new RuntimeError('bad-program', `aggregate: sum expected unsigned numbers, got ${column.type}`)
    }
  }
}
