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
  /** Default `kernel`; results use the library, so that a result keeps the bytes and the key that it has always had. */
  readonly compressor?: SnappyCompressor
  /** How large the block may become: room for so much is taken at once. */
  readonly sizeBytes?: number
}

/** A finished block and what the manifest says about it. */
export interface EncodedBlock {
  readonly bytes: Uint8Array
  readonly schema: AvroRecordSchema
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
}

/** What a block has room for at first. */
const FIRST_BYTES = 256 << 10

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
  /** Over the header and, for each sync-block, its count, sizes and checksum. */
  private readonly hash = createHash('sha256')
  /** The file so far; the markers are put in at the end, when they are known. */
  private file: Uint8Array
  private size = 0
  private pending = 0
  private finished = 0

  constructor({ name, columns, recordsPerSync = 4096, compressor = 'kernel', sizeBytes = 0 }: BlockEncoderOptions) {
    this.compressor = compressor
    this.schema = avroSchema(name, columns)
    this.recordsPerSync = recordsPerSync
    this.rows = new SyncBlockEncoder(columns, recordsPerSync)
    this.file = new Uint8Array(Math.max(FIRST_BYTES, sizeBytes))
    const header = headerBytes(this.schema)
    this.hash.update(header)
    this.append(header)
    this.size += SYNC_LENGTH
  }

  /** Size of the file so far; rows that are not compressed yet count plain. */
  get sizeBytes(): number {
    return this.size + this.rows.sizeBytes
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
    this.put(this.rows.take(this.compressor))
  }

  private put({ data, plainLength }: PackedRows): void {
    const head = Buffer.concat([varint(this.pending), varint(data.length)])
    this.hash
      .update(head)
      .update(varint(plainLength))
      .update(data.subarray(data.length - CRC_BYTES))
    const offset = this.size
    this.append(head)
    this.append(data)
    this.size += SYNC_LENGTH
    const length = this.size - offset
    this.syncBlocks.push({ offset, length, records: this.pending, span: this.statistics.takeSpan() })
    this.finished += this.pending
    this.pending = 0
  }

  /** Appends bytes to the file, with room for a marker behind them. */
  private append(bytes: Uint8Array): void {
    const needed = this.size + bytes.length + SYNC_LENGTH
    if (needed > this.file.length) {
      const larger = new Uint8Array(Math.max(needed, this.file.length * 2))
      larger.set(this.file.subarray(0, this.size))
      this.file = larger
    }
    this.file.set(bytes, this.size)
    this.size += bytes.length
  }

  /** Ends the block; the encoder cannot be used again. */
  finish(): EncodedBlock {
    if (this.pending > 0) this.closeSyncBlock()
    this.rows.close()
    const bytes = this.file.subarray(0, this.size)
    this.mark(bytes)
    return { bytes: trimmed(bytes), schema: this.schema, info: this.describe(bytes) }
  }

  /**
   * Puts the sync marker in: 16 bytes of a hash, so that equal content gives equal files. It need not cover every byte again, because
   * the checksums do.
   */
  private mark(bytes: Uint8Array): void {
    const sync = this.hash.digest().subarray(0, SYNC_LENGTH)
    bytes.set(sync, (this.syncBlocks[0]?.offset ?? bytes.length) - SYNC_LENGTH)
    for (const { offset, length } of this.syncBlocks) bytes.set(sync, offset + length - SYNC_LENGTH)
  }

  private describe(bytes: Uint8Array): EncodedBlock['info'] {
    return {
      format: 'avro',
      sizeBytes: bytes.length,
      records: this.finished,
      crc32: crc32(bytes),
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
