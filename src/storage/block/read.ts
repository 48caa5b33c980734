import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { corrupt } from '../avro/codec.ts'
import { RowDecoder } from '../avro/decoder.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import { readParquetBlock } from '../parquet/read-block.ts'
import type { BlockSource } from '../store.ts'
import { BlockBytes, isDamage } from './block-bytes.ts'
import type { Frame } from './frame.ts'
import { readFrame } from './frame.ts'
import type { RowPages } from './row-pages.ts'
import { WholePage } from './row-pages.ts'

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
  /** What decodes the rows of an Avro block, of this schema into these columns; by default one is made, and closed in the end. */
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

/** Rows that are decoded at a time. */
export const BATCH_ROWS = 4096

/**
 * Reads the wanted columns of a block of either format, chunk by chunk, in order. Checksums, sync markers and counts are checked. Throws `corrupt`, naming block and
 * byte position (or tells `onCorrupt` and goes on), and `bad-schema` when the block can never hold the columns. Errors of the store pass through.
 */
export async function* readBlock(options: ReadBlockOptions): AsyncGenerator<BlockRows, void, undefined> {
  if (options.block.format !== 'parquet') return yield* readAvroBlock(options)
  for await (const pages of readParquetBlock(options))
    for (let page = pages.next(); page; page = pages.next()) yield page
}

/** `readBlock` for who may not want all columns of a page; those of Avro are all there. */
export async function* readBlockPages(options: ReadPagesOptions): AsyncGenerator<RowPages, void, undefined> {
  if (options.block.format === 'parquet') yield* readParquetBlock(options)
  else for await (const rows of readAvroBlock(options)) yield new WholePage(rows)
}

async function* readAvroBlock(options: ReadBlockOptions): AsyncGenerator<BlockRows, void, undefined> {
  const { block, schema, columns } = options
  const { first, count } = options.chunks ?? { first: 0, count: block.chunks.length }
  const chunks = block.chunks.slice(first, first + count)
  const { decoder = new RowDecoder({ schema, columns, capacity: BATCH_ROWS, kernels: options.kernels }) } = options
  try {
    yield* readAvroChunks(options, chunks, first, decoder)
  } finally {
    if (decoder !== options.decoder) decoder.close()
  }
}

async function* readAvroChunks(
  { store, block, schema, columns, onCorrupt }: ReadBlockOptions,
  chunks: readonly ChunkInfo[],
  first: number,
  decoder: RowDecoder,
): AsyncGenerator<BlockRows, void, undefined> {
  if (chunks.length === 0) return
  let bytes: BlockBytes
  try {
    bytes = await BlockBytes.open({ store, block, schema, columns, chunks, fromStart: first === 0 })
  } catch (error) {
    const damage = locate(error, block.key, 0)
    if (!onCorrupt) throw damage
    onCorrupt({ key: block.key, offset: 0, records: recordsIn(chunks), error: damage })
    return
  }
  let firstRecord = recordsIn(block.chunks.slice(0, first))
  for (const chunk of chunks) {
    yield* readChunk({ block, bytes, decoder, onCorrupt }, chunk, firstRecord)
    firstRecord += chunk[2]
  }
}

interface ChunkReader {
  readonly block: BlockInfo
  readonly bytes: BlockBytes
  readonly decoder: RowDecoder
  readonly onCorrupt: ((damage: BlockDamage) => void) | undefined
}

/**
 * Reads the sync-blocks of one chunk. Damage inside a sync-block that is still framed by its marker costs that sync-block, any other the rest of
 * the chunk; either way the rows lost are those of the chunk that were not handed out. Where the store has another copy, that is read first.
 */
async function* readChunk(
  reader: ChunkReader,
  chunk: ChunkInfo,
  chunkFirst: number,
): AsyncGenerator<BlockRows, void, undefined> {
  const { block, bytes, decoder, onCorrupt } = reader
  const [offset, length, records] = chunk
  let damage: { offset: number; error: StorageError } | undefined
  const note = (error: unknown, at: number): void => {
    const located = locate(error, block.key, at)
    if (!onCorrupt) throw located
    damage ??= { offset: at, error: located }
  }
  let seen = 0
  let handed = 0
  await bytes.run.skipTo(offset)
  while (bytes.run.position < offset + length) {
    const at = bytes.run.position
    let frame: Frame
    try {
      frame = await readFrame(bytes.run, offset + length, bytes.header.sync)
      if (seen + frame.records > records) throw corrupt(`at most ${records - seen} records`, String(frame.records))
    } catch (error) {
      if (isDamage(error) && (await bytes.mend(at))) continue
      note(error, at)
      break
    }
    let row = 0
    try {
      let next = 0
      const length = decoder.load(bytes.header.codec, frame.data)
      if (frame.records > length) throw corrupt(`${frame.records} records`, `${length} bytes`)
      while (row < frame.records) {
        const rows = Math.min(BATCH_ROWS, frame.records - row)
        next = decoder.decode(next, rows)
        if (row + rows === frame.records && next !== length) throw corrupt(`rows of ${length} bytes`, String(next))
        yield { batch: decoder.batch, firstRecord: chunkFirst + seen + row }
        row += rows
        handed += rows
      }
    } catch (error) {
      if (row === 0 && isDamage(error) && (await bytes.mend(at))) continue
      note(error, at)
    }
    seen += frame.records
  }
  if (seen !== records && !damage) note(corrupt(`${records} records in the chunk`, String(seen)), offset)
  if (damage) onCorrupt?.({ key: block.key, records: records - handed, ...damage })
}

function recordsIn(chunks: readonly ChunkInfo[]): number {
  return chunks.reduce((sum, [, , records]) => sum + records, 0)
}

/** Adds block and position to what is wrong with its bytes; any other error is passed on. */
function locate(error: unknown, key: string, offset: number): StorageError {
  if (!isDamage(error)) throw error
  const reason = error.message.replace(/^storage: /, '')
  return new StorageError('corrupt', `storage: block ${key} at byte ${offset}: ${reason}`, { key, offset }, error)
}
