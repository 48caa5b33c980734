import { crc32 } from 'node:zlib'
import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { gatherRows } from '../../flow/gather.ts'
import { schemaId } from '../../flow/schema.ts'
import { BlockStatistics, lastTime } from '../block/statistics.ts'
import type { BlockInfo, ChunkInfo } from '../manifest/actions.ts'
import { ParquetEncoder, ROW_GROUP_ROWS } from './encode-block.ts'

/**
 * Writes the rows `order` of `batch` as one Parquet block, a row group per 131,072 rows, and says what the manifest needs to know.
 * `schema` is the Avro schema that the dataset has for these columns. The bytes depend on the rows and their order alone.
 */
export function encodeParquetBlock(
  batch: Batch,
  order: Uint32Array,
  { columns, schema }: { columns: readonly ColumnSpec[]; schema: unknown },
): { bytes: Uint8Array; info: Omit<BlockInfo, 'key' | 'collector'> } {
  const encoder = new ParquetEncoder({ columns, schema: JSON.stringify(schema) })
  const statistics = new BlockStatistics()
  const group = createBatch(columns, Math.min(order.length, ROW_GROUP_ROWS))
  const chunks: ChunkInfo[] = []
  for (let from = 0; from < order.length; from += ROW_GROUP_ROWS) {
    const rows = order.subarray(from, from + ROW_GROUP_ROWS)
    gatherRows(batch, rows, rows.length, group)
    statistics.add(group, 0, rows.length)
    const span = statistics.takeSpan()
    const { offset, length } = encoder.addRowGroup(group)
    chunks.push([offset, length, rows.length, span.minStart, lastTime(span)])
  }
  const bytes = encoder.finish()
  return {
    bytes,
    info: {
      format: 'parquet',
      sizeBytes: bytes.length,
      records: order.length,
      crc32: crc32(bytes),
      schemaId: schemaId(schema),
      ...statistics.whole,
      exporters: statistics.exporters(),
      samplingUnknown: statistics.samplingUnknown,
      chunks,
    },
  }
}
