import { renameSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { RowCodec } from '../../flow/canonical.ts'
import { monotonicMs } from '../../flow/clock.ts'
import { AggregateSet } from '../aggregate/aggregate-set.ts'
import { CombinedCursor } from '../aggregate/combine.ts'
import { AggregateFinisher } from '../aggregate/finish.ts'
import type { LiveCounters } from '../counters.ts'
import { NO_COUNTERS } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { BatchSink, Program } from '../program.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { firstOf } from '../shuffle/cursor.ts'
import type { Combine } from '../shuffle/merge-runs.ts'
import { mergeRuns } from '../shuffle/merge-runs.ts'
import type { SourceSlice } from '../shuffle/merge-sources.ts'
import { mergeSources } from '../shuffle/merge-sources.ts'
import type { RunFile } from '../shuffle/run-file.ts'
import { SourceReaders } from '../shuffle/source-readers.ts'
import type { ReduceTask, TaskResult } from './description.ts'
import type { EntrySlice, ReduceWork } from './entry-slices.ts'
import { entryBytesOf, limitOf, listSlices, sortEntries } from './entry-slices.ts'
import { GroupReducer } from './group-reducer.ts'
import { GroupedValues } from './grouped-values.ts'
import type { TaskEnvironment } from './map-task.ts'
import { orderedValues } from './ordered-values.ts'
import type { RowOutput } from './row-output.ts'
import { RowWriter, rowHeader } from './row-output.ts'
import { RowSorter } from './row-sorter.ts'
import { AttemptContext } from './task-context.ts'
import { writeRun } from './write-run.ts'

/** Shares of the budget of an attempt. */
const MERGE_SHARE = 0.4
const SORT_SHARE = 0.5
/** Records between two turns of the event loop, so that a reduce in the coordinator's thread does not starve its lease. */
const TURN = 1 << 16

/** Carries out a reduce task: merges its partitions of every map output and leaves its rows in one run file. */
export async function runReduceTask(task: ReduceTask, environment: TaskEnvironment): Promise<TaskResult> {
  const counters: LiveCounters = { ...NO_COUNTERS }
  const context = new AttemptContext(task, [])
  const turn = (): Promise<void> => {
    environment.onProgress?.(counters)
    return setImmediate()
  }
  const readers = new SourceReaders()
  const work = { task, environment, counters, context, readers, turn }
  const since = monotonicMs()
  const file = await reduce(work).finally(() => readers.close())
  const timings = { readMs: 0, computeMs: monotonicMs() - since, writeMs: 0 }
  return { file, counters, userCounters: context.userCounters, badRecords: [], timings }
}

async function reduce(work: ReduceWork): Promise<RunFile> {
  const { task, environment, readers } = work
  const { entries, records } = listSlices(task.sources, readers, task.partitions, entryBytesOf(environment.program))
  return entries.length > 0 ? reduceEntries(work, entries, records) : reduceRecords(work, records)
}

/** Adds up entries in a table, as long as that is possible; the records beside them have other keys. */
async function reduceEntries(
  work: ReduceWork,
  entries: readonly EntrySlice[],
  records: readonly SourceSlice[],
): Promise<RunFile> {
  const { files } = work.environment
  const reducer = GroupReducer.for(work, entries)
  if (!(await reducer?.reduce())) return reduceRecords(work, [...records, ...(await sortEntries(work, entries))])
  const made = reducer!.files
  const [only, ...others] = made
  if (only && others.length === 0 && records.length === 0) {
    renameSync(only.path, files.runFile)
    return { ...only, path: files.runFile }
  }
  const paths = made.map(({ path }) => path)
  if (records.length > 0) paths.push((await reduceRecords(work, records, files.nextPath())).path)
  return mergeRows(work, paths)
}

function mergeRows(work: ReduceWork, paths: readonly string[]): RunFile {
  const { program, files } = work.environment
  const header = rowHeader(program, work.task.ordered)
  const combine = (merged: Cursor): Cursor => firstOf(merged, limitOf(work))
  const budgetBytes = work.task.memoryBytes * MERGE_SHARE
  const merge = { paths, header, budgetBytes, combine, nextPath: () => files.nextPath() }
  return writeRun(files.runFile, header, (writer) => mergeRuns(merge, writer))
}

/** Merges sorted records and leaves their rows at `path`. */
async function reduceRecords(
  work: ReduceWork,
  slices: readonly SourceSlice[],
  path = work.environment.files.runFile,
): Promise<RunFile> {
  const { task, environment, counters, context, turn } = work
  const { program, files } = environment
  const merged = mergeSources({
    slices,
    budgetBytes: task.memoryBytes * MERGE_SHARE,
    combine: combineOf(program),
    nextPath: () => files.nextPath(),
  })
  const needsSort = task.ordered && (program.sort.length > 0 || program.fold.type === 'reduce')
  const output: RowOutput = needsSort
    ? new RowSorter({ program, files, path, budgetBytes: task.memoryBytes * SORT_SHARE, limit: limitOf(work) })
    : new RowWriter(program, path, task.ordered)
  const sink: BatchSink = {
    add(batch) {
      counters.reducedRows += batch.length
      output.add(batch)
    },
  }
  try {
    if (program.fold.type === 'aggregate')
      counters.mergedRecords += await finishAggregates(program, merged.cursor, sink, turn)
    else counters.mergedRecords += await reduceGroups(program, merged.cursor, sink, context, turn)
    return output.finish()
  } catch (error) {
    output.abandon()
    throw error
  } finally {
    merged.close()
  }
}

function combineOf({ key, value, fold }: Program): Combine {
  if (fold.type === 'reduce') return (merged) => merged
  return (merged) => new CombinedCursor(merged, new RowCodec(key), new AggregateSet(fold.aggregates, value))
}

async function finishAggregates(
  program: Program,
  cursor: Cursor,
  sink: BatchSink,
  turn: () => Promise<void>,
): Promise<number> {
  const { key, value, fold, output } = program
  if (fold.type !== 'aggregate') return 0
  const finisher = new AggregateFinisher({ key, value, aggregates: fold.aggregates, output }, sink)
  let records = 0
  while (cursor.next()) {
    finisher.add(cursor)
    if (++records % TURN === 0) await turn()
  }
  finisher.finish()
  return records
}

async function reduceGroups(
  program: Program,
  cursor: Cursor,
  sink: BatchSink,
  context: AttemptContext,
  turn: () => Promise<void>,
): Promise<number> {
  const reducer = program.createReducer?.(sink, context)
  if (!reducer) throw new RuntimeError('bad-program', `job ${program.name}: reduce expected a function, got none`)
  const groups = new GroupedValues(program.key, orderedValues(program), cursor)
  let turned = 0
  while (groups.next()) {
    reducer.reduce(groups.key, 0, groups.values())
    if (groups.records - turned < TURN) continue
    turned = groups.records
    await turn()
  }
  reducer.finish()
  return groups.records
}
