import type { GroupLayout, RowLayout } from '../aggregate/group-layout.ts'
import type { KeyShare } from '../aggregate/group-memory.ts'
import { GroupMemory } from '../aggregate/group-memory.ts'
import type { RunFile } from '../shuffle/run-file.ts'
import type { RunSource } from '../shuffle/run-source.ts'
import { heavyFrames, slicesWith } from './entry-bounds.ts'
import type { EntrySlice, ReduceWork } from './entry-slices.ts'
import { layoutOf, limitOf } from './entry-slices.ts'
import { rowHeader } from './row-output.ts'
import { writeRun } from './write-run.ts'

/** Share of the budget of an attempt that entries take, their table and their sorting included: no more than a map task takes, so that a worker goes on with the same memory. */
const MEMORY_SHARE = 0.45
/** Where sums could leave the doubles that count exactly; half of it, as totals are rounded. */
const EXACT = 2 ** 52
/** Shares that the keys of one slice may be divided into, by a byte of their hash. */
const MAX_SHARES = 256
/** Shares of fewer entries are added up together. */
const MANY = 8192
/** Room of a table beyond the keys that are expected. */
const MARGIN = 1.1

/** Bytes of a run file. */
interface SliceRun {
  readonly source: RunSource
  readonly offset: number
  length: number
}

/**
 * The reduce side of fold tables: adds up the entries of a partition, slice by slice and so in tables that fit the fast caches, sorts what came of them in the order of the
 * result and leaves them as rows, all in kernels. What does not fit its memory at once becomes several run files.
 */
export class GroupReducer {
  readonly files: RunFile[] = []
  readonly #work: ReduceWork
  readonly #slices: readonly EntrySlice[]
  readonly #memory: GroupMemory
  /** Keys added up, and entries that they were. */
  #keys = 0
  #entries = 0

  /** A reducer for these slices; undefined when only sorted records can be merged to what is right. */
  static for(work: ReduceWork, slices: readonly EntrySlice[]): GroupReducer | undefined {
    const { task, environment } = work
    if (slices.reduce((sum, { total }) => sum + total, 0) > EXACT) return undefined
    const layout = layoutOf(environment.program)
    const rows = layout.rowLayout(environment.program, task.ordered)
    return rows && new GroupReducer(work, slices, layout, rows)
  }

  private constructor(work: ReduceWork, slices: readonly EntrySlice[], layout: GroupLayout, rows: RowLayout) {
    this.#work = work
    this.#slices = slices
    const budgetBytes = Math.floor(work.task.memoryBytes * MEMORY_SHARE)
    this.#memory = new GroupMemory({ layout, rows, budgetBytes, limit: limitOf(work) })
  }

  /** Leaves run files of rows, each in order; false when even a small share of the keys does not fit. */
  async reduce(): Promise<boolean> {
    const { counters } = this.#work
    try {
      for (const slices of byShare(this.#wanted())) if (!(await this.#reduceShare(slices))) return false
      if (this.#memory.kept > 0 || this.files.length === 0) this.#write()
    } finally {
      this.#memory.close()
    }
    for (const { entries } of this.#slices) counters.mergedRecords += entries
    counters.reducedRows += this.#keys
    return true
  }

  /** The slices that may hold rows that are wanted. */
  #wanted(): readonly EntrySlice[] {
    const { task, readers, environment } = this.#work
    const entries = this.#slices.reduce((sum, slice) => sum + slice.entries, 0)
    const { strideBytes } = layoutOf(environment.program)
    const least = this.#memory.expect(heavyFrames(task.sources, readers, entries * strideBytes))
    return least === undefined ? this.#slices : slicesWith(least, this.#slices, readers)
  }

  async #reduceShare(slices: readonly EntrySlice[]): Promise<boolean> {
    if (await this.#addGathered(slices)) return true
    const open: KeyShare[] = [{ mask: 0, pass: 0 }]
    for (let keys = open.pop(); keys; keys = open.pop()) {
      if (await this.#add(slices, keys)) {
        this.#keys += this.#memory.keep()
        continue
      }
      if (this.#memory.kept > 0) {
        this.#write()
        open.push(keys)
        continue
      }
      const { mask, pass } = keys
      if (mask + 1 >= MAX_SHARES) return false
      const finer = mask * 2 + 1
      open.push({ mask: finer, pass }, { mask: finer, pass: pass + mask + 1 })
    }
    return true
  }

  /** Adds slices up in tables that stay in fast caches; false, having done nothing, when there is no room to gather them. */
  async #addGathered(slices: readonly EntrySlice[]): Promise<boolean> {
    const entries = slices.reduce((sum, slice) => sum + slice.entries, 0)
    const runs = this.#neighbours(slices)
    const bytes = runs.reduce((sum, { length }) => sum + length, 0)
    if (!this.#memory.gather(entries, bytes)) return false
    for (const { source, offset, length } of runs) {
      const read = (into: Uint8Array): number => this.#work.readers.of(source).readFrames(offset, length, into)
      if (!this.#memory.collect(length, read)) return false
    }
    this.#keys += this.#memory.addGathered()
    this.#entries += entries
    await this.#work.turn()
    return true
  }

  /** Slices that follow each other in a run file, as one. */
  #neighbours(slices: readonly EntrySlice[]): readonly SliceRun[] {
    const runs = new Map<RunSource, SliceRun[]>()
    for (const { source, slice } of slices.toSorted((a, b) => a.slice - b.slice)) {
      const known = runs.get(source) ?? []
      runs.set(source, known)
      const { offset, length } = this.#work.readers.of(source).slices[slice]!
      const last = known.at(-1)
      if (last && last.offset + last.length === offset) last.length += length
      else known.push({ source, offset, length })
    }
    return [...runs.values()].flat()
  }

  /** Adds some of the keys of slices up in a table; false when it cannot hold them. */
  async #add(slices: readonly EntrySlice[], keys: KeyShare): Promise<boolean> {
    const entries = slices.reduce((sum, slice) => sum + slice.entries, 0) / (keys.mask + 1)
    if (!this.#memory.start(Math.ceil(entries * this.#newShare()))) return false
    for (const { source, slice } of slices)
      for (const frame of this.#work.readers.of(source).frames(slice)) if (!this.#memory.add(frame, keys)) return false
    this.#entries += entries
    await this.#work.turn()
    return true
  }

  /** How many of the entries had a new key so far, and some more; the keys of all shares are alike, for they are shares by hash. */
  #newShare(): number {
    return this.#entries === 0 ? 1 : Math.min(1, (this.#keys / this.#entries) * MARGIN)
  }

  #write(): void {
    const { task, environment } = this.#work
    const { files, program } = environment
    const file = writeRun(files.nextPath(), rowHeader(program, task.ordered), (writer) =>
      this.#memory.drain((frame, rows) => writer.appendAll(0, frame, rows)),
    )
    this.files.push(file)
  }
}

/** The slices that hold the same keys, share by share; small shares together. */
function byShare(slices: readonly EntrySlice[]): readonly (readonly EntrySlice[])[] {
  const groups: EntrySlice[][] = []
  let [share, entries] = [-1, MANY]
  for (const slice of slices.toSorted((a, b) => a.share - b.share)) {
    if (slice.share !== share && entries >= MANY) {
      groups.push([])
      entries = 0
    }
    groups.at(-1)!.push(slice)
    share = slice.share
    entries += slice.entries
  }
  return groups
}
