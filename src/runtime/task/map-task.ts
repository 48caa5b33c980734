import type { Batch } from '../../flow/batch.ts'
import { monotonicMs } from '../../flow/clock.ts'
import { FirstReads } from '../../storage/block/first-read.ts'
import type { BlockRows } from '../../storage/block/read.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { LiveCounters } from '../counters.ts'
import { NO_COUNTERS } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { Mapper, Program } from '../program.ts'
import type { RunFile } from '../shuffle/run-file.ts'
import type { AttemptFiles } from './attempt-files.ts'
import type { BlockPiece, MapTask, TaskResult } from './description.ts'
import type { InputRows } from './map-input.ts'
import { readPieces } from './map-input.ts'
import { createMapOutput } from './map-output.ts'
import { PageScanner } from './page-scanner.ts'
import { RowSelector } from './row-selector.ts'
import { AttemptContext } from './task-context.ts'

/** What a task is carried out with. */
export interface TaskEnvironment {
  readonly program: Program
  readonly store: ObjectStore
  readonly files: AttemptFiles
  /** What has been asked of the store before, by an earlier attempt of this thread. */
  readonly reads?: FirstReads
  /** What another task will read after this one, probably. */
  readonly next?: BlockPiece | undefined
  /** Told now and then how far the attempt is. */
  onProgress?(counters: LiveCounters): void
}

/** Share of the budget of an attempt that its table or buffer may hold; the rest is for input, sorting and writing. */
const TABLE_SHARE = 0.6

/** Carries out a map task: reads, selects, maps, combines, and leaves one run file. */
export async function runMapTask(task: MapTask, environment: TaskEnvironment): Promise<TaskResult> {
  const { program, store, files, next, reads = new FirstReads(store) } = environment
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
  const scanner = PageScanner.for(task, program, output.table, counters)
  const timings = { readMs: 0, computeMs: 0, writeMs: 0 }
  let since = monotonicMs()
  const scan = (input: InputRows): void => {
    const started = monotonicMs()
    timings.readMs += started - since
    scanner?.scan(input)
    since = monotonicMs()
    timings.computeMs += since - started
  }
  const skipped = (records: number): void => {
    counters.corrupt += records
  }
  let file: RunFile
  try {
    const { kernels } = output
    const selects = (piece: BlockPiece): readonly string[] | undefined => selector.columnsOf(piece)
    for await (const input of readPieces(task, reads, { kernels, selects, next, onCorrupt: skipped })) {
      scan(input)
      for (let page = input.pages.next(); page; page = input.pages.next()) {
        const started = monotonicMs()
        timings.readMs += started - since
        mapPage(page, input, { selector, mapper, context, counters })
        since = monotonicMs()
        timings.computeMs += since - started
        scan(input)
      }
      environment.onProgress?.(counters)
    }
    timings.readMs += monotonicMs() - since
    since = monotonicMs()
    context.rows = undefined
    mapper.finish()
    file = output.finish()
  } catch (error) {
    output.abandon()
    throw error
  }
  timings.writeMs = monotonicMs() - since
  counters.spills = output.spills
  counters.shuffledRecords = file.records
  counters.shuffledBytes = file.sizeBytes
  checkConserved(task, counters)
  return { file, counters, userCounters: context.userCounters, badRecords: context.badRecords, timings }
}

interface PageMapper {
  readonly selector: RowSelector
  readonly mapper: Mapper
  readonly context: AttemptContext
  readonly counters: LiveCounters
}

/** Maps the rows of a page that are selected. What is decoded only then counts as computing. */
function mapPage(page: BlockRows, input: InputRows, { selector, mapper, context, counters }: PageMapper): void {
  const selected = selector.select(page, input)
  if (!selected || selected.batch.length === 0) return
  const { batch, rows } = selected
  const before = context.badRecords.length
  context.rows = { batch, origin: input.origin, firstRecord: page.firstRecord, rows }
  mapper.map(batch)
  const bad = context.badRecords.length - before
  counters.quarantined += bad
  counters.mapped += batch.length - bad
}

function checkConserved(task: MapTask, counters: LiveCounters): void {
  const { corrupt, outsidePeriod, unmatched, mapped, quarantined } = counters
  const sum = corrupt + outsidePeriod + unmatched + mapped + quarantined
  if (sum === task.records) return
  const message = `task ${task.stage}-${task.task}: records expected ${task.records}, got ${sum}`
  throw new RuntimeError('not-conserved', message, { corrupt, outsidePeriod, unmatched, mapped, quarantined })
}
