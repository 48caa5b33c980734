import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Address } from '../../src/index.ts'
import { address, count, defineJob, lookup, sum, text, u16, u32, u64 } from '../../src/index.ts'
import { bytesPerSecond } from '../../src/jobs/bytes-per-second.ts'
import { portBreakdown } from '../../src/jobs/port-breakdown.ts'
import { testJob } from '../../src/testing.ts'

const scans = defineJob({
  name: 'horizontal-scans',
  description: 'Sources that touch many targets on one port',
  params: z.object({ targets: z.number().int().positive().default(100) }),
  reads: ['srcAddr', 'dstAddr', 'dstPort', 'packets'],
  key: { src: address(), port: u16() },
  value: { dst: address() },
  output: { src: address(), port: u16(), targets: u32() },
  map(flow, emit, { count }) {
    if (flow.packets <= 3) emit({ src: flow.srcAddr, port: flow.dstPort }, { dst: flow.dstAddr })
    else count('large')
  },
  reduce(key, values, out, { params }) {
    const seen = new Set<Address>()
    for (const value of values) seen.add(value.dst)
    if (seen.size >= params.targets) out({ ...key, targets: seen.size })
  },
})

const targets = Array.from({ length: 40 }, (_, i) => ({
  srcAddr: i % 2 ? '2001:db8::bad' : '10.6.6.6',
  dstAddr: i % 3 ? `10.0.0.${i}` : `2001:db8::${i}`,
  dstPort: 22,
  packets: i < 38 ? 1 : 9,
}))

describe('testJob', () => {
  it('runs jobs of the three shapes on flows in memory, whatever the splits and partitions', async () => {
    const flows = [
      { dstPort: 443, bytes: 10, packets: 1 },
      { dstPort: 53, bytes: 90, packets: 2 },
      { dstPort: 443, bytes: 2 ** 53 - 1, packets: 3 },
    ]
    for (const [splits, partitions] of [
      [1, 1],
      [2, 2],
      [3, 5],
    ] as const) {
      expect((await testJob(portBreakdown, flows, { splits, partitions })).rows).toEqual([
        { port: 443, bytes: 2n ** 53n + 9n, packets: 4n, flows: 2 },
        { port: 53, bytes: 90n, packets: 2n, flows: 1 },
      ])
      const { rows, counters, records } = await testJob(scans, targets, { splits, partitions, params: { targets: 19 } })
      expect(rows).toEqual([
        { src: '10.6.6.6', port: 22, targets: 19 },
        { src: '2001:db8::bad', port: 22, targets: 19 },
      ])
      expect(counters).toEqual({ large: 2 })
      expect(records).toEqual({ mapped: 40, filtered: 0, quarantined: 0 })
    }
  })

  it('selects by period and filter, and cuts shares at the period', async () => {
    const flows = [
      {
        srcAddr: '10.0.0.1',
        dstAddr: '10.0.0.2',
        start: '2026-01-01T00:00:00.500Z',
        end: '2026-01-01T00:00:02.500Z',
        bytes: 1000,
      },
      { srcAddr: '10.0.0.1', dstAddr: '10.0.0.2', start: '2026-01-01T00:00:05Z', bytes: 7 },
    ]
    const at = (second: number): number => Date.UTC(2026, 0, 1, 0, 0, second)
    const halves = [
      await testJob(bytesPerSecond, flows, { to: at(1) + 250 }),
      await testJob(bytesPerSecond, flows, { from: at(1) + 250, where: 'bytes > 100' }),
    ]
    expect(halves.map(({ rows }) => rows.map(({ bin, bytes }) => `${bin} ${bytes}`))).toEqual([
      ['2026-01-01T00:00:00.000Z 250', '2026-01-01T00:00:01.000Z 125'],
      ['2026-01-01T00:00:01.000Z 375', '2026-01-01T00:00:02.000Z 250'],
    ])
  })

  it('takes elements, lookup tables, stored results and chains of jobs', async () => {
    const hosts = defineJob({
      name: 'hosts',
      description: 'x',
      columns: { httpHost: text() },
      groupBy: { host: 'httpHost', customer: lookup('customers', 'srcAddr', 'name') },
      aggregate: { bytes: sum('bytes') },
    })
    const lookups = { customers: [{ prefix: '10.0.0.0/8', name: 'ACME' }] }
    const flows = [
      { srcAddr: '10.1.1.1', httpHost: 'a.example', bytes: 3 },
      { srcAddr: '11.1.1.1', bytes: 4 },
    ]
    const { rows } = await testJob(hosts, flows, { lookups })
    expect(rows).toEqual([
      { host: null, customer: '', bytes: 4n },
      { host: 'a.example', customer: 'ACME', bytes: 3n },
    ])
    const many = defineJob({
      name: 'many',
      description: 'x',
      input: portBreakdown,
      reads: ['port', 'bytes'],
      key: { large: u16() },
      value: { ports: count(), bytes: sum(u64()) },
      map(row, emit) {
        emit({ large: row.bytes > 50n ? 1 : 0 }, { bytes: row.bytes })
      },
    })
    expect(
      (
        await testJob(many, [
          { dstPort: 1, bytes: 30 },
          { dstPort: 1, bytes: 30 },
          { dstPort: 2, bytes: 9 },
        ])
      ).rows,
    ).toEqual([
      { large: 0, ports: 1, bytes: 9n },
      { large: 1, ports: 1, bytes: 60n },
    ])
    const stored = defineJob({
      name: 'stored',
      description: 'x',
      input: 'results/ports',
      columns: { port: u16(), bytes: u64() },
      groupBy: {},
      aggregate: { bytes: sum('bytes') },
    })
    expect(
      (
        await testJob(stored, [
          { port: 1, bytes: 2n ** 60n },
          { port: 2, bytes: 5n },
        ])
      ).rows,
    ).toEqual([{ bytes: 2n ** 60n + 5n }])
  })

  it('fails with the first bad record, or counts as many as allowed', async () => {
    const picky = defineJob({
      name: 'picky',
      description: 'x',
      reads: ['dstPort'],
      key: { port: u16() },
      value: { n: count() },
      map(flow, emit) {
        emit({ port: flow.dstPort }, {})
        if (flow.dstPort > 2) throw new Error('too high')
      },
    })
    const flows = [1, 2, 3].map((dstPort) => ({ dstPort }))
    await expect(testJob(picky, flows)).rejects.toThrowError(
      /job picky: map threw at .*test-job\.test\.ts:\d+:\d+: too high/,
    )
    const { rows, records } = await testJob(picky, flows, { maxBadRecords: 1 })
    expect(rows).toEqual([
      { port: 1, n: 1 },
      { port: 2, n: 1 },
    ])
    expect(records).toEqual({ mapped: 2, filtered: 0, quarantined: 1 })
  })

  it('refuses columns and values that a flow does not have', async () => {
    await expect(testJob(portBreakdown, [{ dstPrt: 1 }])).rejects.toThrowError(
      "row 0: expected columns of flows, got 'dstPrt'",
    )
    await expect(testJob(portBreakdown, [{ dstPort: 65_536 }])).rejects.toThrowError(/expected u16, got 65536/)
    expect((await testJob(portBreakdown, [])).rows).toEqual([])
  })
})
