import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { BATCH_ROWS, RowDecoder } from '../avro/decoder.ts'
import type { StorageError } from '../errors.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import { openObject } from '../open-object.ts'
import { readParquetBlock } from '../parquet/read-block.ts'
import { readsUnderWay } from '../read-ahead.ts'
import type { BlockSource } from '../store.ts'
import { BlockBytes, rangesOf } from './block-bytes.ts'
import { ChunkPages, locate } from './chunk-pages.ts'
import { RangePlaces, type RangeReader, sourceRanges } from './range-reader.ts'
import type { RowPages } from './row-pages.ts'

export interface ReadBlockOptions {
  readonly store: BlockSource
  readonly block: BlockInfo
  /** The schema of the block, as the manifest has it; the one in the file must have the same id. */
  readonly schema: unknown
  /** The columns wanted; those that the block lacks get their default. */
  readonly columns: readonly ColumnSpec[]
  /** Which chunks to read; all when not given. */
  readonly chunks?: { readonly first: number; readonly count: number }
  /** Where the columns are to lie, when there is room. */
  readonly kernels?: KernelInstance | undefined
  /** What decodes the rows of an Avro block, of this schema into these columns, from bytes where the store has them; by default they are read into memory beside one of its own. */
  readonly decoder?: RowDecoder
  /** Told of each chunk with damage, whose bad rows are then left out; without it damage is an error. */
  readonly onCorrupt?: (damage: BlockDamage) => void
}

export interface ReadPagesOptions extends ReadBlockOptions {
  /** The columns that a page needs before the caller knows whether it wants the others; all when not given. */
  readonly first?: readonly string[] | undefined
}

/** Rows of a chunk that could not be read. */
export interface BlockDamage {
  readonly key: string
  /** Byte position of the first damaged sync-block. */
  readonly offset: number
  /** Rows lost. */
  readonly records: number
  readonly error: StorageError
}

export interface BlockRows {
  /** Used again for the next rows. */
  readonly batch: Batch
  /** Number of row 0 of the batch within the block. */
  readonly firstRecord: number
}

/**
 * Reads the wanted columns of a block of either format, chunk by chunk, in order. Checksums, sync markers and counts are checked. Throws `corrupt`, naming block and
 * byte position (or tells `onCorrupt` and goes on), and `bad-schema` when the block can never hold the columns. Errors of the store pass through.
 */
export async function* readBlock(options: ReadBlockOptions): AsyncGenerator<BlockRows, void, undefined> {
  for await (const pages of readBlockPages(options)) for (let page = pages.next(); page; page = pages.next()) yield page
}

/** `readBlock` for who may not want all columns of a page; those of Avro are all there. */
export function readBlockPages(options: ReadPagesOptions): AsyncGenerator<RowPages, void, undefined> {
  return options.block.format === 'parquet' ? readParquetBlock(options) : readAvroBlock(options)
}

async function* readAvroBlock(options: ReadBlockOptions): AsyncGenerator<RowPages, void, undefined> {
  const { store, block, schema, columns, decoder } = options
  const { first, count } = options.chunks ?? { first: 0, count: block.chunks.length }
  const chunks = block.chunks.slice(first, first + count)
  if (chunks.length === 0) return
  if (decoder) return yield* readChunks(options, { chunks, first, decoder, reader: sourceRanges(store, block.key) })
  const rangeBytes = Math.max(...rangesOf(chunks, first === 0).map(({ length }) => length))
  const ahead = readsUnderWay(store, rangeBytes)
  const needed = RangePlaces.bytesNeeded(rangeBytes, ahead) + RowDecoder.bytesNeeded(columns, BATCH_ROWS)
  const kernels = borrowKernels(needed, options.kernels)
  const object = await openObject(store, block.key)
  const reader = new RangePlaces({ object, memory: kernels.memory, rangeBytes, ahead })
  let own: RowDecoder | undefined
  try {
    own = new RowDecoder({ schema, columns, capacity: BATCH_ROWS, kernels })
    yield* readChunks(options, { chunks, first, decoder: own, reader })
  } finally {
    own?.close()
    await reader.close()
    returnKernels(kernels)
  }
}

interface ChunkReader {
  readonly chunks: readonly ChunkInfo[]
  /** The number of the first of them. */
  readonly first: number
  readonly decoder: RowDecoder
  readonly reader: RangeReader
}

async function* readChunks(
  { store, block, schema, columns, onCorrupt }: ReadBlockOptions,
  { chunks, first, decoder, reader }: ChunkReader,
): AsyncGenerator<RowPages, void, undefined> {
  let bytes: BlockBytes
  try {
    bytes = await BlockBytes.open({ store, reader, block, schema, columns, chunks, fromStart: first === 0 })
  } catch (error) {
    const damage = locate(error, block.key, 0)
    if (!onCorrupt) throw damage
    onCorrupt({ key: block.key, offset: 0, records: recordsIn(chunks), error: damage })
    return
  }
  let firstRecord = recordsIn(block.chunks.slice(0, first))
  for (const chunk of chunks) {
    await bytes.run.skipTo(chunk[0])
    const pages = new ChunkPages({ block, bytes, decoder, onCorrupt }, chunk, firstRecord)
    while (await pages.ready()) yield pages
    firstRecord += chunk[2]
  }
}

function recordsIn(chunks: readonly ChunkInfo[]): number {
  return chunks.reduce((sum, [, , records]) => sum + records, 0)
}
