import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { avroSchema } from '../../../src/flow/schema.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import type { ChunkInfo } from '../../../src/storage/manifest/actions.ts'
import type { ParquetFooter } from '../../../src/storage/parquet/footer.ts'
import { parseAnyFooter, parseFooter } from '../../../src/storage/parquet/footer.ts'
import { leavesOf } from '../../../src/storage/parquet/leaves.ts'
import type { SchemaLeaf } from '../../../src/storage/parquet/metadata.ts'
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
  const footer = bytes.slice(bytes.length - 8 - length, bytes.length - 8)
  return { bytes: footer, chunks: info.chunks, expected: leavesOf(columns) }
})

/** The last leaf and the first. */
const indexesOf = (leaves: readonly unknown[]): number[] => [leaves.length - 1, 0]

/** A footer whose leaves say only what footers say of them. */
function bare(footer: ParquetFooter | undefined): ParquetFooter | undefined {
  const of = ({ name, physical, width, converted, optional }: SchemaLeaf): SchemaLeaf => ({
    ...{ name, physical, optional },
    ...(width !== undefined && { width }),
    ...(converted !== undefined && { converted }),
  })
  const groups = footer?.groups.map(({ rows, chunks }) => ({
    rows,
    chunks: chunks.map((chunk) => ({ ...chunk, leaf: of(chunk.leaf) })),
  }))
  return footer && groups && { leaves: footer.leaves.map(of), groups }
}

/** What a footer says, or what is wrong with it. */
function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof StorageError) return error.message
    throw error
  }
}

describe('a footer whose schema is that of the manifest', () => {
  it('says what its twin reads, or is refused as by that, changed or not', () => {
    taken = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...footers),
        fc.option(fc.nat(), { freq: 4 }),
        ({ bytes, chunks, expected }, seed) => {
          const options = { chunks, expected, indexesOf, kernels: instance }
          const changed = seed === null ? bytes : mutate(bytes, seededRandom(seed), { mayCut: true })
          const read = outcome(() => bare(parseFooter(changed, options)))
          expect(read).toEqual(outcome(() => bare(parseAnyFooter(changed, options))))
        },
      ),
      { numRuns: 1000 },
    )
    expect(taken).toBeGreaterThan(300)
  })

  it('says nothing when its row groups are not those of the manifest', () => {
    for (const { bytes, chunks, expected } of footers) {
      const of = (chunks: readonly ChunkInfo[]) =>
        parseFooter(bytes, { chunks, expected, indexesOf, kernels: instance })
      const [[offset, length, rows, ...rest], ...others] = chunks as [ChunkInfo, ...ChunkInfo[]]
      expect(of(chunks)?.groups.map((group) => [group.rows, group.chunks.length])).toEqual([
        [131_072, 2],
        [1, 2],
      ])
      expect(of(others)).toBeUndefined()
      expect(of([...chunks, ...others])).toBeUndefined()
      expect(of([[offset + 1, length - 1, rows, ...rest], ...others])).toBeUndefined()
      expect(of([[offset, length - 1, rows, ...rest], ...others])).toBeUndefined()
      expect(of([[offset, length, rows - 1, ...rest], ...others])).toBeUndefined()
    }
  })
})
