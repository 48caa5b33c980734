import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import { Bench, EXPORT_MS, ipfix, optionsTemplate, set, template, u, v9, variable } from './wire.ts'

const COUNT = template(256, [1, 4])
const counts = (...values: number[]): number[] => set(256, u(32, ...values))
const bytes = (bench: Bench) => bench.rows.map((row) => row.bytes)
const given = (bench: Bench) => bench.decoder.counters().setsGivenUp

describe('data before its template', () => {
  it('is decoded in order when the template comes, with the times of its own datagram', () => {
    const bench = new Bench()
    bench.send(v9([counts(1), counts(2)], { uptime: 1000, seconds: 100 }))
    bench.send(v9([set(257, u(32, 9))], { seconds: 101 }))
    bench.send(v9([counts(3)], { uptime: 9000, seconds: 108 }))
    bench.send(v9([set(0, COUNT), counts(4)], { seconds: 200 }))
    expect(bench.rows.map((row) => [row.bytes, row.start, Number(row.flags) & FLOW_FLAGS.decodedLate])).toEqual([
      [1, 100_000, FLOW_FLAGS.decodedLate],
      [2, 100_000, FLOW_FLAGS.decodedLate],
      [3, 108_000, FLOW_FLAGS.decodedLate],
      [4, 200_000, 0],
    ])
    expect(bench.decoder.counters()).toMatchObject({
      records: 4,
      lateRecords: 3,
      setsWithoutTemplate: 4,
      setsGivenUp: 0,
    })
  })

  it('is options too, and then serves the data that waited with it', () => {
    const bench = new Bench()
    bench.send(ipfix([set(300, u(32, 0, 50))]))
    bench.send(ipfix([set(3, optionsTemplate(300, 1, [149, 4], [34, 4])), set(2, COUNT), counts(1)]))
    expect(bench.decoder.counters()).toMatchObject({ optionsRecords: 1, lateOptionsRecords: 1 })
    expect(bench.rows).toMatchObject([{ samplePopulation: 50 }])
  })

  it('that does not fit the template is given up whole', () => {
    const bench = new Bench()
    bench.send(ipfix([set(256, [9, 1, 2], u(32, 1))]))
    bench.send(ipfix([set(2, template(256, [96, 65535], [1, 4])), set(256, variable(1), u(32, 5))]))
    expect(bytes(bench)).toEqual([5])
    expect(bench.decoder.drainLedger()).toMatchObject([{ undecodable: 1 }])
    expect(given(bench)).toBe(1)
  })

  it('is copied: the buffer of the datagram may be reused', () => {
    const bench = new Bench()
    const message = Buffer.from(ipfix([counts(1, 2)]))
    bench.send(message)
    message.fill(255)
    const late = Buffer.from(ipfix([set(2, COUNT)]))
    bench.send(late)
    late.fill(255)
    bench.send(ipfix([counts(3)]))
    expect(bytes(bench)).toEqual([1, 2, 3])
  })
})

describe('what waits too long or too much', () => {
  const at = (receivedMs: number) => ({ receivedMs })

  it('is given up by age, counted in the minute it arrived', () => {
    const bench = new Bench({ budgets: { parkedAgeMs: 1000 } })
    bench.send(ipfix([counts(1)]), at(60_000))
    bench.send(ipfix([counts(2)], { sequence: 1 }), at(61_000))
    bench.send(ipfix([], { sequence: 2 }), at(61_001))
    bench.send(ipfix([set(2, COUNT)], { sequence: 2 }), at(121_000))
    expect(bytes(bench)).toEqual([])
    expect(bench.decoder.drainLedger()).toMatchObject([{ interval: 60_000, undecodable: 2, received: 0, lost: 2 }])
    expect(bench.decoder.sessions()).toMatchObject([{ uncertain: true }])
  })

  it('is given up oldest first when an exporter has too many sets or octets', () => {
    const bench = new Bench({ budgets: { parkedSetsPerExporter: 2 } })
    for (const value of [1, 2, 3]) bench.send(ipfix([counts(value)], { sequence: value }))
    bench.send(ipfix([set(2, COUNT)]))
    expect([bytes(bench), given(bench)]).toEqual([[2, 3], 1])
    const small = new Bench({ budgets: { parkedBytesPerExporter: 2 * (256 + 4) } })
    for (const value of [1, 2, 3]) small.send(ipfix([counts(value)], { sequence: value }))
    small.send(ipfix([counts(...new Array<number>(100).fill(7))], { sequence: 9 }))
    small.send(ipfix([set(2, COUNT)]))
    expect([bytes(small), given(small)]).toEqual([[2, 3], 2])
  })

  it('is given up oldest first when all exporters together have too much', () => {
    const bench = new Bench({ budgets: { parkedBytes: 2 * (256 + 4) } })
    const from = (n: number) => ({ exporter: parseExporter(`192.0.2.${n}`)! })
    for (const n of [1, 2, 3]) bench.send(ipfix([counts(n)]), from(n))
    for (const n of [1, 2, 3]) bench.send(ipfix([set(2, COUNT)]), from(n))
    expect([bytes(bench), given(bench)]).toEqual([[2, 3], 1])
  })

  it('is given up at the end of an import', () => {
    const bench = new Bench()
    bench.send(ipfix([counts(1), set(257, u(32, 1))]))
    bench.decoder.abandonParked()
    bench.send(ipfix([set(2, COUNT)]))
    expect([bytes(bench), given(bench)]).toEqual([[], 2])
    expect(bench.decoder.sessions()).toMatchObject([{ uncertain: true, received: 0 }])
  })
})

