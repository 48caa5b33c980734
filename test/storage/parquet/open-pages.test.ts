import { describe, expect, it } from 'vitest'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { avroSchema } from '../../../src/flow/schema.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import type { Row } from '../../flow/columns.ts'
import { batchOf, rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'
import { mutate } from '../fuzz/mutate.ts'
import { encodeParquetBlock } from './parquet-block.ts'

const COLUMNS: readonly ColumnSpec[] = [
  { name: 'srcAddr', type: 'address' },
  { name: 'proto', type: 'u8' },
  { name: 'bytes', type: 'u53' },
  { name: 'dstPort', type: 'u16' },
]
const SCHEMA = avroSchema('Flow', COLUMNS)
const rows: Row[] = Array.from({ length: 17_000 }, (_, i) => [
  i % 3 === 0 ? `2001:db8::${(i % 5) + 1}` : `10.0.${i % 7}.1`,
  i % 11,
  i % 4 === 0 ? i * 2 ** 20 : 1400,
  i % 300,
])
const { bytes, info } = encodeParquetBlock(batchOf(COLUMNS, rows), Uint32Array.from(rows.keys()), {
  columns: COLUMNS,
  schema: SCHEMA,
})
const block: BlockInfo = { key: 'data/flows/x.parquet', collector: 'test', ...info }

const memory = KernelMemory.create(8 << 20)
const plain = loadKernels(memory)
let opened = 0
const withKernel = {
  ...plain,
  openPages(...args: Parameters<typeof plain.openPages>): number {
    const code = plain.openPages(...args)
    if (code >= 0) opened++
    return code
  },
}
const withTwin = { ...plain, openPages: () => -1 }

/** The rows of a block, or what is wrong with it. */
async function outcome(served: Uint8Array, columns: readonly ColumnSpec[], kernels: typeof plain): Promise<unknown> {
  const store = {
    read: async (_key: string, { offset, length } = { offset: 0, length: served.length }) =>
      served.subarray(offset, offset + length),
  }
  const instance = { memory, kernels, base: memory.mark, isPart: false }
  const read: Row[] = []
  try {
    for await (const { batch } of readBlock({ store, block, schema: SCHEMA, columns, kernels: instance }))
      read.push(...rowsOf(columns, batch))
    return read
  } catch (error) {
    if (error instanceof StorageError) return error.message
    throw error
  }
}

describe('a row group', () => {
  it('is opened by one kernel call as by its twin, whatever bytes of it are wrong', async () => {
    const [[from, length]] = block.chunks as [BlockInfo['chunks'][number]]
    const some = fc.subarray([...COLUMNS], { minLength: 1 })
    const seed = fc.option(fc.nat(), { freq: 4 })
    opened = 0
    await fc.assert(
      fc.asyncProperty(some, seed, async (columns, seed) => {
        const changed = Uint8Array.from(bytes)
        if (seed !== null)
          changed.set(mutate(bytes.subarray(from, from + length), seededRandom(seed), { mayCut: false }), from)
        const expected = await outcome(changed, columns, withTwin)
        expect(await outcome(changed, columns, withKernel)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
    expect(opened).toBeGreaterThan(10)
  })

  it('has all its rows when a kernel opens it', async () => {
    opened = 0
    expect(await outcome(bytes, COLUMNS, withKernel)).toEqual(rows)
    expect(opened).toBe(1)
  })
})
