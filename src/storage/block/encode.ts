import { createHash } from 'node:crypto'
import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { AvroRecordSchema } from '../../flow/schema.ts'
import { avroSchema, schemaId } from '../../flow/schema.ts'
import type { SnappyCompressor } from '../avro/codec.ts'
import { CRC_BYTES, snappyLibrary, withCrc } from '../avro/codec.ts'
import { headerBytes, SYNC_LENGTH } from '../avro/header.ts'
import { type PackedRows, SyncBlockEncoder } from '../avro/sync-block-encoder.ts'
import { varint } from '../avro/varint.ts'
import { crc32 } from '../crc32.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { SyncBlockInfo } from './chunks.ts'
import { groupChunks } from './chunks.ts'
import { BlockStatistics } from './statistics.ts'

export interface BlockEncoderOptions {
  /** Name of the record: `Flow`, or that of the job. */
  readonly name: string
  readonly columns: readonly ColumnSpec[]
  readonly recordsPerSync?: number
  /** Default `kernel`; results use the library and a marker from all sync-blocks, so that a result keeps the bytes and the key that it has always had. */
  readonly compressor?: SnappyCompressor
  /** How large the block may become: room for so much is taken at once. */
  readonly sizeBytes?: number
  /**
   * Takes the block piece by piece, of about a megabyte each, as it grows, and gives memory of `PIECE_BYTES` for the next piece, which may be that of an earlier one.
   * `finish` then gives no bytes. Not for results, whose marker is known at the end.
   */
  readonly onPiece?: (piece: Uint8Array) => Uint8Array
}

/** A finished block and what the manifest says about it. */
export interface EncodedBlock {
  /** None of a block that was taken piece by piece. */
  readonly bytes: Uint8Array
  readonly schema: AvroRecordSchema
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
}

/** What a block has room for at first. */
const FIRST_BYTES = 256 << 10

/** Memory of a piece: one ends with the sync-block with which it reaches half of that. */
export const PIECE_BYTES = 2 << 20

const NO_BYTES = new Uint8Array(0)

/** Where a marker will stand. */
const NO_MARKER = new Uint8Array(SYNC_LENGTH)

/**
 * Makes one Avro block from batches of rows. The bytes depend on the rows and their order alone, not on how they were cut into batches.
 * Throws `bad-schema` for columns that Avro cannot name.
 */
export class BlockEncoder {
  private readonly schema: AvroRecordSchema
  private readonly recordsPerSync: number
  private readonly compressor: SnappyCompressor
  private readonly rows: SyncBlockEncoder
  private readonly statistics = new BlockStatistics()
  private readonly syncBlocks: SyncBlockInfo[] = []
  private readonly onPiece: BlockEncoderOptions['onPiece']
  /** Over the header and, for each sync-block that the marker is made from, its count, sizes and checksum. */
  private readonly hash = createHash('sha256')
  /** The sync marker, once it is known. */
  private sync: Uint8Array | undefined
  /** The file from `before` on, of which `size` bytes are used. */
  private file: Uint8Array
  private size = 0
  /** Bytes that were handed over, and their checksum. */
  private before = 0
  private crc = 0
  private pending = 0
  private finished = 0

  constructor(options: BlockEncoderOptions) {
    const { name, columns, recordsPerSync = 4096, compressor = 'kernel', sizeBytes = 0, onPiece } = options
    this.compressor = compressor
    this.schema = avroSchema(name, columns)
    this.recordsPerSync = recordsPerSync
    this.onPiece = onPiece
    this.rows = new SyncBlockEncoder(columns, recordsPerSync)
    this.file = onPiece ? onPiece(NO_BYTES) : new Uint8Array(Math.max(FIRST_BYTES, sizeBytes))
    const header = headerBytes(this.schema)
    this.hash.update(header)
    this.append(header)
    this.append(NO_MARKER)
  }

  /** Size of the file so far; rows that are not compressed yet count plain. */
  get sizeBytes(): number {
    return this.before + this.size + this.rows.sizeBytes
  }

  get records(): number {
    return this.finished + this.pending
  }

  /** Appends the rows of a batch; the batch is free again when this returns. Throws `bad-format` for a value that cannot be stored. */
  add(batch: Batch): void {
    for (let row = 0; row < batch.length; ) {
      const end = Math.min(batch.length, row + this.recordsPerSync - this.pending)
      this.rows.add(batch, row, end)
      this.statistics.add(batch, row, end)
      this.pending += end - row
      row = end
      if (this.pending === this.recordsPerSync) this.closeSyncBlock()
    }
  }

