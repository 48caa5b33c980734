import { describe, expect, it } from 'vitest'
import { createBatch } from '../../src/flow/batch.ts'
import type { ColumnSpec } from '../../src/flow/column.ts'
import { createColumn } from '../../src/flow/column.ts'
import { copyRows } from '../../src/flow/copy.ts'
import { Gatherer } from '../../src/flow/gatherer.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { fc } from '../kit/fast-check.ts'
import type { Row } from './columns.ts'
import { anyRows, batchOf, rowsOf } from './columns.ts'

const memory = KernelMemory.create(1 << 20)
const instance = { memory, kernels: loadKernels(memory), base: memory.mark, isPart: false }
const CAPACITY = 64

const SPECS: readonly ColumnSpec[] = [
  { name: 'a', type: 'address' },
  { name: 'b', type: 'u8' },
  { name: 'c', type: 'u16' },
  { name: 'd', type: 'u32' },
  { name: 'e', type: 'u53' },
  { name: 'f', type: 'i64' },
  { name: 'g', type: 'text', nullable: true },
  { name: 'h', type: 'address', nullable: true },
  { name: 'i', type: 'prefix' },
  { name: 'j', type: 'u32', nullable: true },
]
const OTHER: readonly ColumnSpec[] = [
  { name: 'a', type: 'address' },
  { name: 'z', type: 'u16' },
]

/** Some batches, and which of their rows are wanted. */
const batches = (specs: readonly ColumnSpec[]): fc.Arbitrary<{ rows: Row[]; picks: number[]; isInside: boolean }[]> =>
  fc.array(
    fc.record({
      rows: anyRows(specs, { maxLength: 20 }).filter(({ length }) => length > 0),
      picks: fc.array(fc.nat(), { maxLength: 20 }),
      isInside: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  )

describe('a gatherer', () => {
  it('gives the rows asked for, wherever the columns lie and whatever was gathered before', () => {
    fc.assert(
      fc.property(batches(SPECS), batches(OTHER), (first, second) => {
        memory.release(instance.base)
        const gatherer = new Gatherer(SPECS, CAPACITY, instance)
        const chosen = memory.array(Uint32Array, CAPACITY)
        const { mark } = memory
        for (const [specs, list] of [
          [SPECS, first],
          [OTHER, second],
          [SPECS, first],
        ] as const) {
          for (const { rows, picks, isInside } of list) {
            memory.release(mark)
            const plain = batchOf(specs, rows)
            const wanted = picks.map((pick) => pick % rows.length)
            chosen.set(wanted)
            const batch = isInside ? inside(specs, plain) : plain
            const gathered = gatherer.gather(batch, specs, chosen, wanted.length)
            const all = rowsOf(specs, plain)
            expect(rowsOf(specs, gathered)).toEqual(wanted.map((row) => all[row]))
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('takes no more kernel memory than it says', () => {
    memory.release(instance.base)
    const { free } = memory
    new Gatherer(SPECS, CAPACITY, instance)
    expect(free - memory.free).toBeGreaterThan(0)
    expect(free - memory.free).toBeLessThanOrEqual(Gatherer.bytesNeeded(SPECS, CAPACITY))
  })
})

/** The same rows in kernel memory, but for text. */
function inside(specs: readonly ColumnSpec[], batch: ReturnType<typeof batchOf>): ReturnType<typeof batchOf> {
  const columns = specs.map(({ name, type, nullable = false }) => [
    name,
    createColumn(type, CAPACITY, type === 'text' ? { nullable } : { nullable, make: memory.make }),
  ])
  const to = { ...createBatch([], CAPACITY), columns: Object.fromEntries(columns) }
  copyRows(batch, 0, batch.length, to)
  return to
}
