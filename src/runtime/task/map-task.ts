import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { FilterPlan } from '../../flow/filter/plan.ts'
import { gatherRows } from '../../flow/gather.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { PAGE_ROWS } from '../../storage/parquet/rows.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { LiveCounters } from '../counters.ts'
import { NO_COUNTERS } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { Mapper, Program } from '../program.ts'
import type { RunFile } from '../shuffle/run-file.ts'
import type { AttemptFiles } from './attempt-files.ts'
import type { MapTask, TaskResult } from './description.ts'
import type { InputRows } from './map-input.ts'
import { readPieces } from './map-input.ts'
import { createMapOutput } from './map-output.ts'
import { countUnsampled, intersect, keepRecords, selectOverlaps, selectStarts } from './select.ts'
import { AttemptContext } from './task-context.ts'

/** What a task is carried out with. */
export interface TaskEnvironment {
  readonly program: Program
  readonly store: ObjectStore
  readonly files: AttemptFiles
  /** Told now and then how far the attempt is. */
  onProgress?(counters: LiveCounters): void
}

/** Share of the budget of an attempt that its table or buffer may hold; the rest is for input, sorting and writing. */
const TABLE_SHARE = 0.6

/** Kernel memory that must be free for the filter to work there. */
const WORKSHOP_BYTES = 1 << 20

/** Carries out a map task: reads, selects, maps, combines, and leaves one run file. */
export async function runMapTask(task: MapTask, environment: TaskEnvironment): Promise<TaskResult> {
  const { program, store, files } = environment
  const context = new AttemptContext(task, program.reads)
  const budgetBytes = Math.floor(task.memoryBytes * TABLE_SHARE)
  const output = createMapOutput({ program, context, files, partitions: task.partitions, budgetBytes })
  const counters: LiveCounters = { ...NO_COUNTERS }
  const sink = {
    kernels: output.kernels,
    add(batch: Batch): void {
      counters.emitted += batch.length
      output.add(batch)
    },
  }
  const mapper = program.createMapper(sink, context)
  const selector = new RowSelector(task, program, counters, output.kernels)
  const timings = { readMs: 0, computeMs: 0, writeMs: 0 }
  let since = performance.now()
  const skipped = (records: number): void => {
    counters.corrupt += records
  }
  let file: RunFile
  try {
    for await (const rows of readPieces(task, store, { kernels: output.kernels, onCorrupt: skipped })) {
      const started = performance.now()
      timings.readMs += started - since
      mapRows(rows, selector, mapper, context, counters)
      since = performance.now()
      timings.computeMs += since - started
      environment.onProgress?.(counters)
    }
    timings.readMs += performance.now() - since
    since = performance.now()
    context.rows = undefined
    mapper.finish()
    file = output.finish()
  } catch (error) {
    output.abandon()
    throw error
  }
  timings.writeMs = performance.now() - since
  counters.spills = output.spills
  counters.shuffledRecords = file.records
  counters.shuffledBytes = file.sizeBytes
  checkConserved(task, counters)
  return { file, counters, userCounters: context.userCounters, badRecords: context.badRecords, timings }
}

function mapRows(
  input: InputRows,
  selector: RowSelector,
  mapper: Mapper,
  context: AttemptContext,
  counters: LiveCounters,
): void {
  const { rows, batch } = selector.select(input)
  if (batch.length === 0) return
  const before = context.badRecords.length
  context.rows = { batch, origin: input.origin, firstRecord: input.firstRecord, rows }
  mapper.map(batch)
  const bad = context.badRecords.length - before
  counters.quarantined += bad
  counters.mapped += batch.length - bad
}

/** Leaves out rows outside the period and those that the filter does not match, and counts them. */
class RowSelector {
  readonly #program: Program
  readonly #counters: LiveCounters
  readonly #timed: boolean
  readonly #from: number
  readonly #to: number
  readonly #match: FilterPlan['select'] | undefined
  #rows: Uint32Array
  #matching: Uint32Array
  #gathered: Batch | undefined
  #gatheredColumns: InputRows['columns'] | undefined

  /** With `kernels` it takes some of their memory, before anything is read into that. */
  constructor(task: MapTask, program: Program, counters: LiveCounters, kernels: KernelInstance | undefined) {
    this.#program = program
    const { where } = program
    const workshop = where && kernels && kernels.memory.free > WORKSHOP_BYTES ? kernels : undefined
    this.#match = workshop ? where?.selectIn(workshop) : where?.select
    const rows = (): Uint32Array => workshop?.memory.array(Uint32Array, PAGE_ROWS) ?? new Uint32Array(0)
    this.#rows = rows()
    this.#matching = rows()
    this.#counters = counters
    this.#timed = task.from !== null || task.to !== null
    this.#from = task.from ?? Number.NEGATIVE_INFINITY
    this.#to = task.to ?? Number.POSITIVE_INFINITY
  }

  /** The rows to map; `rows` says which of the input's they are, unless they are all. */
  select(input: InputRows): { batch: Batch; rows: Uint32Array | undefined } {
    const { batch } = input
    const match = this.#match
    if (this.#rows.length < batch.length) {
      this.#rows = new Uint32Array(batch.length)
      this.#matching = new Uint32Array(batch.length)
    }
    const isTimed = this.#timed && input.timed
    if (!isTimed && !match && !input.records && !input.countSampling) return { batch, rows: undefined }
    const needsRows = !match || input.countSampling
    const inPeriod = isTimed ? this.#selectPeriod(batch) : needsRows ? allRows(batch, this.#rows) : batch.length
    this.#counters.outsidePeriod += batch.length - inPeriod
    if (input.countSampling) this.#counters.samplingUnknown += countUnsampled(batch, this.#rows, inPeriod)
    let left = inPeriod
    if (match && isTimed) left = intersect(this.#rows, inPeriod, this.#matching, match(batch, this.#matching))
    else if (match) left = match(batch, this.#rows)
    if (input.records) left = keepRecords(this.#rows, left, input.firstRecord, input.records)
    this.#counters.unmatched += inPeriod - left
    return left === batch.length ? { batch, rows: undefined } : { batch: this.#gather(input, left), rows: this.#rows }
  }

  #selectPeriod(batch: Batch): number {
    const select = this.#program.time === 'spread' ? selectOverlaps : selectStarts
    return select(batch, this.#from, this.#to, this.#rows)
  }

  #gather(input: InputRows, length: number): Batch {
    if (!this.#gathered || this.#gathered.capacity < length || this.#gatheredColumns !== input.columns) {
      this.#gathered = createBatch(input.columns, Math.max(input.batch.length, input.batch.capacity))
      this.#gatheredColumns = input.columns
    }
    gatherRows(input.batch, this.#rows, length, this.#gathered)
    return this.#gathered
  }
}

function allRows(batch: Batch, rows: Uint32Array): number {
  for (let row = 0; row < batch.length; row++) rows[row] = row
  return batch.length
}

function checkConserved(task: MapTask, counters: LiveCounters): void {
  const { corrupt, outsidePeriod, unmatched, mapped, quarantined } = counters
  const sum = corrupt + outsidePeriod + unmatched + mapped + quarantined
  if (sum === task.records) return
  const message = `task ${task.stage}-${task.task}: records expected ${task.records}, got ${sum}`
  throw new RuntimeError('not-conserved', message, { corrupt, outsidePeriod, unmatched, mapped, quarantined })
}
