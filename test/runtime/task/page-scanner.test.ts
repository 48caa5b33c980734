import { describe, expect, it } from 'vitest'
import { count, defineJob, prefix, sum, timeBin } from '../../../src/index.ts'
import { programOf } from '../compile/harness.ts'
import { blocks, MB, ROWS, runOver } from './block-run.ts'

const KEYS = {
  port: { port: 'dstPort' },
  protocol: { proto: 'proto' },
  host: { host: 'srcAddr' },
  network: { net: prefix('dstAddr', 22, 32) },
  networkProtocol: { proto: 'proto', net: prefix('dstAddr', 22, 32) },
  ports: { src: 'srcPort', dst: 'dstPort' },
  bin: { bin: timeBin('5m') },
  pair: { src: 'srcAddr', dst: 'dstAddr' },
  many: {
    bin: timeBin('1m', { column: 'end' }),
    net: prefix('srcAddr', 0, 0),
    port: 'dstPort',
    start: 'start',
    as: 'srcAs',
  },
} as const
const AGGREGATES = [
  { bytes: sum('bytes') },
  { bytes: sum('bytes'), packets: sum('packets'), flows: count() },
  { flows: count() },
  { packets: sum('packets'), bytes: sum('bytes'), inputIf: sum('bytes') },
] as const
const FILTERS = [
  undefined,
  'proto tcp and dst port 443 and bytes > 1000',
  'not (dst port 443 or proto udp)',
  'src net 10.0.0.0/24',
  'bytes > 2000000',
  'packets < 1',
]

describe('a row group read by one call', () => {
  it('never reaches the mapper, when all of its addresses are of IPv4', async () => {
    for (const groupBy of Object.values(KEYS)) {
      const job = defineJob({ name: 'x', description: 'y', groupBy, aggregate: AGGREGATES[1], where: FILTERS[1]! })
      const map = (): void => expect.unreachable('a page came to the mapper')
      const program = { ...programOf(job), createMapper: () => ({ map, finish: () => undefined }) }
      const { counters } = await runOver('of IPv4', program, 64 * MB, [...program.reads])
      expect(counters.mapped! + counters.unmatched!).toBe(ROWS)
    }
  })

  for (const name of blocks.keys())
    it(`leaves what its pages leave one by one, over flows ${name}`, async () => {
      for (const [k, groupBy] of Object.values(KEYS).entries())
        for (const [f, where] of FILTERS.entries()) {
          const aggregate = AGGREGATES[(k + f) % AGGREGATES.length]!
          const job = defineJob({ name: 'x', description: 'y', groupBy, aggregate, ...(where ? { where } : {}) })
          const program = programOf(job)
          expect(program.columnwise).toBeDefined()
          const { columnwise: _, ...paged } = program
          const memoryBytes = name === 'of as many hosts as flows' && f % 2 === 0 ? 6 * MB : 64 * MB
          const [one, other] = [
            await runOver(name, program, memoryBytes, [...program.reads]),
            await runOver(name, paged, memoryBytes, [...program.reads]),
          ]
          const what = `${JSON.stringify(groupBy)} ${JSON.stringify(aggregate)} ${where}`
          const { mapped, unmatched, emitted, spills } = other.counters
          expect(one.counters, what).toMatchObject({ mapped, unmatched, emitted })
          expect(one.rows.equals(other.rows), what).toBe(true)
          if (spills === 0 && one.counters.spills === 0) expect(one.run.equals(other.run), what).toBe(true)
        }
    })
})
