import { FoldMemory } from '../aggregate/fold-memory.ts'
import type { GroupLayout, RowLayout } from '../aggregate/group-layout.ts'
import type { RunFile } from '../shuffle/run-file.ts'
import { FRAME_BYTES } from '../shuffle/run-file.ts'
import { openSource } from '../shuffle/run-source.ts'
import type { RunWriter } from '../shuffle/run-writer.ts'
import type { EntrySlice, ReduceWork } from './entry-slices.ts'
import { layoutOf } from './entry-slices.ts'
import { rowHeader } from './row-output.ts'
import { writeRun } from './write-run.ts'

/** Share of the budget of an attempt that the table takes, its sorting included. */
const TABLE_SHARE = 0.8
/** Where sums could leave the doubles that count exactly; half of it, as totals are rounded. */
const EXACT = 2 ** 52
/** Passes over the entries of a partition, by a byte of their hash. */
const MAX_PASSES = 256

/**
 * The reduce side of fold tables: adds up the entries of a partition in a table, sorts what came of them in the order of the result and leaves them as rows, all in kernels. When the
 * table is too small for all keys it takes several passes, each over a share of the keys, and leaves a run file for each.
 */
export class GroupReducer {
  /** The run file left last. */
  file!: RunFile
  readonly #work: ReduceWork
  readonly #slices: readonly EntrySlice[]
  readonly #layout: GroupLayout
  readonly #rows: RowLayout

  /** A reducer for these slices; undefined when only sorted records can be merged to what is right. */
  static for(work: ReduceWork, slices: readonly EntrySlice[]): GroupReducer | undefined {
    if (slices.reduce((sum, { total }) => sum + total, 0) > EXACT) return undefined
    const layout = layoutOf(work.environment.program)
    const rows = layout.rowLayout(work.environment.program, work.task.ordered)
    return rows && new GroupReducer(work, slices, layout, rows)
  }

  private constructor(work: ReduceWork, slices: readonly EntrySlice[], layout: GroupLayout, rows: RowLayout) {
    this.#work = work
    this.#slices = slices
    this.#layout = layout
    this.#rows = rows
  }

  /** Leaves run files of rows, each in order; undefined when even a share of the keys does not fit. */
  async reduce(): Promise<string[] | undefined> {
    const { packer, sums } = this.#layout
    const budgetBytes = Math.floor(this.#work.task.memoryBytes * TABLE_SHARE)
    const memory = new FoldMemory({ width: packer.width, sums: sums.length, budgetBytes })
    try {
      for (let passes = 1; passes <= MAX_PASSES; passes *= 2) {
        const paths = await this.#passes(memory, passes)
        if (paths) return paths
      }
      return undefined
    } finally {
      memory.close()
    }
  }

  async #passes(memory: FoldMemory, passes: number): Promise<string[] | undefined> {
    const { counters, environment } = this.#work
    const paths: string[] = []
    let rows = 0
    for (let pass = 0; pass < passes; pass++) {
      if (!(await this.#add(memory, passes - 1, pass))) return undefined
      rows += memory.length
      const path = environment.files.nextPath()
      this.file = writeRun(path, rowHeader(environment.program), (writer) => this.#write(memory, writer))
      paths.push(path)
    }
    for (const { entries } of this.#slices) counters.mergedRecords += entries
    counters.reducedRows += rows
    return paths
  }

  /** Adds a share of the keys; false when the table cannot hold them. */
  async #add(memory: FoldMemory, passMask: number, pass: number): Promise<boolean> {
    const { strideBytes } = this.#layout
    const largest = this.#slices.reduce((most, { entries }) => Math.max(most, entries), 0)
    memory.clear(Math.ceil(largest / (passMask + 1)))
    for (const { source, slice } of this.#slices) {
      const reader = openSource(source)
      try {
        for (const frame of reader.frames(slice)) {
          if (!memory.reserve(frame.length / strideBytes)) return false
          memory.addGroups(frame, { passMask, pass })
        }
      } finally {
        reader.close()
      }
      await this.#work.turn()
    }
    return true
  }

  #write(memory: FoldMemory, writer: RunWriter): void {
    const { strideBytes, countAt } = this.#layout
    const { steps, digits, recordBytes } = this.#rows
    const { entries, count, scratch, work, frame } = memory.pack()
    const { kernels } = memory
    const { buffer } = memory.memory.memory
    const [stepsAt, digitsAt, countsAt] = [work, work + steps.length * 4, work + (steps.length + digits.length + 1) * 4]
    new Uint32Array(buffer, stepsAt, steps.length).set(steps)
    new Uint32Array(buffer, digitsAt, digits.length).set(digits)
    kernels.groupsIntegers(entries, count, strideBytes, countAt)
    const sorted = kernels.groupsSort(entries, count, strideBytes, digitsAt, digits.length, scratch, countsAt)
    const most = Math.floor(FRAME_BYTES / recordBytes)
    for (let first = 0; first < count; first += most) {
      const records = Math.min(most, count - first)
      kernels.groupsWrite(sorted + first * strideBytes, records, strideBytes, stepsAt, steps.length, frame)
      writer.appendAll(0, memory.memory.bytes(frame, records * recordBytes), records)
    }
  }
}
