import type { Batch } from '../../flow/batch.ts'
import { MOST_MARKS, placeSteps } from '../../flow/filter/marks.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { SCAN, SCAN_MARK_BYTES, SCAN_STEP_BYTES } from '../../kernels/scan.ts'
import type { PackedPages } from '../../storage/block/row-pages.ts'
import { PAGE_ROWS } from '../../storage/parquet/rows.ts'
import type { FoldTable } from '../aggregate/fold-table.ts'
import type { LiveCounters } from '../counters.ts'
import type { Program } from '../program.ts'
import type { MapTask } from './description.ts'
import type { InputRows } from './map-input.ts'
import type { FixedArray } from './scan-plan.ts'
import { MOST_ARRAYS, ScanPlan } from './scan-plan.ts'

/** Steps of a filter for which there is room; programs with more of them go a page at a time. */
const MOST_STEPS = 64
/** Chosen rows that wait for those of other pages. */
const CAPACITY = PAGE_ROWS * 2
/** Pages that are left to others at most before a kernel looks at one again. */
const MOST_REST = 64
/** Kernel memory that must be free beside what is taken, for who reads. */
const SPARE_BYTES = 1 << 20

/**
 * Has a kernel read the pages of a row group, choose rows and add them to the table by one call, where the map side of a program is no more than that. What a page needs beyond is left to
 * `RowSelector`, the mapper and `FoldTable.add`, which do the same a page at a time.
 */
export class PageScanner {
  readonly #program: Program
  readonly #kernels: KernelInstance
  readonly #counters: LiveCounters
  readonly #isTimed: boolean
  readonly #plan: ScanPlan
  readonly #words: Uint32Array
  /** Where what is gathered goes: room for each array. */
  readonly #gathered: readonly number[]
  #planned: Batch | undefined
  #isPossible = false
  /** Times that pages are left to others without a look, and how many they are the next time that nothing comes of a look. */
  #rest = 0
  #nextRest = 1

  /** A scanner, which takes some of the table's memory, before anything is read into that; undefined where there is none for a program. */
  static for(
    task: MapTask,
    program: Program,
    table: FoldTable | undefined,
    counters: LiveCounters,
  ): PageScanner | undefined {
    const { columnwise, where } = program
    if (!columnwise || !table || (where && !where.steps)) return undefined
    if ((where?.steps?.length ?? 0) > MOST_STEPS || !ScanPlan.hasRoom(columnwise)) return undefined
    if (table.kernels.memory.free < SPARE_BYTES * 2 + gatheredBytes(program) * 2) return undefined
    return new PageScanner(task, program, new ScanPlan(program, columnwise, table), table, counters)
  }

  private constructor(task: MapTask, program: Program, plan: ScanPlan, table: FoldTable, counters: LiveCounters) {
    this.#program = program
    this.#plan = plan
    this.#kernels = table.kernels
    this.#counters = counters
    this.#isTimed = task.from !== null || task.to !== null
    const { memory } = table.kernels
    const { words } = plan
    this.#words = words
    words[SCAN.capacity] = CAPACITY
    words[SCAN.steps] = memory.allocate(MOST_STEPS * SCAN_STEP_BYTES)
    words[SCAN.gathers] = memory.allocate(MOST_ARRAYS * 16)
    this.#gathered = []
    if (!program.where) return
    words[SCAN.marks] = memory.allocate(MOST_MARKS * SCAN_MARK_BYTES)
    words[SCAN.rows] = memory.allocate(PAGE_ROWS * 4)
    const { key, value } = program.columnwise!
    this.#gathered = Array.from({ length: key.length * 2 + value.length }, () => memory.allocate(CAPACITY * 8))
  }

  /** Adds the rows of pages from the next one on, as far as that goes, and counts them. */
  scan({ pages, records, countSampling, timed }: InputRows): void {
    if (records || countSampling || (timed && this.#isTimed)) return
    if (this.#rest > 0) this.#rest--
    else pages.scan?.((packed, from) => this.#scan(packed, from))
  }

  #scan(pages: PackedPages, from: number): number {
    const next = this.#read(pages, from)
    this.#nextRest = next > from ? 1 : Math.min(this.#nextRest * 2, MOST_REST)
    this.#rest = next > from ? 0 : this.#nextRest
    return next
  }

  #read(pages: PackedPages, from: number): number {
    if (this.#planned !== pages.batch) {
      this.#planned = pages.batch
      this.#isPossible = this.#place(pages.batch)
    }
    if (!this.#isPossible || !this.#plan.begin(this.#program.where ? CAPACITY : PAGE_ROWS)) return from
    const words = this.#words
    words[SCAN.unmatched] = 0
    const { columnsAt, first, count, rows, scratch, dense } = pages
    const at = words.byteOffset
    const next = this.#kernels.kernels.scanPages(at, columnsAt, first, count, from, rows, scratch, dense)
    const mapped = this.#plan.end()
    this.#counters.mapped += mapped
    this.#counters.emitted += mapped
    this.#counters.unmatched += words[SCAN.unmatched]!
    return next
  }

  /** Says where the columns of a batch lie; false when kernels cannot go on with them. */
  #place(batch: Batch): boolean {
    const words = this.#words
    const { buffer } = words
    const steps = placeSteps(this.#program.where?.steps ?? [], batch, buffer)
    const columns = this.#plan.columnsOf(batch)
    if (!steps || !columns) return false
    for (const [i, { join, at, bytes, low, high }] of steps.entries()) {
      const place = words[SCAN.steps]! + i * SCAN_STEP_BYTES
      new Uint32Array(buffer, place, 3).set([join, at, bytes])
      new Float64Array(buffer, place + 16, 2).set([low, high])
    }
    words[SCAN.stepCount] = steps.length
    this.#plan.place(columns, this.#gather([...new Set(columns.arrays)]))
    return true
  }

  /** Tells how arrays are gathered, if they are. Gives where the rows of each are that are added. */
  #gather(arrays: readonly FixedArray[]): (array: FixedArray) => number {
    if (!this.#program.where) return ({ byteOffset }) => byteOffset
    const words = this.#words
    for (const [i, { byteOffset, BYTES_PER_ELEMENT }] of arrays.entries()) {
      const entry = [BYTES_PER_ELEMENT, byteOffset, this.#gathered[i]!]
      new Uint32Array(words.buffer, words[SCAN.gathers]! + i * 16, 3).set(entry)
    }
    words[SCAN.gatherCount] = arrays.length
    return (array) => this.#gathered[arrays.indexOf(array)]!
  }
}

/** Room for what is gathered. */
const gatheredBytes = ({ where, columnwise }: Program): number =>
  where && columnwise ? (columnwise.key.length * 2 + columnwise.value.length) * CAPACITY * 8 : 0
