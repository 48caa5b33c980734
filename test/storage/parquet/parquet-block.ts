import { crc32 } from 'node:zlib'
import type { Batch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { gatherRows } from '../../../src/flow/gather.ts'
import { schemaId } from '../../../src/flow/schema.ts'
import { borrowKernels, returnKernels } from '../../../src/kernels/pool.ts'
import { BlockStatistics, lastTime } from '../../../src/storage/block/statistics.ts'
import type { BlockInfo, ChunkInfo } from '../../../src/storage/manifest/actions.ts'
import { ParquetEncoder } from '../../../src/storage/parquet/encode-block.ts'
import { RowGroupEncoder } from '../../../src/storage/parquet/row-group-encoder.ts'
import { ROW_GROUP_ROWS } from '../../../src/storage/parquet/rows.ts'

/**
 * Writes the rows `order` of `batch` as one Parquet block, a row group per 131,072 rows, and says what the manifest needs to know.
 * `schema` is the Avro schema that the dataset has for these columns. The bytes depend on the rows and their order alone.
 */
export function encodeParquetBlock(
  batch: Batch,
  order: Uint32Array,
  { columns, schema }: { columns: readonly ColumnSpec[]; schema: unknown },
): { bytes: Uint8Array; info: Omit<BlockInfo, 'key' | 'collector'> } {
  const file = new ParquetEncoder({ columns, schema: JSON.stringify(schema) })
  const statistics = new BlockStatistics()
  const chunks: ChunkInfo[] = []
  const instance = borrowKernels(RowGroupEncoder.bytesNeeded(columns))
  const groups = new RowGroupEncoder(columns, instance.memory, instance.kernels)
  for (let from = 0; from < order.length; from += ROW_GROUP_ROWS) {
    const rows = order.subarray(from, from + ROW_GROUP_ROWS)
    gatherRows(batch, rows, rows.length, groups.batch)
    statistics.add(groups.batch, 0, rows.length)
    const span = statistics.takeSpan()
    const { offset, length } = file.add(groups.encode())
    chunks.push([offset, length, rows.length, span.minStart, lastTime(span)])
  }
  returnKernels(instance)
  const bytes = file.finish()
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
