import type { Batch } from '../../../src/flow/batch.ts'
import { createBatch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { copyRows } from '../../../src/flow/copy.ts'
import type { EncodedBlock } from '../../../src/storage/block/encode.ts'
import { BlockEncoder } from '../../../src/storage/block/encode.ts'
import type { ReadBlockOptions } from '../../../src/storage/block/read.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import type { ByteRange } from '../../../src/storage/store.ts'
import type { Row } from '../../flow/columns.ts'
import { batchOf, rowsOf } from '../../flow/columns.ts'

/** Helpers that write rows into blocks and read them back, without a store. */

/** The block of some rows, added in batches of `step` rows. */
export function encodeRows(
  columns: readonly ColumnSpec[],
  rows: readonly Row[],
  { recordsPerSync = 4096, step = rows.length, name = 'rows' } = {},
): EncodedBlock {
  const encoder = new BlockEncoder({ name, columns, recordsPerSync })
  for (let row = 0; row < rows.length; row += step) encoder.add(batchOf(columns, rows.slice(row, row + step)))
  return encoder.finish()
}

/** Serves one object's bytes and counts the requests. */
export class OneObject {
  readonly requests: ByteRange[] = []
  bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  async read(_key: string, range: ByteRange = { offset: 0, length: this.bytes.length }): Promise<Uint8Array> {
    this.requests.push(range)
    return this.bytes.subarray(range.offset, range.offset + range.length)
  }
}

export function blockInfo(block: EncodedBlock): BlockInfo {
  return { key: 'data/flows/test.avro', collector: 'test', ...block.info }
}

/** Reads a block into one batch; `bytes` replaces the file's. */
export async function readAll(
  block: EncodedBlock,
  columns: readonly ColumnSpec[],
  { bytes = block.bytes, ...options }: Partial<ReadBlockOptions> & { bytes?: Uint8Array } = {},
): Promise<Batch> {
  const all = createBatch(columns, Math.max(1, block.info.records))
  const store = new OneObject(bytes)
  for await (const { batch } of readBlock({
    store,
    block: blockInfo(block),
    schema: block.schema,
    columns,
    ...options,
  })) {
    copyRows(batch, 0, batch.length, all)
  }
  return all
}

/** As `readAll`, as rows of values. */
export async function readRows(...[block, columns, options]: Parameters<typeof readAll>): Promise<Row[]> {
  return rowsOf(columns, await readAll(block, columns, options))
}
