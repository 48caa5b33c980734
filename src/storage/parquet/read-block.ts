import type { ColumnSpec } from '../../flow/column.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { ReadPagesOptions } from '../block/read.ts'
import type { RowPages } from '../block/row-pages.ts'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import { openObject } from '../open-object.ts'
import { readsUnderWay } from '../read-ahead.ts'
import type { BlockSource, OpenObject } from '../store.ts'
import type { FetchedGroup } from './fetch.ts'
import { GroupFetcher, largestFetch, planFetches } from './fetch.ts'
import type { GroupPagesOptions, Progress } from './group-pages.ts'
import { GroupPages } from './group-pages.ts'
import { layOut, memoryNeeded } from './layout.ts'
import type { Leaf } from './leaves.ts'
import { leavesOf } from './leaves.ts'
import type { SchemaLeaf } from './metadata.ts'
import { openBlock } from './open-block.ts'
import { GroupReader } from './read-group.ts'

/**
 * Reads a Parquet block a row group at a time, in pages: batches of up to 16,384 rows whose columns are views of kernel memory, reused from one to the
 * next. Only the chunks of the columns asked for are fetched, those of the next row groups while the caller computes. When something in the block is damaged and
 * the store has a copy whose checksum is that of the manifest, the rest is read from that one, in memory.
 */
export async function* readParquetBlock(options: ReadPagesOptions): AsyncGenerator<RowPages> {
  const { store, block, onCorrupt, ...rest } = options
  const progress = { chunk: options.chunks?.first ?? 0, rows: 0 }
  if (!store.readVerified) return yield* readFrom(options, progress)
  try {
    yield* readFrom({ store, block, ...rest }, progress)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'corrupt') throw error
    const right = await rightCopy(store, block)
    if (!right && !onCorrupt) throw error
    yield* readFrom({ ...options, store: right ?? store }, progress)
  }
}

/** A copy of a block with the checksum of the manifest, in memory; undefined when there is none. */
async function rightCopy(
  store: BlockSource,
  { key, sizeBytes, crc32: expected }: BlockInfo,
): Promise<BlockSource | undefined> {
  let right: Uint8Array | undefined
  await store.readVerified?.(key, { offset: 0, length: sizeBytes }, (bytes) => {
    if (bytes.length !== sizeBytes || crc32(bytes) !== expected) return false
    right = bytes
    return true
  })
  const bytes = right
  if (!bytes) return undefined
  return {
    read: async (_key, { offset, length } = { offset: 0, length: sizeBytes }) =>
      bytes.subarray(offset, offset + length),
  }
}

async function* readFrom(options: ReadPagesOptions, progress: Progress): AsyncGenerator<RowPages> {
  const object = await openObject(options.store, options.block.key)
  try {
    yield* readGroups(options, progress, object)
  } finally {
    await object.close()
  }
}

async function* readGroups(
  options: ReadPagesOptions,
  progress: Progress,
  object: OpenObject,
): AsyncGenerator<RowPages> {
  const { store, block, schema, first: names, kernels } = options
  const [columns, firstColumns] = inOrder(options.columns, names)
  const asked = leavesOf(columns)
  const indexesOf = (leaves: readonly SchemaLeaf[]): number[] => wantedOf(asked, leaves).map(({ index }) => index)
  const { groups, leaves } = await openBlock(object, { block, schema, kernels, indexesOf })
  const { first, count } = options.chunks ?? { first: 0, count: groups.length }
  const wanted = wantedOf(asked, leaves).map(({ leaf }) => leaf)
  const end = Math.min(first + count, groups.length)
  const left = groups.slice(progress.chunk, end)
  const fetches = planFetches(left)
  const fetchBytes = largestFetch(fetches)
  const ahead = readsUnderWay(store, fetchBytes)
  const needed = memoryNeeded({ groups: left, wanted, block, fetchBytes, ahead })
  const instance = borrowKernels(needed, kernels)
  let fetcher: GroupFetcher | undefined
  try {
    const { memory } = instance
    const place = layOut(memory, columns, wanted)
    const firstLeaves = place.targets.filter(({ leaf }) => firstColumns.some(({ name }) => name === leaf.column)).length
    fetcher = new GroupFetcher({ object, fetches, memory, ahead })
    const reader = new GroupReader(instance, place, block.key)
    const base = memory.mark
    for (let fetched = await fetcher.next(); fetched; fetched = await fetcher.next()) {
      memory.release(base)
      const pages = openGroup(fetched, { reader, place, first: firstLeaves, progress }, options)
      if (pages) yield pages
      pages?.check()
      progress.chunk++
      progress.rows = 0
    }
  } finally {
    await fetcher?.settle()
    returnKernels(instance)
  }
}

/** Columns in the order in which they are read, and those that are read first: all, when nothing is said. */
function inOrder(
  columns: readonly ColumnSpec[],
  names: readonly string[] | undefined,
): [readonly ColumnSpec[], readonly ColumnSpec[]] {
  if (!names) return [columns, columns]
  const first = columns.filter(({ name }) => names.includes(name))
  return [[...first, ...columns.filter(({ name }) => !names.includes(name))], first]
}

/** The leaves that a block has of those asked for, and their numbers there. */
function wantedOf(asked: readonly Leaf[], stored: readonly SchemaLeaf[]): { leaf: Leaf; index: number }[] {
  return asked.flatMap((leaf) => {
    const { name, physical, optional } = leaf
    const isSame = (other: SchemaLeaf): boolean =>
      other.name === name && other.physical === physical && other.optional === optional
    const index = stored.findIndex(isSame)
    return index < 0 ? [] : [{ leaf, index }]
  })
}

/** The pages of the row group that `progress` is in; undefined for one with a bad page that is left out whole. */
function openGroup(
  fetched: FetchedGroup,
  options: Omit<GroupPagesOptions, 'rows' | 'firstRecord'>,
  { block, onCorrupt }: ReadPagesOptions,
): GroupPages | undefined {
  const { reader, progress } = options
  const [offset = 0, , rows = 0] = block.chunks[progress.chunk] ?? []
  try {
    reader.open(fetched)
  } catch (error) {
    if (!onCorrupt || !(error instanceof StorageError)) throw error
    onCorrupt({ key: block.key, offset: Number(error.details.offset ?? offset), records: rows, error })
    return undefined
  }
  return new GroupPages({ ...options, rows, firstRecord: recordsBefore(block, progress.chunk) })
}

function recordsBefore(block: BlockInfo, chunk: number): number {
  let records = 0
  for (let i = 0; i < chunk; i++) records += block.chunks[i]?.[2] ?? 0
  return records
}
