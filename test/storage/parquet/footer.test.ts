import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { avroSchema } from '../../../src/flow/schema.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import { parseFooter } from '../../../src/storage/parquet/footer.ts'
import { readFooter } from '../../../src/storage/parquet/read-metadata.ts'
import { batchOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'
import { mutate } from '../fuzz/mutate.ts'
import { encodeParquetBlock } from './parquet-block.ts'

const memory = KernelMemory.create(4 << 20)
const plain = loadKernels(memory)
let taken = 0
const kernels = {
  ...plain,
  footerGroups(...args: Parameters<typeof plain.footerGroups>): number {
    const count = plain.footerGroups(...args)
    if (count >= 0) taken++
    return count
  },
}
const instance = { memory, kernels, base: memory.mark, isPart: false }

const NARROW: readonly ColumnSpec[] = [
  { name: 'srcAddr', type: 'address' },
  { name: 'bytes', type: 'u53' },
  { name: 'app', type: 'text', nullable: true },
]

/** The footer of a block of two row groups with every column of a flow, and that of one with other columns. */
const footers = [FLOW_COLUMNS, NARROW].map((columns) => {
  const batch = batchOf(columns, [
    columns.map(({ type }) =>
      type === 'address' ? '10.0.0.1' : type === 'instant' ? '2026-01-01T00:00:00.000Z' : type === 'text' ? 'x' : 3,
    ),
  ])
  const { bytes, info } = encodeParquetBlock(batch, new Uint32Array(131_073), {
    columns,
    schema: avroSchema('Flow', columns),
  })
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  return { bytes: bytes.slice(bytes.length - 8 - length, bytes.length - 8), groups: info.chunks.length }
})

/** What a footer says, or what is wrong with it. */
function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof StorageError) return error.message
    throw error
  }
}

describe('a footer whose schema is known', () => {
  it('says what its twin reads, or is refused as by that, changed or not', () => {
    taken = 0
    fc.assert(
      fc.property(fc.constantFrom(...footers), fc.option(fc.nat(), { freq: 4 }), ({ bytes, groups }, seed) => {
        parseFooter(bytes, groups, instance)
        const changed = seed === null ? bytes : mutate(bytes, seededRandom(seed), { mayCut: true })
        expect(outcome(() => parseFooter(changed, groups, instance))).toEqual(outcome(() => readFooter(changed)))
      }),
      { numRuns: 1000 },
    )
    expect(taken).toBeGreaterThan(300)
  })

  it('is read by its twin when it has more row groups than expected', () => {
    for (const { bytes, groups } of footers) {
      expect(parseFooter(bytes, groups, instance)).toEqual(readFooter(bytes))
      expect(parseFooter(bytes, groups - 1, instance)).toEqual(readFooter(bytes))
    }
  })
})
