import { afterEach, describe, expect, it, vi } from 'vitest'
import { address, count, defineJob, instant, sum, u16 } from '../../../src/index.ts'
import { FoldTable } from '../../../src/runtime/aggregate/fold-table.ts'
import { programOf } from '../compile/harness.ts'
import { blocks, MB, ROWS, runOver } from './block-run.ts'

const DESCRIPTION = { name: 'x', description: 'y' }
const PAIR = { src: address(), dst: address() }
const TIME = { port: u16(), start: instant(), dst: address() }

/** Maps that hand columns on, and the declarative jobs that give the same rows. */
const JOBS = [
  {
    map: defineJob({
      ...DESCRIPTION,
      ...{ reads: ['dstPort', 'bytes', 'packets'], key: { port: u16() } },
      value: { bytes: sum(), packets: sum(), flows: count() },
      map: (flow, emit) => emit({ port: flow.dstPort }, { bytes: flow.bytes, packets: flow.packets }),
    }),
    columns: defineJob({
      ...DESCRIPTION,
      groupBy: { port: 'dstPort' },
      aggregate: { bytes: sum('bytes'), packets: sum('packets'), flows: count() },
    }),
  },
  {
    map: defineJob({
      ...DESCRIPTION,
      ...{ reads: ['srcAddr', 'dstAddr', 'bytes'], key: PAIR, value: { bytes: sum() } },
      map: (flow, emit) => emit({ src: flow.srcAddr, dst: flow.dstAddr }, { bytes: flow.bytes }),
    }),
    columns: defineJob({
      ...DESCRIPTION,
      groupBy: { src: 'srcAddr', dst: 'dstAddr' },
      aggregate: { bytes: sum('bytes') },
    }),
  },
  {
    map: defineJob({
      ...DESCRIPTION,
      ...{ reads: ['dstPort', 'start', 'dstAddr', 'bytes'], key: TIME, value: { bytes: sum(), flows: count() } },
      map: (flow, emit) => emit({ port: flow.dstPort, start: flow.start, dst: flow.dstAddr }, { bytes: flow.bytes }),
    }),
    columns: defineJob({
      ...DESCRIPTION,
      groupBy: { port: 'dstPort', start: 'start', dst: 'dstAddr' },
      aggregate: { bytes: sum('bytes'), flows: count() },
    }),
  },
] as const

describe('batches added by one call', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('are all but the first, where all addresses are of IPv4', async () => {
    const add = vi.spyOn(FoldTable.prototype, 'add')
    const program = programOf(JOBS[0].map)
    const { counters } = await runOver('of IPv4', program, 64 * MB, [...program.reads])
    expect(counters.emitted).toBe(ROWS)
    expect(add.mock.calls.length).toBe(1)
  })

  for (const name of blocks.keys())
    it(`give the rows of a declarative job, over flows ${name}`, async () => {
      for (const { map, columns } of JOBS)
        for (const memoryBytes of [6 * MB, 64 * MB]) {
          const [byMap, byColumns] = [programOf(map), programOf(columns)]
          const one = await runOver(name, byMap, memoryBytes, [...byMap.reads])
          const other = await runOver(name, byColumns, memoryBytes, [...byColumns.reads])
          expect(one.counters).toMatchObject({ mapped: ROWS, emitted: ROWS })
          expect(one.rows.equals(other.rows), byMap.key.map((spec) => spec.name).join()).toBe(true)
        }
    })
})
