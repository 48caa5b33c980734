import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { MOST_BYTES, SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { FRAME_BYTES } from '../shuffle/run-file.ts'
import { EntryTable } from './entry-table.ts'
import type { GroupLayout, RowLayout } from './group-layout.ts'

/** Some of the keys: those whose hash has `pass` under `mask`. */
export interface KeyShare {
  readonly mask: number
  readonly pass: number
}

const ALL_KEYS: KeyShare = { mask: 0, pass: 0 }

/** Smaller budgets than this would hold no table worth having. */
const LEAST_BYTES = 2 << 20
/** The counters of a sort, and behind them digits, programs and the entry that bounds what is kept. */
const SORT_BYTES = 64 << 10
const ORDER_BYTES = 32 << 10
/** With a limit, what is kept is cut to it when it is so many times as much, and at least so many entries. */
const EXCESS = 2
const LEAST_CUT = 4096

/** Gathered entries are added up so many at a time, by share of their keys: their table stays in the fast caches. */
const CACHED_ENTRIES = 3072
const MOST_SHARES = 256
/** Room for gathered entries beside where they are read, as all of them may have a key of their own: kept and sorted, and divided. */
const GATHERED_TIMES = 3
/** Room for the slots of a table, by entry, if all entries were in one share, and at least. */
const SLOT_BYTES = 16
const LEAST_SLOT_BYTES = 64 << 10

export interface GroupMemoryOptions {
  readonly layout: GroupLayout
  readonly rows: RowLayout
  readonly budgetBytes: number
  /** Only the first so many rows are wanted. */
  readonly limit?: number | undefined
}

/**
 * The memory of the reduce side of groups: gathers the entries of share after share, each added up in a small table whose entries lie behind those that are kept, until they are sorted and written
 * as rows. There is always room to sort what is kept.
 */
export class GroupMemory {
  /** Entries kept. */
  kept = 0
  readonly #layout: GroupLayout
  readonly #rows: RowLayout
  readonly #limit: number
  readonly #instance: KernelInstance
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #sortAt: number
  readonly #digitsAt: number
  readonly #stepsAt: number
  readonly #boundAt: number
  readonly #frameAt: number
  readonly #keptAt: number
  readonly #table: EntryTable
  /** Entries gathered, those for which there is room, and where they lie; behind them is room to divide them. */
  #gathered = 0
  #gatherable = 0
  #gatheredAt = 0
  #gatheredEnd = 0
  /** Whether an entry is known before which all that is wanted comes. */
  #isBounded = false

  constructor({ layout, rows, budgetBytes, limit = Number.POSITIVE_INFINITY }: GroupMemoryOptions) {
    this.#layout = layout
    this.#rows = rows
    this.#limit = limit
    this.#instance = borrowKernels(Math.min(Math.max(budgetBytes, LEAST_BYTES), MOST_BYTES))
    this.#memory = this.#instance.memory
    this.#kernels = this.#instance.kernels
    this.#sortAt = this.#memory.allocate(SORT_BYTES)
    this.#digitsAt = this.#memory.allocate(ORDER_BYTES)
    this.#stepsAt = this.#memory.allocate(ORDER_BYTES)
    this.#boundAt = this.#memory.allocate(layout.strideBytes)
    this.#frameAt = this.#memory.allocate(FRAME_BYTES)
    this.#table = new EntryTable(this.#memory, this.#kernels, layout.keys.width)
    this.#keptAt = this.#memory.mark
    const { buffer } = this.#memory.memory
    new Uint32Array(buffer, this.#digitsAt, rows.digits.length).set(rows.digits)
    new Uint32Array(buffer, this.#stepsAt, rows.steps.length).set(rows.steps)
  }

  /** Begins a table, for about so many keys, and forgets the one before; false when there is no room for any. */
  start(keys: number): boolean {
    this.#memory.release(this.#keptAt)
    const { strideBytes } = this.#layout
    // Sorting takes what is kept a second time, and the entries of the table too.
    const end = this.#end - this.kept * strideBytes
    if (!this.#open(end, strideBytes * 2)) return false
    this.#table.reserve(keys)
    return true
  }

  /** Begins a table behind what is kept. */
  #open(end: number, spareBytes: number): boolean {
    const { strideBytes } = this.#layout
    return this.#table.open({ start: this.#keptAt + this.kept * strideBytes, end, strideBytes, spareBytes })
  }

  get #end(): number {
    return this.#memory.mark + this.#memory.free
  }

  /** Adds a frame of entries, those of a share; false when they do not fit. */
  add(entries: Uint8Array, keys: KeyShare): boolean {
    this.#memory.bytes(this.#frameAt, entries.length).set(entries)
    return this.#addAt(this.#frameAt, entries.length / this.#layout.strideBytes, keys)
  }

  #addAt(at: number, count: number, { mask, pass }: KeyShare): boolean {
    if (!this.#table.reserve(count)) return false
    this.#kernels.groupsAdd(at, count, this.#table.at, mask, pass)
    return true
  }

  /** Takes room to gather so many entries, read from so many bytes, and add them up share by share; false when there is not enough, or they are so few that one table does. */
  gather(entries: number, bytes: number): boolean {
    const { strideBytes } = this.#layout
    this.#memory.release(this.#keptAt)
    const needed = (this.kept * 2 + entries * GATHERED_TIMES) * strideBytes + bytes + entries * SLOT_BYTES
    if (entries <= CACHED_ENTRIES * 2 || needed + LEAST_SLOT_BYTES + SLACK * 8 > this.#memory.free) return false
    this.#memory.allocate((this.kept + entries) * 2 * strideBytes)
    this.#gatheredAt = this.#memory.allocate(bytes)
    this.#gatheredEnd = this.#gatheredAt + bytes
    this.#gathered = 0
    this.#gatherable = entries
    return true
  }

  /** Gathers entries, which `read` leaves at the start of so many bytes, telling how many bytes they are; false when they are more than was said. */
  collect(bytes: number, read: (into: Uint8Array) => number): boolean {
    const { strideBytes } = this.#layout
    const at = this.#gatheredAt + this.#gathered * strideBytes
    if (at + bytes > this.#gatheredEnd) return false
    const count = read(this.#memory.bytes(at, bytes)) / strideBytes
    if (this.#gathered + count > this.#gatherable) return false
    this.#gathered += count
    return true
  }

  /** Adds up what may be wanted of what was gathered and keeps it; returns how many keys that had. */
  addGathered(): number {
    const { strideBytes, keys: words } = this.#layout
    this.#leaveOut()
    let shares = 1
    while (shares < MOST_SHARES && this.#gathered > shares * CACHED_ENTRIES) shares *= 2
    const dividedAt = this.#memory.allocate(this.#gathered * strideBytes)
    const entries = [this.#gatheredAt, this.#gathered, words.width, strideBytes] as const
    this.#kernels.groupsSplit(...entries, shares - 1, this.#sortAt, dividedAt)
    const ends = new Uint32Array(this.#memory.memory.buffer, this.#sortAt, shares).slice()
    let keys = 0
    for (let share = 0, from = 0; share < shares; share++) {
      const count = ends[share]! - from
      if (!this.#open(this.#end, strideBytes) || !this.#addAt(dividedAt + from * strideBytes, count, ALL_KEYS))
        throw new RangeError(`group memory: room for ${this.#gatherable} gathered entries expected, got less`)
      from += count
      keys += this.keep()
    }
    return keys
  }

  /**
   * Takes frames of entries that tell of some keys what they have at least in the number by which rows are ordered: keys that have less than as many of those as are wanted are left out from now on. Returns what a key must have
   * for that not to happen; undefined when that could be anything.
   */
  expect(frames: Iterable<Uint8Array>): number | undefined {
    const { largestAt } = this.#rows
    if (largestAt === undefined || this.#limit === Number.POSITIVE_INFINITY || !this.start(0)) return undefined
    for (const frame of frames) if (!this.add(frame, ALL_KEYS)) return undefined
    this.keep()
    const isKnown = this.kept >= this.#limit
    if (isKnown) this.#cut()
    this.kept = 0
    const bound = new Float64Array(this.#memory.memory.buffer, this.#boundAt + largestAt, 1)
    this.#isBounded = isKnown && bound[0]! >= 1
    // The entry is no row, so it is not to come before itself, nor before those that have as much.
    if (this.#isBounded) bound[0]! -= 1
    return this.#isBounded ? bound[0]! : undefined
  }

  /** Leaves out gathered entries of which a sketch says that the sum of their key comes behind all that is wanted. */
  #leaveOut(): void {
    const { strideBytes, keys: words } = this.#layout
    const { largestAt } = this.#rows
    if (!this.#isBounded || largestAt === undefined) return
    const [least = 0] = new Float64Array(this.#memory.memory.buffer, this.#boundAt + largestAt, 1)
    const entries = [this.#gatheredAt, this.#gathered, words.width, strideBytes] as const
    this.#gathered = this.#kernels.groupsAtLeast(...entries, largestAt, least, this.#sortAt)
  }

  /** Keeps the entries of the table that may be wanted; returns how many keys it had. */
  keep(): number {
    const { strideBytes } = this.#layout
    const keys = this.#table.length
    const at = this.#keptAt + this.kept * strideBytes
    const order = [this.#digitsAt, this.#rows.digits.length, this.#boundAt] as const
    this.kept += this.#isBounded ? this.#kernels.groupsBefore(at, keys, strideBytes, ...order) : keys
    if (this.kept > Math.max(LEAST_CUT, this.#limit * EXCESS)) this.#cut()
    return keys
  }

  /** Sorts what is kept, hands on frames of rows with their number, and is empty. */
  drain(take: (frame: Uint8Array, rows: number) => void): void {
    const { strideBytes, numbersAt } = this.#layout
    const { steps, recordBytes } = this.#rows
    this.#kernels.groupsIntegers(this.#keptAt, this.kept, strideBytes, numbersAt)
    this.#sort()
    const wanted = Math.min(this.kept, this.#limit)
    const most = Math.floor(FRAME_BYTES / recordBytes)
    for (let first = 0; first < wanted; first += most) {
      const rows = Math.min(most, wanted - first)
      const from = this.#keptAt + first * strideBytes
      this.#kernels.groupsWrite(from, rows, strideBytes, this.#stepsAt, steps.length, this.#frameAt)
      take(this.#memory.bytes(this.#frameAt, rows * recordBytes), rows)
    }
    this.kept = 0
  }

  /** Keeps as many entries as are wanted, those that come first. Sums are doubles still, which as bytes are in the order of the integers that they stand for. */
  #cut(): void {
    this.#sort()
    this.kept = this.#limit
    this.#copy(this.#keptAt + (this.#limit - 1) * this.#layout.strideBytes, 1, this.#boundAt)
    this.#isBounded = true
  }

  #sort(): void {
    const { strideBytes } = this.#layout
    const scratch = this.#keptAt + this.kept * strideBytes
    const order = [this.#digitsAt, this.#rows.digits.length, scratch, this.#sortAt] as const
    this.#kernels.groupsSort(this.#keptAt, this.kept, strideBytes, ...order)
  }

  #copy(from: number, entries: number, to: number): void {
    this.#memory.bytes(0, this.#memory.sizeBytes).copyWithin(to, from, from + entries * this.#layout.strideBytes)
  }

  /** Gives the memory back. */
  close(): void {
    returnKernels(this.#instance)
  }
}
