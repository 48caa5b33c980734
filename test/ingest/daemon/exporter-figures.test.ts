import { describe, expect, it } from 'vitest'
import { ExporterFigures, MAX_EXPORTERS } from '../../../src/ingest/daemon/exporter-figures.ts'
import { Arrivals, addLatencies, LATENCY_BOUNDS, NO_LATENCIES } from '../../../src/ingest/daemon/latency.ts'
import { createDeltas } from '../../../src/ingest/ledger/account.ts'
import type { LedgerEntry, LedgerUnit } from '../../../src/storage/manifest/actions.ts'

const entry = (exporter: string, unit: LedgerUnit, counts: Partial<LedgerEntry>): LedgerEntry => ({
  ...createDeltas({ exporter, sourcePort: 1, version: 9, domain: 0 }, unit, 0),
  ...counts,
})

describe('figures by exporter', () => {
  it('add up ledger entries by exporter and unit, with those not told yet', () => {
    const figures = new ExporterFigures()
    figures.add([
      entry('192.0.2.1', 'flows', { received: 5, lost: 2 }),
      entry('192.0.2.1', 'datagrams', { malformed: 1 }),
    ])
    figures.add([entry('192.0.2.1', 'flows', { received: 1, lost: -1, duplicates: 1 })])
    const pending = [entry('192.0.2.1', 'flows', { received: 10, undecodable: 3 })]
    const none = { received: 0, lost: 0, duplicates: 0, undecodable: 0, malformed: 0 }
    const [flows, datagrams] = figures.with(pending)
    expect(flows).toEqual({
      exporter: '192.0.2.1',
      unit: 'flows',
      received: 16,
      lost: 1,
      duplicates: 1,
      undecodable: 3,
      malformed: 0,
    })
    expect(datagrams).toEqual({ ...none, exporter: '192.0.2.1', unit: 'datagrams', malformed: 1 })
    expect(figures.with([])[0]).toMatchObject({ received: 6, undecodable: 0 })
  })

  it('tell 1,024 exporters apart and are one for all others, however many come', () => {
    const figures = new ExporterFigures()
    const exporters = Array.from({ length: 5000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    for (const exporter of [...exporters, ...exporters]) figures.add([entry(exporter, 'flows', { received: 1 })])
    const list = figures.with([])
    expect(list).toHaveLength(MAX_EXPORTERS + 1)
    expect(list.at(-1)).toMatchObject({ exporter: 'others', received: 2 * (5000 - MAX_EXPORTERS) })
    expect(list.reduce((sum, { received }) => sum + received, 0)).toBe(10_000)
  })
})

describe('latencies', () => {
  it('fall into the first class whose bound they do not exceed, by datagram', () => {
    const arrivals = new Arrivals()
    arrivals.add(1000, 3)
    arrivals.add(1099, 4)
    arrivals.add(1100, 5)
    arrivals.add(900, 6)
    const taken = arrivals.take()
    expect(taken).toEqual([
      { receivedMs: 1000, datagrams: 7 },
      { receivedMs: 1100, datagrams: 5 },
      { receivedMs: 900, datagrams: 6 },
    ])
    expect(arrivals.take()).toEqual([])
    const once = addLatencies(NO_LATENCIES, taken, 1100)
    expect(once.counts.slice(0, 3)).toEqual([12, 6, 0])
    expect(once.sumSeconds).toBeCloseTo(7 * 0.1 + 6 * 0.2)
    const twice = addLatencies(once, [{ receivedMs: 0, datagrams: 1 }], 4_000_000)
    expect(twice.counts[LATENCY_BOUNDS.length]).toBe(1)
  })

  it('are never negative, though the clock was set back', () => {
    expect(addLatencies(NO_LATENCIES, [{ receivedMs: 5000, datagrams: 1 }], 1000).sumSeconds).toBe(0)
  })
})
