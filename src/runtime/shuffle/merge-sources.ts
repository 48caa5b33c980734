import type { Cursor } from './cursor.ts'
import { drain } from './cursor.ts'
import { mergeCursors } from './merge.ts'
import type { Combine } from './merge-runs.ts'
import { fanIn } from './merge-runs.ts'
import type { RunHeader } from './run-file.ts'
import { RunReader } from './run-reader.ts'
import type { RunSource } from './run-source.ts'
import { openSource } from './run-source.ts'
import { RunWriter } from './run-writer.ts'

/** One slice of a committed run file. */
export interface SourceSlice {
  readonly source: RunSource
  readonly slice: number
}

export interface MergeSourcesOptions {
  readonly slices: readonly SourceSlice[]
  readonly budgetBytes: number
  /** Used where several passes are needed. */
  readonly combine: Combine
  nextPath(): string
}

/** Slices of committed run files, merged. */
export interface MergedSources {
  readonly cursor: Cursor
  close(): void
}

/** The same slice of every source. */
export const sliceOfEach = (sources: readonly RunSource[], slice: number): SourceSlice[] =>
  sources.map((source) => ({ source, slice }))

/** Opens the merge of slices of committed run files, which stay as they are; more of them than the budget has buffers for are merged in several passes first. */
export function mergeSources(options: MergeSourcesOptions): MergedSources {
  const most = fanIn(options.budgetBytes)
  const { slices } = options
  if (slices.length <= most) return open(options)
  const paths: string[] = []
  const width = Math.ceil(slices.length / Math.ceil(slices.length / most))
  for (let first = 0; first < slices.length; first += width)
    paths.push(premerge({ ...options, slices: slices.slice(first, first + width) }))
  return openPremerged(paths, options)
}

function open({ slices }: MergeSourcesOptions): MergedSources {
  const readers: RunReader[] = []
  const close = (): void => {
    for (const reader of readers) reader.close()
  }
  try {
    const cursors = slices.map(({ source, slice }) => {
      const reader = openSource(source)
      readers.push(reader)
      return reader.cursor(slice)
    })
    return { cursor: mergeCursors(cursors), close }
  } catch (error) {
    close()
    throw error
  }
}

/** Merges some sources into a temporary run file of one partition. */
function premerge(options: MergeSourcesOptions): string {
  const merged = open(options)
  const path = options.nextPath()
  const header: RunHeader = { content: 'rows', key: [], value: [], partitions: 1 }
  const writer = new RunWriter(path, header)
  try {
    drain(options.combine(merged.cursor), 0, writer)
    writer.finish()
    return path
  } catch (error) {
    writer.abandon()
    throw error
  } finally {
    merged.close()
  }
}

function openPremerged(paths: readonly string[], options: MergeSourcesOptions): MergedSources {
  return mergeSources({ ...options, slices: sliceOfEach(paths.map(temporarySource), 0) })
}

/** A run file of the task's own as a source. */
export function temporarySource(path: string): RunSource {
  const reader = new RunReader(path)
  reader.close()
  return { path, checksum: reader.checksum, stage: 'merge', task: 0 }
}
