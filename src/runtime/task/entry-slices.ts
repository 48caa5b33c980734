import { GroupLayout } from '../aggregate/group-layout.ts'
import { entryWriter } from '../aggregate/group-records.ts'
import type { LiveCounters } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { PartitionRange } from '../plan/partitions.ts'
import type { Program } from '../program.ts'
import type { SourceSlice } from '../shuffle/merge-sources.ts'
import { sliceOfEach, temporarySource } from '../shuffle/merge-sources.ts'
import type { RunHeader } from '../shuffle/run-file.ts'
import type { RunSource } from '../shuffle/run-source.ts'
import { openSource } from '../shuffle/run-source.ts'
import type { SourceReaders } from '../shuffle/source-readers.ts'
import type { ReduceTask } from './description.ts'
import { sketchAt } from './entry-bounds.ts'
import type { TaskEnvironment } from './map-task.ts'
import type { AttemptContext } from './task-context.ts'
import { writeRun } from './write-run.ts'

/** What the steps of a reduce task share. */
export interface ReduceWork {
  readonly task: ReduceTask
  readonly environment: TaskEnvironment
  readonly counters: LiveCounters
  readonly context: AttemptContext
  readonly readers: SourceReaders
  /** Lets the event loop turn. */
  turn(): Promise<void>
}

/** A slice of entries of fold tables. */
export interface EntrySlice extends SourceSlice {
  /** Which share of all keys. */
  readonly share: number
  readonly entries: number
  /** No sum of its entries is above this, but for rounding. */
  readonly total: number
}

/** Share of the budget of an attempt that entries being sorted may take. */
const SORT_SHARE = 0.4

/**
 * The slices of some partitions, of whatever content the run files are; empty ones are left out. Entries of which records may have the keys have an infinite total. Entries of another
 * length than what is wanted were left by another version, and fail as if they were damaged, so that they are made again.
 */
export function listSlices(
  sources: readonly RunSource[],
  readers: SourceReaders,
  { first, count }: PartitionRange,
  wanted: number | undefined,
): { readonly entries: readonly EntrySlice[]; readonly records: readonly SourceSlice[] } {
  const entries: EntrySlice[] = []
  const records: SourceSlice[] = []
  let overlaps = false
  for (const source of sources) {
    const reader = readers.of(source)
    const { header, slices } = reader
    if (header.content !== 'groups') {
      for (let partition = first; partition < first + count; partition++)
        if (slices[partition]?.records !== 0) records.push({ source, slice: partition })
      continue
    }
    const { partitions, shares = 1, entryBytes } = header
    if (entryBytes !== wanted) {
      const { path } = source
      const message = `run file: ${path}: entries expected of ${wanted} bytes, got ${entryBytes}`
      throw new RuntimeError('corrupt-run-file', message, { path })
    }
    const entrySlices = partitions * shares
    const end = sketchAt(reader) ?? slices.length
    for (let section = 0; section < end; section += entrySlices + partitions) {
      for (let share = first * shares; share < (first + count) * shares; share++) {
        const slice = section + share
        const { records: held, total = 0 } = slices[slice]!
        if (held > 0) entries.push({ source, slice, share, entries: held, total })
      }
      for (let partition = first; partition < first + count; partition++) {
        const slice = section + entrySlices + partition
        const { records: held, overlaps: both = false } = slices[slice]!
        if (held > 0) records.push({ source, slice })
        overlaps ||= both
      }
    }
  }
  return {
    entries: overlaps ? entries.map((slice) => ({ ...slice, total: Number.POSITIVE_INFINITY })) : entries,
    records,
  }
}

/** The way that always works: turns slices of entries into sorted records that can be merged as any others are, in run files of the task's own. */
export async function sortEntries(
  { task, environment, turn }: ReduceWork,
  slices: readonly EntrySlice[],
): Promise<SourceSlice[]> {
  const { program, files } = environment
  const layout = layoutOf(program)
  const most = Math.max(1, Math.floor((task.memoryBytes * SORT_SHARE) / (layout.strideBytes + 8)))
  const write = entryWriter(layout)
  const { key, value } = program
  const header: RunHeader = { content: 'aggregate', key, value, partitions: 1 }
  const paths: string[] = []
  for (const { source, slice, entries } of slices) {
    const reader = openSource(source)
    try {
      const chunk = new Uint8Array(Math.min(most, entries) * layout.strideBytes)
      let filled = 0
      const flush = (): void => {
        if (filled === 0) return
        const path = files.nextPath()
        const words = new Uint32Array(chunk.buffer, 0, filled / 4)
        writeRun(path, header, (writer) => write(words, writer))
        paths.push(path)
        filled = 0
      }
      for (const frame of reader.frames(slice)) {
        for (let at = 0; at < frame.length; at += layout.strideBytes) {
          if (filled === chunk.length) flush()
          chunk.set(frame.subarray(at, at + layout.strideBytes), filled)
          filled += layout.strideBytes
        }
      }
      flush()
    } finally {
      reader.close()
    }
    await turn()
  }
  return sliceOfEach(paths.map(temporarySource), 0)
}

/** How many rows of a partition are wanted at most; the result has the first of them all. */
export const limitOf = ({ task, environment }: ReduceWork): number | undefined =>
  task.ordered ? environment.program.limit : undefined

/** Bytes of the entries that a program leaves, if it leaves any. */
export const entryBytesOf = (program: Program): number | undefined => findLayout(program)?.strideBytes

const findLayout = ({ key, value, fold }: Program): GroupLayout | undefined =>
  fold.type === 'aggregate' ? GroupLayout.for({ key, value, aggregates: fold.aggregates }) : undefined

/** The layout of the entries that a program leaves. */
export function layoutOf(program: Program): GroupLayout {
  const { name } = program
  const layout = findLayout(program)
  if (layout) return layout
  throw new RuntimeError('bad-program', `job ${name}: run files expected records, got entries`)
}