describe('a saved state', () => {
  it('carries templates, options and waiting sets into the next life, as JSON', () => {
    const first = new Bench()
    const options = optionsTemplate(300, 1, [149, 4], [48, 1], [34, 4])
    const init = optionsTemplate(301, 1, [149, 4], [160, 8])
    first.send(ipfix([set(2, template(258, [48, 1], [22, 4])), set(3, options, init)]))
    first.send(ipfix([set(300, [...u(32, 0), 1, ...u(32, 99)]), set(301, u(32, 0), u(64, EXPORT_MS - 5000))]))
    first.send(ipfix([counts(1, 2)], { sequence: 2 }))
    const state: unknown = JSON.parse(JSON.stringify(first.decoder.state()))
    const second = new Bench()
    second.decoder.restore(state)
    expect(second.decoder.state()).toEqual(state)
    second.send(ipfix([set(258, [1, ...u(32, 1000)]), set(2, COUNT)], { sequence: 4 }))
    expect(second.rows).toMatchObject([{ samplePopulation: 99, start: EXPORT_MS - 4000 }, { bytes: 1 }, { bytes: 2 }])
    expect(second.decoder.counters()).toMatchObject({ records: 3, lateRecords: 2 })
  })

  it('carries where each session stands, so that what is lost in between is known', () => {
    const first = new Bench()
    first.send(ipfix([set(2, COUNT), counts(1, 2, 3)], { sequence: 10 }), { receivedMs: 1000 })
    first.send(ipfix([set(999, u(32, 1))], { sequence: 13 }), { receivedMs: 1000 })
    expect(first.decoder.drainLedger()).toMatchObject([{ received: 3, lost: 0 }])
    const second = new Bench()
    second.decoder.restore(first.decoder.state())
    expect(second.decoder.drainLedger()).toEqual([])
    second.send(ipfix([counts(4)], { sequence: 20 }), { receivedMs: 61_000 })
    second.send(ipfix([set(2, template(999, [1, 4]))], { sequence: 21 }), { receivedMs: 62_000 })
    expect(second.decoder.drainLedger()).toMatchObject([
      { interval: 60_000, received: 1, lost: 7 },
      { interval: 0, received: 1, lost: -1 },
    ])
    expect(second.decoder.sessions()).toMatchObject([{ received: 5, lost: 6, datagrams: 4, first: 10, last: 21 }])
  })

  it('lets sets wait no longer for having been saved: their age counts from their arrival', () => {
    const budgets = { parkedAgeMs: 60_000 }
    const first = new Bench({ budgets })
    first.send(ipfix([counts(1)]), { receivedMs: 1000 })
    first.send(ipfix([counts(2)], { sequence: 1 }), { receivedMs: 50_000 })
    first.decoder.drainLedger()
    const second = new Bench({ budgets })
    second.decoder.restore(JSON.parse(JSON.stringify(first.decoder.state())))
    second.send(ipfix([set(2, COUNT)], { sequence: 2 }), { receivedMs: 61_001 })
    expect([bytes(second), given(second)]).toEqual([[2], 1])
    const [told] = second.decoder.drainLedger().filter(({ undecodable }) => undecodable > 0)
    expect(told).toMatchObject({ interval: 0, undecodable: 1 })
  })

  it('of another kind is refused in one line', () => {
    const { decoder } = new Bench()
    expect(() => decoder.restore({ formatVersion: 2 })).toThrow(
      /^decode: state expected format version 1, got .* at formatVersion$/,
    )
    expect(() => decoder.restore(null)).toThrow(/^decode: state expected/)
    const state = new Bench().decoder.state()
    const template256 = { exporter: 'x', version: 9, domain: 0, type: 'data', lastSeenMs: 0, definition: 'AQA=' }
    expect(() => decoder.restore({ ...state, templates: [template256] })).toThrow(
      'decode: exporter in the state expected an address, got x',
    )
    expect(() => decoder.restore({ ...state, templates: [{ ...template256, exporter: '192.0.2.1' }] })).toThrow(
      'expected a definition',
    )
  })
})
