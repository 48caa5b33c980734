import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { AvroRecordSchema } from '../../flow/schema.ts'
import { avroSchema, schemaId } from '../../flow/schema.ts'
import type { SnappyCompressor } from '../avro/codec.ts'
import { snappyLibrary, withCrc } from '../avro/codec.ts'
import { headerBytes, SYNC_LENGTH } from '../avro/header.ts'
import { type PackedRows, SyncBlockEncoder } from '../avro/sync-block-encoder.ts'
import { varint } from '../avro/varint.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { SyncBlockInfo } from './chunks.ts'
import { groupChunks } from './chunks.ts'
import type { TimeSpan } from './statistics.ts'
import { BlockStatistics } from './statistics.ts'

export interface BlockEncoderOptions {
  /** Name of the record: `Flow`, or that of the job. */
  readonly name: string
  readonly columns: readonly ColumnSpec[]
  readonly recordsPerSync?: number
  /** Default `kernel`; results use the library, so that a result keeps the bytes and the key that it has always had. */
  readonly compressor?: SnappyCompressor
}

/** A finished block and what the manifest says about it. */
export interface EncodedBlock {
  /** The file; it owns its buffer, so it can be transferred. */
  readonly bytes: Uint8Array
  readonly schema: AvroRecordSchema
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
}

interface SyncBlock {
  readonly records: number
  readonly span: Readonly<TimeSpan>
  /** Count and size, as they stand before the data. */
  readonly head: Uint8Array
  readonly data: Uint8Array
  readonly plainLength: number
}

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
  private readonly syncBlocks: SyncBlock[] = []
  private readonly header: Uint8Array
  private pending = 0
  private finished = 0
  private size: number

  constructor({ name, columns, recordsPerSync = 4096, compressor = 'kernel' }: BlockEncoderOptions) {
    this.compressor = compressor
    this.schema = avroSchema(name, columns)
    this.recordsPerSync = recordsPerSync
    this.rows = new SyncBlockEncoder(columns, recordsPerSync)
    this.header = headerBytes(this.schema)
    this.size = this.header.length + SYNC_LENGTH
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

  /** Appends the rows of a batch as a sync-block that was packed elsewhere. Throws RangeError within a sync-block. */
  addPacked(batch: Batch, packed: PackedRows): void {
    if (this.pending > 0) throw new RangeError(`storage: whole sync-block expected, got ${this.pending} rows before it`)
    this.statistics.add(batch, 0, batch.length)
    this.pending = batch.length
    this.put(packed)
  }

  /** Appends a whole sync-block of rows of a result that are Avro already and have none of the columns that statistics are taken from. Throws RangeError within a sync-block. */
  addRows(plain: Uint8Array, records: number): void {
    if (this.pending > 0) throw new RangeError(`storage: whole sync-block expected, got ${this.pending} rows before it`)
    this.pending = records
    this.put({ data: withCrc(snappyLibrary(plain), plain), plainLength: plain.length })
  }

  private closeSyncBlock(): void {
    this.put(this.rows.take(this.compressor))
  }

  private put({ data, plainLength }: PackedRows): void {
    const head = Buffer.concat([varint(this.pending), varint(data.length)])
    this.syncBlocks.push({
      records: this.pending,
      span: this.statistics.takeSpan(),
      head,
      data,
      plainLength,
    })
    this.size += head.length + data.length + SYNC_LENGTH
    this.finished += this.pending
    this.pending = 0
  }

  /** Ends the block; the encoder cannot be used again. */
  finish(): EncodedBlock {
    if (this.pending > 0) this.closeSyncBlock()
    this.rows.close()
    const bytes = new Uint8Array(this.size)
    const sync = this.syncMarker()
    let at = 0
    const put = (piece: Uint8Array): void => {
      bytes.set(piece, at)
      at += piece.length
    }
    put(this.header)
    put(sync)
    const placed: SyncBlockInfo[] = []
    for (const { head, data, records, span } of this.syncBlocks) {
      placed.push({ offset: at, length: head.length + data.length + SYNC_LENGTH, records, span })
      put(head)
      put(data)
      put(sync)
    }
    return { bytes, schema: this.schema, info: this.describe(bytes, placed) }
  }

  private describe(bytes: Uint8Array, placed: readonly SyncBlockInfo[]): EncodedBlock['info'] {
    return {
      format: 'avro',
      sizeBytes: bytes.length,
      records: this.finished,
      crc32: crc32(bytes),
      schemaId: schemaId(this.schema),
      ...this.statistics.whole,
      exporters: this.statistics.exporters(),
      samplingUnknown: this.statistics.samplingUnknown,
      chunks: groupChunks(placed),
    }
  }

  /**
   * The sync marker: 16 bytes of a hash over the header and, for each sync-block, its count, sizes and checksum, so that equal content gives equal
   * files. It need not cover every byte again, because the checksums do.
   */
  private syncMarker(): Uint8Array {
    const hash = createHash('sha256').update(this.header)
    for (const { head, data, plainLength } of this.syncBlocks) {
      hash
        .update(head)
        .update(varint(plainLength))
        .update(data.subarray(data.length - 4))
    }
    return hash.digest().subarray(0, SYNC_LENGTH)
  }
}
