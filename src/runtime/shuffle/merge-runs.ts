import { unlinkSync } from 'node:fs'
import type { Cursor, RecordSink } from './cursor.ts'
import { drain } from './cursor.ts'
import { mergeCursors } from './merge.ts'
import type { RunHeader } from './run-file.ts'
import { FRAME_BYTES, FRAME_PREFIX } from './run-file.ts'
import { RunReader } from './run-reader.ts'
import { RunWriter } from './run-writer.ts'

/** What stands between a merge and whoever reads it: makes one record of those with one key, or hands them on. */
export type Combine = (merged: Cursor) => Cursor

export interface MergeRunsOptions {
  /** Run files of one shape; they are removed once merged. */
  readonly paths: readonly string[]
  readonly header: RunHeader
  /** Bytes for the buffers of a merge. */
  readonly budgetBytes: number
  readonly combine: Combine
  /** Names a temporary file. */
  nextPath(): string
}

/** Fewer inputs than this are never worth a pass of their own. */
const MIN_FAN_IN = 8
/** File handles that one merge may hold open. */
const MAX_FAN_IN = 256

/** How many cursors fit in a budget. */
export const fanIn = (budgetBytes: number): number =>
  Math.min(MAX_FAN_IN, Math.max(MIN_FAN_IN, Math.floor(budgetBytes / (FRAME_BYTES + FRAME_PREFIX + 1024))))

/** Merges spills into a sink, partition by partition, in several passes when there are more of them than the budget has buffers for. */
export function mergeRuns(options: MergeRunsOptions, sink: RecordSink): void {
  const paths = reducePasses(options)
  withReaders(paths, (readers) => {
    for (let partition = 0; partition < options.header.partitions; partition++)
      drain(options.combine(mergeCursors(readers.map((reader) => reader.cursor(partition)))), partition, sink)
  })
  for (const path of paths) unlinkSync(path)
}

/** Merges the oldest files into new ones until few enough are left for one merge. */
function reducePasses(options: MergeRunsOptions): readonly string[] {
  const most = fanIn(options.budgetBytes)
  let paths = options.paths
  while (paths.length > most) {
    const some = paths.slice(0, Math.min(most, paths.length - most + 1))
    const path = options.nextPath()
    const writer = new RunWriter(path, options.header)
    try {
      mergeRuns({ ...options, paths: some }, writer)
    } catch (error) {
      writer.abandon()
      throw error
    }
    writer.finish()
    paths = [...paths.slice(some.length), path]
  }
  return paths
}

/** Opens run files, and closes them whatever happens. */
export function withReaders<T>(paths: readonly string[], use: (readers: readonly RunReader[]) => T): T {
  const readers: RunReader[] = []
  try {
    for (const path of paths) readers.push(new RunReader(path))
    return use(readers)
  } finally {
    for (const reader of readers) reader.close()
  }
}
