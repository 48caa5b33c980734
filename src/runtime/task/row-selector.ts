import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { markSelector } from '../../flow/filter/marks.ts'
import type { FilterPlan } from '../../flow/filter/plan.ts'
import { Gatherer } from '../../flow/gatherer.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { BlockRows } from '../../storage/block/read.ts'
import { PAGE_ROWS } from '../../storage/parquet/rows.ts'
import type { LiveCounters } from '../counters.ts'
import type { Program } from '../program.ts'
import type { BlockPiece, MapTask } from './description.ts'
import type { InputRows } from './map-input.ts'
import { countUnsampled, intersect, keepRecords, selectOverlaps, selectStarts } from './select.ts'

/** Kernel memory that must be free beside the gathered columns for the filter to work there. */
const WORKSHOP_BYTES = 1 << 20

/** The rows of a page that are mapped. */
export interface SelectedRows {
  readonly batch: Batch
  /** Which of the page's rows they are, unless they are all. */
  readonly rows: Uint32Array | undefined
}

/** Leaves out rows outside the period and those that the filter does not match, and counts them. */
export class RowSelector {
  readonly #program: Program
  readonly #counters: LiveCounters
  readonly #timed: boolean
  readonly #inPeriod: FilterPlan['select']
  readonly #match: FilterPlan['select'] | undefined
  readonly #gatherer: Gatherer
  #rows: Uint32Array
  #matching: Uint32Array

  /** With `kernels` it takes some of their memory, before anything is read into that. */
  constructor(task: MapTask, program: Program, counters: LiveCounters, kernels: KernelInstance | undefined) {
    this.#program = program
    const { where } = program
    this.#timed = task.from !== null || task.to !== null
    const columns = where || this.#timed ? columnsOf(task) : []
    const needed = WORKSHOP_BYTES + Gatherer.bytesNeeded(columns, PAGE_ROWS)
    const workshop = columns.length > 0 && kernels && kernels.memory.free > needed ? kernels : undefined
    this.#gatherer = new Gatherer(columns, PAGE_ROWS, workshop)
    this.#match = workshop ? where?.selectIn(workshop) : where?.select
    const rows = (): Uint32Array => workshop?.memory.array(Uint32Array, PAGE_ROWS) ?? new Uint32Array(0)
    this.#rows = rows()
    this.#matching = rows()
    this.#inPeriod = periodSelector(task, program, workshop)
    this.#counters = counters
  }

  /** The columns by which rows of a piece are selected; undefined when none are. */
  columnsOf({ timed, countSampling }: BlockPiece): readonly string[] | undefined {
    const isTimed = this.#timed && timed
    const { where, time } = this.#program
    if (!isTimed && !where) return undefined
    const times = isTimed ? (time === 'spread' ? ['start', 'end'] : ['start']) : []
    return [...(where?.columns ?? []), ...times, ...(countSampling ? ['sampleSize', 'samplePopulation'] : [])]
  }

  /** The rows to map, whose page is completed when there are any; undefined when it cannot be, and then nothing is counted. */
  select(page: BlockRows, input: InputRows): SelectedRows | undefined {
    const { batch, firstRecord } = page
    const match = this.#match
    if (this.#rows.length < batch.length) {
      this.#rows = new Uint32Array(batch.length)
      this.#matching = new Uint32Array(batch.length)
    }
    const isTimed = this.#timed && input.timed
    if (!isTimed && !match && !input.records && !input.countSampling) return { batch, rows: undefined }
    const needsRows = !match || input.countSampling
    const rows = this.#rows
    const inPeriod = isTimed ? this.#inPeriod(batch, rows) : needsRows ? allRows(batch, rows) : batch.length
    const unsampled = input.countSampling ? countUnsampled(batch, rows, inPeriod) : 0
    let left = inPeriod
    if (match && inPeriod === batch.length) left = match(batch, rows)
    else if (match && inPeriod > 0) left = intersect(rows, inPeriod, this.#matching, match(batch, this.#matching))
    if (input.records) left = keepRecords(this.#rows, left, firstRecord, input.records)
    if (left > 0 && !input.pages.complete()) return undefined
    this.#counters.outsidePeriod += batch.length - inPeriod
    this.#counters.samplingUnknown += unsampled
    this.#counters.unmatched += inPeriod - left
    if (left === batch.length) return { batch, rows: undefined }
    return { batch: this.#gatherer.gather(batch, input.columns, this.#rows, left), rows: this.#rows }
  }
}

/** What finds the rows of the period: those that start in it by a kernel, where one can. */
function periodSelector(
  { from, to }: MapTask,
  { time }: Program,
  kernels: KernelInstance | undefined,
): FilterPlan['select'] {
  const [first, end] = [from ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY]
  if (time === 'spread') return (batch, rows) => selectOverlaps(batch, first, end, rows)
  const select: FilterPlan['select'] = (batch, rows) => selectStarts(batch, first, end, rows)
  // Times are whole milliseconds.
  const range = { type: 'range', column: 'start', part: 'values', low: first, high: Math.ceil(end) - 1 } as const
  return kernels ? markSelector([range], kernels, select) : select
}

/** The columns of the first block that is read; most tasks read the same of all. */
function columnsOf({ pieces }: MapTask): readonly ColumnSpec[] {
  return pieces.find((piece): piece is BlockPiece => piece.type === 'block')?.columns ?? []
}

function allRows(batch: Batch, rows: Uint32Array): number {
  for (let row = 0; row < batch.length; row++) rows[row] = row
  return batch.length
}
