import { describe, expect, it } from 'vitest'
import { createBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { setValue } from '../../../src/flow/value.ts'
import { BlockEncoder, type EncodedBlock } from '../../../src/storage/block/encode.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import { placementOrder } from '../../../src/storage/replica/placement.ts'
import { rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { encodeParquetBlock } from '../parquet/parquet-block.ts'
import { testSet } from './volumes.ts'

/** Reads of blocks of a replica set whose copies are damaged at random places. */

const ROWS = 600

const BATCH = createBatch(FLOW_COLUMNS, ROWS)
for (const { name, type } of FLOW_COLUMNS)
  for (let row = 0; row < ROWS; row++)
    setValue(BATCH.columns[name]!, row, type === 'address' ? `10.0.${row % 7}.1` : (row * 7919) % 200)
BATCH.length = ROWS

function avro(): EncodedBlock {
  const encoder = new BlockEncoder({ name: 'Flow', columns: FLOW_COLUMNS, recordsPerSync: 40 })
  encoder.add(BATCH)
  return encoder.finish()
}

function parquet(): EncodedBlock {
  const { schema } = avro()
  const order = Uint32Array.from({ length: ROWS }, (_, row) => row)
  return { schema, ...encodeParquetBlock(BATCH, order, { columns: FLOW_COLUMNS, schema }) }
}

/** Damages one copy: changes a byte, or cuts the rest off. */
function damaged(bytes: Uint8Array, at: number, cut: boolean): Uint8Array {
  if (cut) return bytes.slice(0, at)
  const copy = Uint8Array.from(bytes)
  copy[at]! ^= 0x20
  return copy
}

for (const [format, make] of [
  ['avro', avro],
  ['parquet', parquet],
] as const) {
  describe(`a block of format ${format} with a damaged copy`, () => {
    it('gives every row, wherever the damage is', async () => {
      const { bytes, schema, info } = make()
      const block: BlockInfo = { key: `data/flows/2026-01-01/00/x.${format}`, collector: 'test', ...info }
      const wanted = rowsOf(FLOW_COLUMNS, BATCH)
      const place = fc.nat({ max: bytes.length - 1 })
      const property = fc.asyncProperty(place, fc.boolean(), fc.boolean(), async (at, cut, skips) => {
        const set = testSet(2)
        const store = await set.open()
        await store.write(block.key, bytes)
        const first = set.volumes[placementOrder(block.key, 2)[0]!]!
        await first.inner.write(block.key, damaged(bytes, at, cut))
        const rows: unknown[] = []
        const tolerance = skips ? { onCorrupt: () => expect.unreachable('damage that another copy makes good') } : {}
        for await (const { batch, firstRecord } of readBlock({
          store,
          block,
          schema,
          columns: FLOW_COLUMNS,
          ...tolerance,
        })) {
          expect(firstRecord).toBe(rows.length)
          rows.push(...rowsOf(FLOW_COLUMNS, batch))
        }
        expect(rows).toEqual(wanted)
      })
      await fc.assert(property, { numRuns: 60 })
    })
  })
}
