import { crc32 } from 'node:zlib'
import { createBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { setValue } from '../../../src/flow/value.ts'
import { snappyCompress } from '../../../src/kernels/snappy-compress.ts'
import { Cursor, varint } from '../../../src/storage/avro/varint.ts'
import { BlockEncoder } from '../../../src/storage/block/encode.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import { seededRandom } from '../../seeded-random.ts'
import { encodeParquetBlock } from '../parquet/parquet-block.ts'

/** Blocks of both formats, of the same flows with every kind of column: constant, few values, many, rising, of both families, and elements that may be absent. */
export const COLUMNS: readonly ColumnSpec[] = [
  ...FLOW_COLUMNS,
  { name: 'applicationName', type: 'text', nullable: true },
  { name: 'flowId', type: 'u53', nullable: true },
]
export const ROWS = 18_000
const RECORDS_PER_SYNC = 500

export interface RealBlock {
  readonly block: BlockInfo
  readonly schema: unknown
  readonly bytes: Uint8Array
}

function flows() {
  const random = seededRandom(7)
  const batch = createBatch(COLUMNS, ROWS)
  const { columns } = batch
  for (let row = 0; row < ROWS; row++) {
    const start = 1_700_000_000_000 + row * 3 + Math.floor(random() * 1000)
    for (const { name, type, nullable } of COLUMNS) {
      const column = columns[name]!
      if (type === 'instant') setValue(column, row, start + Math.floor(random() * 60_000))
      else if (type === 'address')
        setValue(
          column,
          row,
          random() < 0.9 ? `10.${row % 7}.0.${Math.floor(random() * 250)}` : `2001:db8::${(row % 999) + 1}`,
        )
      else if (nullable && random() < 0.5) setValue(column, row, null)
      else if (type === 'text') setValue(column, row, 'http'.repeat(row % 4))
      else if (type === 'u53') setValue(column, row, Math.floor(2 ** (random() * 50)))
      else if (type === 'u8' || name.endsWith('As')) setValue(column, row, row % 5)
      else setValue(column, row, Math.floor(random() * 60_000))
    }
  }
  batch.length = ROWS
  return batch
}

function makeBlocks(): { avro: RealBlock; parquet: RealBlock } {
  const batch = flows()
  const encoder = new BlockEncoder({ name: 'Flow', columns: COLUMNS, recordsPerSync: RECORDS_PER_SYNC })
  encoder.add(batch)
  const { bytes, schema, info } = encoder.finish()
  const avro = { block: { key: 'data/flows/x.avro', collector: 'test', ...info }, schema, bytes }
  const order = Uint32Array.from({ length: ROWS }, (_, row) => row)
  const made = encodeParquetBlock(batch, order, { columns: COLUMNS, schema })
  const parquet = { block: { key: 'data/flows/x.parquet', collector: 'test', ...made.info }, schema, bytes: made.bytes }
  return { avro, parquet }
}

let made: { avro: RealBlock; parquet: RealBlock } | undefined
export function realBlocks(): { avro: RealBlock; parquet: RealBlock } {
  made ??= makeBlocks()
  return made
}

/** An Avro block of one sync-block in front of the others' end: its plain rows replaced by `change`, its sizes and checksums right. */
export function withRows({ block, schema, bytes }: RealBlock, plain: Uint8Array): RealBlock {
  const headerLength = block.chunks[0]![0]
  const sync = bytes.subarray(headerLength - 16, headerLength)
  const packed = snappyCompress(plain)
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(plain))
  const head = Buffer.concat([varint(RECORDS_PER_SYNC), varint(packed.length + 4)])
  const changed = Buffer.concat([bytes.subarray(0, headerLength), head, packed, crc, sync])
  const chunk = [headerLength, changed.length - headerLength, RECORDS_PER_SYNC, null, null] as const
  return {
    block: { ...block, sizeBytes: changed.length, records: RECORDS_PER_SYNC, chunks: [chunk] },
    schema,
    bytes: changed,
  }
}

/** The packed rows of each sync-block of an Avro block. */
export function syncBlocks({ block, bytes }: RealBlock): Uint8Array[] {
  const packed: Uint8Array[] = []
  const cursor = new Cursor(bytes, block.chunks[0]![0])
  while (cursor.at < bytes.length) {
    cursor.long()
    const size = cursor.long()
    packed.push(bytes.subarray(cursor.at, cursor.at + size - 4))
    cursor.at += size + 16
  }
  return packed
}
