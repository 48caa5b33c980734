import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import { TABLE_WORDS } from '../../kernels/table.ts'

/** Slots of an empty table. */
const FIRST_SLOTS = 8192
/** Slots become more when this share of them is in use, as probes shall be short, or when more than that could be before the next look. */
const MAX_LOAD = 0.6
const MOST_LOAD = 0.85
const ALIGNMENT = 16

export interface EntryRoom {
  /** Where entries begin, and the end of what the table may use. */
  readonly start: number
  readonly end: number
  /** Bytes of an entry. */
  readonly strideBytes: number
  /** Bytes that must be there for each entry once the slots are no longer needed. */
  readonly spareBytes: number
}

/** A hash table as kernels know it (assembly/table.ts), in a room that is given: entries grow from its start, slots lie at its end, and are filled anew when they have to be more. */
export class EntryTable {
  /** Where it is described for kernels. */
  readonly at: number
  readonly #words: Uint32Array
  readonly #kernels: Kernels
  readonly #width: number
  #room: EntryRoom = { start: 0, end: 0, strideBytes: 0, spareBytes: 0 }

  /** A table of keys of `width` words, which has no room yet. */
  constructor(memory: KernelMemory, kernels: Kernels, width: number) {
    this.at = memory.allocate(TABLE_WORDS * 4)
    this.#words = new Uint32Array(memory.memory.buffer, this.at, TABLE_WORDS)
    this.#kernels = kernels
    this.#width = width
  }

  /** Entries held. */
  get length(): number {
    return this.#words[3]!
  }

  /** Begins anew, empty; false when there is not even room for few entries. */
  open(room: EntryRoom): boolean {
    this.#room = room
    this.#words.set([0, 0, room.start, 0, room.strideBytes, this.#width])
    return this.reserve(0)
  }

  /** Entries for which there is room without another look. */
  get mostEntries(): number {
    const { start, end, strideBytes, spareBytes } = this.#room
    const spare = Math.floor((end - start - SLACK * 4) / spareBytes)
    const stored = Math.floor((this.#words[0]! - start - SLACK) / strideBytes)
    return Math.min(spare, stored, Math.floor((this.#words[1]! + 1) * MOST_LOAD))
  }

  /** Makes room for `count` entries more; false when there is none. */
  reserve(count: number): boolean {
    const entries = this.length + count
    let slots = Math.max(FIRST_SLOTS, this.#words[1]! + 1)
    while (this.length > slots * MAX_LOAD || entries > slots * MOST_LOAD) slots *= 2
    const { start, end, strideBytes, spareBytes } = this.#room
    const slotsAt = Math.floor((end - slots * 4) / ALIGNMENT) * ALIGNMENT
    if (start + entries * spareBytes + SLACK * 4 > end || start + entries * strideBytes + SLACK > slotsAt) return false
    if (slots === this.#words[1]! + 1) return true
    this.#words[0] = slotsAt
    this.#words[1] = slots - 1
    this.#kernels.tableIndex(this.at)
    return true
  }
}
