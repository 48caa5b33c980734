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

export interface MergeSourcesOptions {
  readonly sources: readonly RunSource[]
  readonly partition: number
  readonly budgetBytes: number
  /** Used where several passes are needed. */
  readonly combine: Combine
  nextPath(): string
}

/** One partition of many committed run files, merged. */
export interface MergedSources {
  readonly cursor: Cursor
  close(): void
}

/** Opens the merge of one partition of committed run files, which stay as they are; more of them than the budget has buffers for are merged in several passes first. */
export function mergeSources(options: MergeSourcesOptions): MergedSources {
  const most = fanIn(options.budgetBytes)
  if (options.sources.length <= most) return open(options)
  const paths: string[] = []
  const width = Math.ceil(options.sources.length / Math.ceil(options.sources.length / most))
  for (let first = 0; first < options.sources.length; first += width)
    paths.push(premerge({ ...options, sources: options.sources.slice(first, first + width) }))
  return openPremerged(paths, options)
}

function open({ sources, partition }: MergeSourcesOptions): MergedSources {
  const readers: RunReader[] = []
  const close = (): void => {
    for (const reader of readers) reader.close()
  }
  try {
    for (const source of sources) readers.push(openSource(source))
    return { cursor: mergeCursors(readers.map((reader) => reader.cursor(partition))), close }
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
  const sources = paths.map((path) => {
    const reader = new RunReader(path)
    reader.close()
    return { path, checksum: reader.checksum, stage: 'merge', task: 0 }
  })
  return mergeSources({ ...options, sources, partition: 0 })
}