  /** Appends rows as a sync-block that was packed elsewhere; `describe` tells the statistics of them. Throws RangeError within a sync-block. */
  addPacked(records: number, packed: PackedRows, describe: (statistics: BlockStatistics) => void): void {
    this.expectWhole()
    describe(this.statistics)
    this.pending = records
    this.put(packed)
  }

  /** Appends a whole sync-block of rows of a result that are Avro already and have none of the columns that statistics are taken from. Throws RangeError within a sync-block. */
  addRows(plain: Uint8Array, records: number): void {
    this.expectWhole()
    this.pending = records
    this.put({ data: withCrc(snappyLibrary(plain), plain), plainLength: plain.length })
  }

  private expectWhole(): void {
    if (this.pending > 0) throw new RangeError(`storage: whole sync-block expected, got ${this.pending} rows before it`)
  }

  private closeSyncBlock(): void {
    this.put(this.rows.take({ compressor: this.compressor }))
  }

  private put({ data, plainLength }: PackedRows): void {
    const head = Buffer.concat([varint(this.pending), varint(data.length)])
    const isFirst = this.syncBlocks.length === 0
    if (isFirst || !this.sync) {
      this.hash
        .update(head)
        .update(varint(plainLength))
        .update(data.subarray(data.length - CRC_BYTES))
    }
    if (isFirst && this.compressor === 'kernel') this.mark()
    const offset = this.before + this.size
    this.append(head)
    this.append(data)
    this.append(this.sync ?? NO_MARKER)
    const length = this.before + this.size - offset
    this.syncBlocks.push({ offset, length, records: this.pending, span: this.statistics.takeSpan() })
    this.finished += this.pending
    this.pending = 0
    if (this.onPiece && this.size >= PIECE_BYTES / 2) this.file = this.handOver(this.onPiece)
  }

  private append(bytes: Uint8Array): void {
    const needed = this.size + bytes.length
    if (needed > this.file.length) {
      const larger = new Uint8Array(Math.max(needed, this.file.length * 2))
      larger.set(this.file.subarray(0, this.size))
      this.file = larger
    }
    this.file.set(bytes, this.size)
    this.size = needed
  }

  /** Makes what there is a piece; returns memory for the next. */
  private handOver(onPiece: NonNullable<BlockEncoderOptions['onPiece']>): Uint8Array {
    const piece = this.file.subarray(0, this.size)
    this.crc = crc32(piece, this.crc)
    this.before += this.size
    this.size = 0
    return onPiece(piece)
  }

  /** Ends the block; the encoder cannot be used again. */
  finish(): EncodedBlock {
    if (this.pending > 0) this.closeSyncBlock()
    this.rows.close()
    if (!this.sync) this.mark()
    const info = this.describe()
    if (this.onPiece) this.handOver(this.onPiece)
    const bytes = this.onPiece ? NO_BYTES : trimmed(this.file.subarray(0, this.size))
    return { bytes, schema: this.schema, info }
  }

  /**
   * Puts the sync marker in: 16 bytes of a hash, so that equal content gives equal files. It need not cover every byte, because the checksums do: that of flows is
   * made from the header and the first sync-block, so that a block can be stored while it grows.
   */
  private mark(): void {
    const sync = this.hash.digest().subarray(0, SYNC_LENGTH)
    const headerEnd = this.syncBlocks[0]?.offset ?? this.size
    this.file.set(sync, headerEnd - SYNC_LENGTH)
    for (const { offset, length } of this.syncBlocks) this.file.set(sync, offset + length - SYNC_LENGTH)
    this.sync = sync
  }

  private describe(): EncodedBlock['info'] {
    return {
      format: 'avro',
      sizeBytes: this.before + this.size,
      records: this.finished,
      crc32: crc32(this.file.subarray(0, this.size), this.crc),
      schemaId: schemaId(this.schema),
      ...this.statistics.whole,
      exporters: this.statistics.exporters(),
      samplingUnknown: this.statistics.samplingUnknown,
      chunks: groupChunks(this.syncBlocks),
    }
  }
}

/** The bytes, copied when much of the memory that they lie in is empty. */
const trimmed = (bytes: Uint8Array): Uint8Array => (bytes.length * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes)
