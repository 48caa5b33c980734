import type { ColumnSpec } from '../../flow/column.ts'
import { schemaId } from '../../flow/schema.ts'
import { corrupt } from '../avro/codec.ts'
import { BATCH_ROWS, RowDecoder } from '../avro/decoder.ts'
import { type AvroHeader, parseHeader, SYNC_LENGTH } from '../avro/header.ts'
import { Cursor } from '../avro/varint.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import type { BlockSource, ByteRange } from '../store.ts'
import { ByteRun } from './byte-run.ts'
import { type RangeReader, sourceRanges } from './range-reader.ts'

/** Chunks are read together up to about this size, and apart beyond it. */
const RANGE_BYTES = 4 * 1024 * 1024

export interface BlockBytesOptions {
  readonly store: BlockSource
  /** Reads the bytes of the block, as long as they are not damaged. */
  readonly reader: RangeReader
  readonly block: BlockInfo
  /** The schema of the block, as the manifest has it. */
  readonly schema: unknown
  readonly columns: readonly ColumnSpec[]
  /** The chunks that are read, in order. */
  readonly chunks: readonly ChunkInfo[]
  /** Whether the first of them is that of the block, so that the header stands right before it. */
  readonly fromStart: boolean
}

/** The bytes of some chunks of an Avro block, which change to those of another copy when they turn out to be damaged and the store has one. */
export class BlockBytes {
  header: AvroHeader
  run: ByteRun
  readonly #options: BlockBytesOptions
  #isMended = false

  private constructor(options: BlockBytesOptions, run: ByteRun, header: AvroHeader) {
    this.#options = options
    this.run = run
    this.header = header
  }

  /** Reads the header: as part of the run of chunks, or beside it when that starts later. Throws what is wrong with it if no copy has it right. */
  static async open(options: BlockBytesOptions): Promise<BlockBytes> {
    const { store, reader, block, chunks, fromStart } = options
    const length = headerLength(block)
    const run = new ByteRun(reader, rangesOf(chunks, fromStart))
    try {
      if (fromStart) await run.ensure(length)
      const bytes = fromStart ? run.bytes.subarray(0, length) : await store.read(block.key, { offset: 0, length })
      const header = checkHeader(bytes, block)
      if (fromStart) run.at = length
      return new BlockBytes(options, run, header)
    } catch (error) {
      const header = isDamage(error) ? await rightHeader(options) : undefined
      if (!header) throw error
      const bytes = new BlockBytes(options, run, header)
      bytes.#change(chunks[0]![0])
      return bytes
    }
  }

  /**
   * From `position` on, where a sync-block begins, reads each chunk from whichever copy has it right. False when that was done before, or the store has one
   * copy only: then the damage stands. The header is looked at anew too, for nothing in the file guards it: a change of its codec shows in the data.
   */
  async mend(position: number): Promise<boolean> {
    if (this.#isMended || !this.#options.store.readVerified) return false
    this.header = (await rightHeader(this.#options)) ?? this.header
    this.#change(position)
    return true
  }

  #change(position: number): void {
    const { store, block, chunks } = this.#options
    this.#isMended = true
    const verify = (bytes: Uint8Array): boolean => areRows(bytes, this.header, this.#options)
    const left = chunks.flatMap(([offset, length]): ByteRange[] => {
      const from = Math.max(offset, position)
      return from < offset + length ? [{ offset: from, length: offset + length - from }] : []
    })
    const read = (key: string, range?: ByteRange): Promise<Uint8Array> => store.readVerified!(key, range!, verify)
    this.run = new ByteRun(sourceRanges({ read }, block.key), left)
  }
}

/** The header of a copy in which the first chunk can be read by it. */
async function rightHeader(options: BlockBytesOptions): Promise<AvroHeader | undefined> {
  const { store, block } = options
  const [offset, length] = block.chunks[0]!
  let header: AvroHeader | undefined
  const verify = (bytes: Uint8Array): boolean => {
    try {
      const found = checkHeader(bytes.subarray(0, offset), block)
      if (bytes.length < offset + length || !areRows(bytes.subarray(offset), found, options)) return false
      header = found
      return true
    } catch (error) {
      if (isDamage(error)) return false
      throw error
    }
  }
  await store.readVerified?.(block.key, { offset: 0, length: offset + length }, verify)
  return header
}

/** Whether bytes are whole sync-blocks whose checksums hold and whose rows can be decoded. */
function areRows(bytes: Uint8Array, { codec, sync }: AvroHeader, { schema, columns }: BlockBytesOptions): boolean {
  const cursor = new Cursor(bytes, 0)
  const decoder = new RowDecoder({ schema, columns, capacity: BATCH_ROWS })
  try {
    while (cursor.at < bytes.length) {
      const records = cursor.long()
      const size = cursor.long()
      const end = cursor.at + size
      const marker = bytes.subarray(end, end + SYNC_LENGTH)
      if (records < 0 || size < 0 || Buffer.compare(marker, sync) !== 0) return false
      const length = decoder.load(codec, bytes.subarray(cursor.at, end))
      if (records > length) return false
      let next = 0
      for (let row = 0; row < records; row += BATCH_ROWS)
        next = decoder.decode(next, Math.min(BATCH_ROWS, records - row))
      if (next !== length) return false
      cursor.at = end + SYNC_LENGTH
    }
    return bytes.length > 0
  } catch (error) {
    if (isDamage(error)) return false
    throw error
  } finally {
    decoder.close()
  }
}

/** The header ends where the first chunk begins. */
const headerLength = (block: BlockInfo): number => block.chunks[0]![0]

/** The header that was right last: the chunks of a block are often read by several runs, each of which begins with it. */
let known: { readonly bytes: Uint8Array; readonly schemaId: string; readonly header: AvroHeader } | undefined

function checkHeader(bytes: Uint8Array, block: BlockInfo): AvroHeader {
  if (known?.schemaId === block.schemaId && Buffer.compare(known.bytes, bytes) === 0) return known.header
  const header = parseHeader(bytes)
  if (header.length !== headerLength(block))
    throw corrupt(`a header of ${headerLength(block)} bytes`, String(header.length))
  const id = schemaId(header.schema)
  if (id !== block.schemaId) throw corrupt(`schema ${block.schemaId}`, id)
  known = { bytes: bytes.slice(), schemaId: id, header }
  return header
}

/** The ranges to read: neighbouring chunks together, with the header before the first when it is wanted, a large chunk in pieces. */
export function rangesOf(chunks: readonly ChunkInfo[], hasHeader: boolean): ByteRange[] {
  const ranges: { offset: number; length: number }[] = []
  let open: { offset: number; length: number } | undefined
  for (const [i, [offset, length]] of chunks.entries()) {
    const before = i === 0 && hasHeader ? offset : 0
    if (open && open.length + length <= RANGE_BYTES) {
      open.length += length
      continue
    }
    open = undefined
    const size = before + length
    for (let done = 0; done < size; done += RANGE_BYTES) {
      open = { offset: offset - before + done, length: Math.min(RANGE_BYTES, size - done) }
      ranges.push(open)
    }
  }
  return ranges
}

/** True for an error that says that bytes are not what was written. */
export function isDamage(error: unknown): error is StorageError {
  return error instanceof StorageError && ['corrupt', 'bad-format', 'bad-schema'].includes(error.code)
}
