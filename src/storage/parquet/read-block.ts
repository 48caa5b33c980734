import { crc32 } from 'node:zlib'
import type { Batch } from '../../flow/batch.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { BlockDamage, BlockRows, ReadBlockOptions } from '../block/read.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import { openObject } from '../open-object.ts'
import type { BlockSource } from '../store.ts'
import type { FetchedChunk } from './fetch.ts'
import { fetchBytes, fetchGroup } from './fetch.ts'
import { layOut, memoryNeeded } from './layout.ts'
import { leavesOf } from './leaves.ts'
import { openBlock } from './open-block.ts'
import type { LeafTarget } from './read-group.ts'
import { GroupReader } from './read-group.ts'
import { PAGE_ROWS } from './rows.ts'

/**
 * Reads a Parquet block page by page: batches of up to 16,384 rows whose columns are views of kernel memory, reused from one to the
 * next. Only the chunks of the columns asked for are fetched, those of the next row group while the caller computes. When something in the block is damaged and
 * the store has a copy whose checksum is that of the manifest, the rest is read from that one, in memory.
 */
export async function* readParquetBlock(options: ReadBlockOptions): AsyncGenerator<BlockRows> {
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

/** How far a block has been read: rows handed out of a chunk. */
interface Progress {
  chunk: number
  rows: number
}

async function* readFrom(options: ReadBlockOptions, progress: Progress): AsyncGenerator<BlockRows> {
  const { store, block, schema, columns, onCorrupt } = options
  const { groups, leaves } = await openBlock(store, block, schema)
  const { first, count } = options.chunks ?? { first: 0, count: groups.length }
  const wanted = leavesOf(columns).flatMap((leaf) => {
    const index = leaves.findIndex(
      (stored) => stored.name === leaf.name && stored.physical === leaf.physical && stored.optional === leaf.optional,
    )
    return index < 0 ? [] : [{ leaf, index }]
  })
  const end = Math.min(first + count, groups.length)
  const left = groups.slice(progress.chunk, end)
  const needed = memoryNeeded(left, wanted, block)
  const object = await openObject(store, block.key)
  const instance = borrowKernels(needed, options.kernels)
  let pending: Promise<FetchedChunk[]> | undefined
  try {
    const { memory } = instance
    const { batch, targets, scratch } = layOut(memory, columns, wanted)
    const fetchedBytes = Math.max(0, ...left.map((group) => fetchBytes(group, wanted)))
    const places = [memory.allocate(fetchedBytes), memory.allocate(fetchedBytes)]
    const base = memory.mark
    const fetch = (chunk: number): Promise<FetchedChunk[]> | undefined =>
      chunk < end ? fetchGroup(object, groups[chunk]!, wanted, memory, places[chunk % 2]!) : undefined
    pending = fetch(progress.chunk)
    while (pending) {
      const fetched = await pending
      pending = fetch(progress.chunk + 1)
      pending?.catch(() => undefined) // awaited on the next turn, or at the end when the caller stops early
      memory.release(base)
      yield* readGroup({ instance, batch, targets, scratch, block, onCorrupt }, fetched, progress)
      progress.chunk++
      progress.rows = 0
    }
  } finally {
    // What is on its way goes to memory that is somebody else's afterwards.
    await pending?.catch(() => undefined)
    await object.close()
    returnKernels(instance)
  }
}

function recordsBefore(block: BlockInfo, chunk: number): number {
  let records = 0
  for (let i = 0; i < chunk; i++) records += block.chunks[i]?.[2] ?? 0
  return records
}

interface Place {
  readonly instance: KernelInstance
  readonly batch: Batch
  readonly targets: readonly LeafTarget[]
  readonly scratch: number
  readonly block: BlockInfo
  readonly onCorrupt: ((damage: BlockDamage) => void) | undefined
}

/** Hands out the pages of one row group that were not yet; one with a bad page is left out whole. */
function* readGroup(place: Place, fetched: readonly FetchedChunk[], progress: Progress): Generator<BlockRows> {
  const { instance, batch, targets, scratch, block, onCorrupt } = place
  const [offset = 0, , rows = 0] = block.chunks[progress.chunk] ?? []
  const firstRecord = recordsBefore(block, progress.chunk)
  const chunks = fetched.map((part, i) => ({ ...part, target: targets[i] as LeafTarget }))
  const reader = new GroupReader({
    memory: instance.memory,
    kernels: instance.kernels,
    scratch,
    block: block.key,
    chunks,
  })
  try {
    reader.verify()
  } catch (error) {
    if (!onCorrupt || !(error instanceof StorageError)) throw error
    onCorrupt({ key: block.key, offset: Number(error.details.offset ?? offset), records: rows, error })
    return
  }
  for (let at = 0; at < rows; at += PAGE_ROWS) {
    reader.readPage(batch, Math.min(PAGE_ROWS, rows - at))
    if (at < progress.rows) continue
    yield { batch, firstRecord: firstRecord + at }
    progress.rows = at + batch.length
  }
}
