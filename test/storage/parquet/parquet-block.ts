import type { Batch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { gatherRows } from '../../../src/flow/gather.ts'
import { borrowKernels, returnKernels } from '../../../src/kernels/pool.ts'
import { type AssembledBlock, assembleBlock } from '../../../src/storage/compact/assemble.ts'
import { describeGroup, type LaneGroup } from '../../../src/storage/compact/lane-group.ts'
import { RowGroupEncoder } from '../../../src/storage/parquet/row-group-encoder.ts'
import { ROW_GROUP_ROWS } from '../../../src/storage/parquet/rows.ts'

/**
 * Writes the rows `order` of `batch` as one Parquet block, a row group per 131,072 rows, and says what the manifest needs to know.
 * `schema` is the Avro schema that the dataset has for these columns. The bytes depend on the rows and their order alone.
 */
export function encodeParquetBlock(
  batch: Batch,
  order: Uint32Array,
  setting: { columns: readonly ColumnSpec[]; schema: unknown },
): AssembledBlock & { readonly bytes: Uint8Array } {
  const instance = borrowKernels(RowGroupEncoder.bytesNeeded(setting.columns))
  const encoder = new RowGroupEncoder(setting.columns, instance.memory, instance.kernels)
  const groups: LaneGroup[] = []
  for (let from = 0; from < order.length; from += ROW_GROUP_ROWS) {
    const rows = order.subarray(from, from + ROW_GROUP_ROWS)
    gatherRows(batch, rows, rows.length, encoder.batch)
    groups.push(describeGroup(encoder.encode(), encoder.batch))
  }
  returnKernels(instance)
  const block = assembleBlock(groups, setting)
  return { ...block, bytes: Buffer.concat(block.pieces) }
}
