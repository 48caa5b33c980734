import type { ColumnSpec } from '../../flow/column.ts'
import { schemaId } from '../../flow/schema.ts'
import { corrupt } from '../avro/codec.ts'
import { BATCH_ROWS, RowDecoder } from '../avro/decoder.ts'
import type { AvroHeader } from '../avro/header.ts'
import { parseHeader } from '../avro/header.ts'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { ByteRange, ObjectStore } from '../store.ts'
import { ByteRun } from './byte-run.ts'
import type { SyncBlockInfo } from './chunks.ts'
import { groupChunks } from './chunks.ts'
import type { Frame } from './frame.ts'
import { readFrame } from './frame.ts'
import { sourceRanges } from './range-reader.ts'
import { BlockStatistics } from './statistics.ts'

export interface InspectBlockOptions {
  readonly store: Pick<ObjectStore, 'read'>
  readonly key: string
  readonly sizeBytes: number
  /** The columns that rows of the dataset have; the file must be able to give every one of them, by default if not by a field. */
  readonly columns: readonly ColumnSpec[]
}

export interface InspectedBlock {
  /** The writer's schema, parsed JSON. */
  readonly schema: unknown
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
}

const RANGE_BYTES = 4 * 1024 * 1024
const MAX_HEADER_BYTES = 16 * 1024 * 1024

/**
 * Reads a whole Avro container file, of any writer, and describes it for the manifest. Every checksum and every value of the columns is checked.
 * Throws `bad-format`, `bad-schema` or `corrupt`, naming key and byte position.
 */
export async function inspectBlock({ store, key, sizeBytes, columns }: InspectBlockOptions): Promise<InspectedBlock> {
  let crc = 0
  const summing = {
    async read(name: string, range?: ByteRange): Promise<Uint8Array> {
      const bytes = await store.read(name, range)
      crc = crc32(bytes, crc)
      return bytes
    },
  }
  const run = new ByteRun(sourceRanges(summing, key), rangesUpTo(sizeBytes))
  const statistics = new BlockStatistics()
  const syncBlocks: SyncBlockInfo[] = []
  let at = 0
  let decoder: RowDecoder | undefined
  try {
    const header = await readHeader(run, sizeBytes)
    decoder = new RowDecoder({ schema: header.schema, columns, capacity: BATCH_ROWS })
    while (run.position < sizeBytes) {
      at = run.position
      const frame = await readFrame(run, sizeBytes, header.sync)
      decodeFrame(frame, header, decoder, statistics)
      syncBlocks.push({ offset: at, length: frame.length, records: frame.records, span: statistics.takeSpan() })
    }
    const info: InspectedBlock['info'] = {
      format: 'avro',
      sizeBytes,
      records: syncBlocks.reduce((sum, { records }) => sum + records, 0),
      crc32: crc,
      schemaId: schemaId(header.schema),
      ...statistics.whole,
      exporters: statistics.exporters(),
      samplingUnknown: statistics.samplingUnknown,
      chunks: groupChunks(syncBlocks),
    }
    return { schema: header.schema, info }
  } catch (error) {
    throw locate(error, key, at)
  } finally {
    decoder?.close()
  }
}

function rangesUpTo(sizeBytes: number): ByteRange[] {
  const count = Math.ceil(sizeBytes / RANGE_BYTES)
  return Array.from({ length: count }, (_, i) => ({
    offset: i * RANGE_BYTES,
    length: Math.min(RANGE_BYTES, sizeBytes - i * RANGE_BYTES),
  }))
}

/** The header of a file, of whatever length: more is read until it is whole. */
async function readHeader(run: ByteRun, sizeBytes: number): Promise<AvroHeader> {
  for (let length = 64 * 1024; ; length *= 4) {
    await run.ensure(Math.min(length, sizeBytes))
    try {
      const header = parseHeader(run.bytes)
      run.at = header.length
      return header
    } catch (error) {
      const isCut = error instanceof StorageError && error.code === 'corrupt'
      if (!isCut || length >= Math.min(sizeBytes, MAX_HEADER_BYTES)) throw error
    }
  }
}

function decodeFrame(frame: Frame, header: AvroHeader, decoder: RowDecoder, statistics: BlockStatistics): void {
  const length = decoder.load(header.codec, frame.data)
  if (frame.records > length) throw corrupt(`${frame.records} records`, `${length} bytes`)
  let next = 0
  for (let row = 0; row < frame.records; row += BATCH_ROWS) {
    const rows = Math.min(BATCH_ROWS, frame.records - row)
    next = decoder.decode(next, rows)
    statistics.add(decoder.batch, 0, rows)
  }
  if (next !== length) throw corrupt(`rows of ${length} bytes`, String(next))
}

function locate(error: unknown, key: string, offset: number): unknown {
  if (!(error instanceof StorageError) || !['corrupt', 'bad-format', 'bad-schema'].includes(error.code)) return error
  const reason = error.message.replace(/^storage: /, '')
  return new StorageError(error.code, `storage: file ${key} at byte ${offset}: ${reason}`, { key, offset }, error)
}
