import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { MOST_BYTES, SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { FRAME_BYTES } from '../shuffle/run-file.ts'
import type { GroupLayout, RowLayout } from './group-layout.ts'

/** Some of the keys: those whose hash has `pass` under `mask`. */
export interface KeyShare {
  readonly mask: number
  readonly pass: number
}

const FIRST_CAPACITY = 4096
/** Probes stay short, and entries moved together leave room for as many again. */
const MAX_LOAD = 0.5
/** Smaller budgets than this would hold no table worth having. */
const LEAST_BYTES = 2 << 20
/** Programs, digits and the counters of a sort. */
const WORK_BYTES = 96 << 10
const SORT_BYTES = 64 << 10

/**
 * The memory of the reduce side of groups: gathers the entries of share after share, each added up in a small table behind those that are kept, until they are sorted and written
 * as rows. There is always room to sort what is kept.
 */
export class GroupMemory {
  /** Entries kept. */
  kept = 0
  readonly #layout: GroupLayout
  readonly #instance: KernelInstance
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #workAt: number
  readonly #frameAt: number
  readonly #keptAt: number
  #tableAt = 0
  #capacity = 0
  #length = 0

  constructor(layout: GroupLayout, budgetBytes: number) {
    this.#layout = layout
    this.#instance = borrowKernels(Math.min(Math.max(budgetBytes, LEAST_BYTES), MOST_BYTES))
    this.#memory = this.#instance.memory
    this.#kernels = this.#instance.kernels
    this.#workAt = this.#memory.allocate(WORK_BYTES)
    this.#frameAt = this.#memory.allocate(FRAME_BYTES)
    this.#keptAt = this.#memory.mark
  }

  /** Begins a table, for about so many keys, and forgets the one before; false when there is no room for any. */
  start(keys: number): boolean {
    this.#memory.release(this.#keptAt)
    if (this.kept > 0) this.#memory.allocate(this.kept * this.#layout.strideBytes)
    this.#length = 0
    let capacity = FIRST_CAPACITY
    while (capacity * MAX_LOAD < keys && this.#hasRoom(capacity * 2)) capacity *= 2
    return this.#hasRoom(capacity) && this.#takeTable(capacity)
  }

  /** Adds a frame of entries, those of a share; false when they do not fit. */
  add(entries: Uint8Array, { mask, pass }: KeyShare): boolean {
    const { strideBytes, packer } = this.#layout
    const count = entries.length / strideBytes
    if (!this.#reserve(count)) return false
    this.#memory.bytes(this.#frameAt, entries.length).set(entries)
    const table = [this.#tableAt, this.#capacity - 1, strideBytes] as const
    this.#length += this.#kernels.groupsAdd(this.#frameAt, count, packer.width, ...table, mask, pass)
    return true
  }

  /** Keeps the entries of the table. */
  keep(): void {
    const { strideBytes, countAt } = this.#layout
    this.#kernels.groupsCompact(this.#tableAt, this.#capacity, strideBytes, countAt)
    const to = this.#keptAt + this.kept * strideBytes
    const bytes = this.#memory.bytes(0, this.#memory.sizeBytes)
    bytes.copyWithin(to, this.#tableAt, this.#tableAt + this.#length * strideBytes)
    this.kept += this.#length
  }

  /** Sorts what is kept, hands on frames of rows with their number, and is empty. */
  drain({ steps, digits, recordBytes }: RowLayout, take: (frame: Uint8Array, rows: number) => void): void {
    const { strideBytes, countAt } = this.#layout
    const { buffer } = this.#memory.memory
    const [entries, kept, work] = [this.#keptAt, this.kept, this.#workAt]
    const digitsAt = work + SORT_BYTES
    const stepsAt = digitsAt + digits.length * 4
    new Uint32Array(buffer, digitsAt, digits.length).set(digits)
    new Uint32Array(buffer, stepsAt, steps.length).set(steps)
    this.#kernels.groupsIntegers(entries, kept, strideBytes, countAt)
    const scratch = entries + kept * strideBytes
    this.#kernels.groupsSort(entries, kept, strideBytes, digitsAt, digits.length, scratch, work)
    const most = Math.floor(FRAME_BYTES / recordBytes)
    for (let first = 0; first < kept; first += most) {
      const rows = Math.min(most, kept - first)
      this.#kernels.groupsWrite(
        ...([entries + first * strideBytes, rows, strideBytes] as const),
        ...([stepsAt, steps.length, this.#frameAt] as const),
      )
      take(this.#memory.bytes(this.#frameAt, rows * recordBytes), rows)
    }
    this.kept = 0
  }

  /** Gives the memory back. */
  close(): void {
    returnKernels(this.#instance)
  }

  /** Whether there is room for a table behind what is kept, and then for sorting both. */
  #hasRoom(capacity: number): boolean {
    const { strideBytes } = this.#layout
    return capacity * strideBytes + SLACK * 2 + this.kept * strideBytes <= this.#memory.free
  }

  #takeTable(capacity: number): true {
    const length = capacity * this.#layout.strideBytes
    this.#tableAt = this.#memory.allocate(length)
    this.#memory.bytes(this.#tableAt, length).fill(0)
    this.#capacity = capacity
    return true
  }

  #reserve(count: number): boolean {
    let capacity = this.#capacity
    while (this.#length + count > capacity * MAX_LOAD) capacity *= 2
    if (capacity === this.#capacity) return true
    if (!this.#hasRoom(capacity)) return false
    const [from, fromMask] = [this.#tableAt, this.#capacity - 1]
    this.#takeTable(capacity)
    const { strideBytes, packer } = this.#layout
    this.#kernels.foldRehash(packer.width, from, fromMask, this.#tableAt, capacity - 1, strideBytes)
    return true
  }
}
