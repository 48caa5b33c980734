import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { createBatch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { copyRows } from '../../../src/flow/copy.ts'
import { parseFilter } from '../../../src/flow/filter/filter.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { NO_COUNTERS } from '../../../src/runtime/counters.ts'
import type { Program } from '../../../src/runtime/program.ts'
import type { MapTask } from '../../../src/runtime/task/description.ts'
import { RowSelector } from '../../../src/runtime/task/row-selector.ts'
import { WholePage } from '../../../src/storage/block/row-pages.ts'
import { batchOf, rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'

const COLUMNS: readonly ColumnSpec[] = [
  { name: 'start', type: 'instant' },
  { name: 'end', type: 'instant' },
  { name: 'srcAddr', type: 'address' },
  { name: 'dstPort', type: 'u16' },
  { name: 'sampleSize', type: 'u53' },
  { name: 'samplePopulation', type: 'u53' },
]
const memory = KernelMemory.create(8 << 20)
const instance = { memory, kernels: loadKernels(memory), base: memory.mark, isPart: false }

const flow = fc.record({
  start: fc.integer({ min: -3, max: 12 }),
  length: fc.integer({ min: -2, max: 4 }),
  isV6: fc.boolean(),
  port: fc.nat(5),
  sampled: fc.nat(1),
})
type Flow = typeof flow extends fc.Arbitrary<infer T> ? T : never

const bound = fc.option(fc.integer({ min: -4, max: 14 }))
const piece = fc.record({
  pages: fc.array(fc.array(flow, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 3 }),
  timed: fc.boolean(),
  countSampling: fc.boolean(),
  records: fc.option(fc.uniqueArray(fc.nat(40), { maxLength: 10 }), { nil: undefined }),
})

const pageOf = (flows: readonly Flow[]): Batch =>
  batchOf(
    COLUMNS,
    flows.map(({ start, length, isV6, port, sampled }) => [
      new Date(start).toISOString(),
      new Date(start + length).toISOString(),
      isV6 ? '2001:db8::7' : '10.0.0.7',
      port,
      sampled,
      sampled,
    ]),
  )

/** The same page in kernel memory. */
function inside(batch: Batch): Batch {
  const copy = createBatch(COLUMNS, batch.length, memory.make)
  copyRows(batch, 0, batch.length, copy)
  return copy
}

/** Whether the period takes a flow. */
function isInPeriod(time: Program['time'], { start, length }: Flow, from: number, to: number): boolean {
  if (time === 'start') return start >= from && start < to
  return start < to && (length > 0 ? start + length > from : start >= from)
}

describe('rows of a page', () => {
  it('are selected and counted as one by one, whatever selects them and wherever they lie', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 3 }),
        fc.record({ from: bound, to: bound, time: fc.constantFrom('start', 'spread'), isFiltered: fc.boolean() }),
        fc.boolean(),
        (pieces, { from, to, time, isFiltered }, isInside) => {
          memory.release(instance.base)
          const where = isFiltered ? { where: parseFilter('dst port in [1, 3]', COLUMNS) } : {}
          const program = { time, ...where } as unknown as Program // only these are read
          const task = { from, to, pieces: [{ type: 'block', columns: COLUMNS }] } as unknown as MapTask // only these are read
          const counters = { ...NO_COUNTERS }
          const selector = new RowSelector(task, program, counters, isInside ? instance : undefined)
          const expected = { ...NO_COUNTERS }
          let firstRecord = 0
          for (const { pages, ...rest } of pieces) {
            for (const flows of pages) {
              const isTimed = rest.timed && (from !== null || to !== null)
              const all = flows.map((flow, i) => ({ flow, number: firstRecord + i }))
              const inPeriod = all.filter(
                ({ flow }) => !isTimed || isInPeriod(time as Program['time'], flow, from ?? -99, to ?? 99),
              )
              const wanted = inPeriod.filter(
                ({ flow, number }) =>
                  (!isFiltered || flow.port === 1 || flow.port === 3) && (rest.records?.includes(number) ?? true),
              )
              expected.outsidePeriod += all.length - inPeriod.length
              expected.unmatched += inPeriod.length - wanted.length
              if (rest.countSampling)
                expected.samplingUnknown += inPeriod.filter(({ flow }) => flow.sampled === 0).length
              const plain = pageOf(flows)
              const page = { batch: isInside ? inside(plain) : plain, firstRecord }
              const input = { pages: new WholePage(page), columns: COLUMNS, origin: 'a block', ...rest }
              const { batch, rows } = selector.select(page, input)!
              expect(rowsOf(COLUMNS, batch)).toEqual(rowsOf(COLUMNS, pageOf(wanted.map(({ flow }) => flow))))
              if (rows)
                expect([...rows.subarray(0, batch.length)]).toEqual(wanted.map(({ number }) => number - firstRecord))
              else expect(wanted.length).toBe(flows.length)
              firstRecord += flows.length
            }
          }
          expect(counters).toEqual(expected)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('that cannot be completed are not counted', () => {
    const counters = { ...NO_COUNTERS }
    const program = { time: 'start', where: parseFilter('dst port 1', COLUMNS) } as unknown as Program // only these are read
    const task = { from: null, to: null, pieces: [] } as unknown as MapTask // only these are read
    const selector = new RowSelector(task, program, counters, undefined)
    const flows = [0, 1].map((port) => ({ start: 0, length: 1, isV6: false, port, sampled: 1 }))
    const page = { batch: pageOf(flows), firstRecord: 0 }
    const pages = { done: 0, next: () => undefined, complete: () => false }
    const input = { pages, columns: COLUMNS, origin: 'a block', timed: true, countSampling: false }
    expect(selector.select(page, input)).toBeUndefined()
    expect(counters).toEqual(NO_COUNTERS)
  })
})
