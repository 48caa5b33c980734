import { describe, expect, it } from 'vitest'
import {
  Bench,
  EXPORT_MS,
  EXPORT_SECONDS,
  ip,
  ipfix,
  optionsTemplate,
  set,
  template,
  u,
  v9,
  v9OptionsTemplate,
  variable,
} from './wire.ts'

/** Shapes of messages that exporters send and that no capture at hand has, written from the RFCs and vendors' manuals. */

const COUNT = template(256, [1, 4])
const text = (length: number): number[] => new Array<number>(length).fill(0x61)
const sampling = (bench: Bench) =>
  bench.rows.map(({ bytes, sampleSize, samplePopulation }) => [bytes, sampleSize, samplePopulation])

describe('options', () => {
  it('of scopes alone, without any option, are read past (RFC 7011 section 3.4.2.2, RFC 3954 section 6.1)', () => {
    const bench = new Bench()
    bench.send(ipfix([set(3, optionsTemplate(300, 2, [149, 4], [302, 4])), set(300, u(32, 1, 2, 1, 3)), set(2, COUNT)]))
    bench.send(ipfix([set(256, u(32, 7))], { sequence: 2 }))
    bench.send(
      v9([set(1, v9OptionsTemplate(300, [[1, 4]], [])), set(300, u(32, 1)), set(0, COUNT), set(256, u(32, 8))]),
    )
    expect(sampling(bench)).toEqual([
      [7, 0, 0],
      [8, 0, 0],
    ])
    expect(bench.decoder.counters()).toMatchObject({ optionsRecords: 3, optionsTemplates: 2, malformedDatagrams: 0 })
    expect(bench.decoder.sessions()[0]).toMatchObject({ received: 3, lost: 0 })
  })

  it('with enterprise elements that have the numbers of sampling, and names of any length, tell the rate of the IANA element', () => {
    const bench = new Bench()
    const definition = optionsTemplate(300, 2, [149, 4], [48, 2, 9], [34, 4, 9], [84, 65535], [34, 4])
    const record = (name: number[], rate: number): number[] => [
      ...u(32, 1),
      ...u(16, 5),
      ...u(32, 77),
      ...name,
      ...u(32, rate),
    ]
    bench.send(ipfix([set(3, definition), set(300, record(variable(...text(300)), 100))]))
    bench.send(ipfix([set(2, COUNT), set(256, u(32, 1))], { sequence: 1 }))
    bench.send(ipfix([set(300, record(variable(), 200)), set(256, u(32, 2))], { sequence: 2 }))
    expect(sampling(bench)).toEqual([
      [1, 1, 100],
      [2, 1, 200],
    ])
  })

  it('of several domains of one transport are told apart, as are their templates and sequences', () => {
    const bench = new Bench()
    const options = set(3, optionsTemplate(300, 1, [149, 4], [34, 4]))
    for (const [domain, rate] of [
      [1, 10],
      [2, 20],
    ] as const) {
      const definition = domain === 1 ? COUNT : template(256, [2, 4], [1, 4])
      bench.send(ipfix([options, set(300, u(32, domain, rate)), set(2, definition)], { domain }))
    }
    bench.send(ipfix([set(256, u(32, 5))], { domain: 1, sequence: 1 }))
    bench.send(ipfix([set(256, u(32, 3, 6))], { domain: 2, sequence: 1 }))
    bench.send(ipfix([set(256, u(32, 7))], { domain: 3, sequence: 9 }))
    expect(sampling(bench)).toEqual([
      [5, 1, 10],
      [6, 1, 20],
    ])
    const sessions = bench.decoder.sessions().map(({ domain, received, lost }) => [domain, received, lost])
    expect(sessions).toEqual([
      [1, 2, 0],
      [2, 2, 0],
      [3, 0, 0],
    ])
  })

  it('and their data, padded to four octets, may fill one v9 packet with templates of both kinds', () => {
    const bench = new Bench()
    const sampler = v9OptionsTemplate(
      257,
      [[1, 2]],
      [
        [48, 1],
        [49, 1],
        [50, 4],
      ],
    )
    const packet = v9(
      [
        set(1, sampler, [0, 0]),
        set(0, template(256, [48, 1], [1, 4]), template(258, [8, 4], [12, 4], [2, 4])),
        set(257, u(16, 0), [3, 2], u(32, 500)),
        set(256, [3], u(32, 40), [0, 0, 0]),
        set(258, ip('192.0.2.7'), ip('192.0.2.8'), u(32, 1)),
      ],
      { domain: 5 },
    )
    expect(bench.send(packet)).toBeUndefined()
    expect(bench.rows).toMatchObject([
      { bytes: 40, sampleSize: 1, samplePopulation: 500 },
      { srcAddr: '192.0.2.7', dstAddr: '192.0.2.8', packets: 1, samplePopulation: 500 },
    ])
  })
})

describe('a template id', () => {
  it('that goes from data to options and back decodes each set with the definition of its time', () => {
    const bench = new Bench()
    const data = set(2, template(300, [1, 4], [2, 4]))
    const options = set(3, optionsTemplate(300, 1, [149, 4], [34, 4]))
    bench.send(ipfix([data, set(300, u(32, 11, 12))]))
    bench.send(ipfix([options, set(300, u(32, 1, 64))], { sequence: 1 }))
    bench.send(
      ipfix([data, set(300, u(32, 21, 22)), options, set(300, u(32, 1, 128)), data, set(300, u(32, 31, 32))], {
        sequence: 2,
      }),
    )
    expect(bench.rows.map(({ bytes, packets }) => [bytes, packets])).toEqual([
      [11, 12],
      [21, 22],
      [31, 32],
    ])
    expect(bench.rows.map(({ samplePopulation }) => samplePopulation)).toEqual([0, 128, 128])
    expect(bench.decoder.counters()).toMatchObject({ optionsRecords: 2, records: 3 })
  })

  it('that turns out to be of options decodes the sets that waited for it as options', () => {
    const bench = new Bench()
    bench.send(v9([set(300, u(32, 0, 50))]))
    bench.send(
      v9([set(1, v9OptionsTemplate(300, [[1, 4]], [[34, 4]])), set(0, COUNT), set(256, u(32, 1))], { sequence: 1 }),
    )
    expect(sampling(bench)).toEqual([[1, 1, 50]])
  })
})

describe('security events (NSEL)', () => {
  it('without counters are flows of 0 octets, those of a teardown two flows, both with the time of their start', () => {
    const bench = new Bench()
    const ends = [
      [8, 4],
      [12, 4],
      [7, 2],
      [11, 2],
      [4, 1],
    ] as const
    const created = template(256, ...ends, [233, 1], [323, 8], [152, 8])
    const deleted = template(257, ...ends, [233, 1], [323, 8], [152, 8], [231, 4], [232, 4])
    const who = [...ip('10.0.0.1'), ...ip('10.0.0.2'), ...u(16, 40_000, 443), 6]
    const times = u(64, EXPORT_MS - 10, EXPORT_MS - 5000)
    bench.send(v9([set(0, created, deleted), set(256, who, [1], times), set(257, who, [2], times, u(32, 700, 9000))]))
    expect(bench.rows).toMatchObject([
      { srcAddr: '10.0.0.1', dstPort: 443, bytes: 0, packets: 0, start: EXPORT_MS - 5000 },
      { srcAddr: '10.0.0.1', dstPort: 443, bytes: 700, start: EXPORT_MS - 5000, end: EXPORT_MS - 5000 },
      { srcAddr: '10.0.0.2', dstAddr: '10.0.0.1', srcPort: 443, dstPort: 40_000, bytes: 9000 },
    ])
  })
})

describe('a v9 exporter up for longer than 49.7 days', () => {
  it('has flows on both sides of the wrap of sysUptime in one packet, and goes on in its sequence', () => {
    const bench = new Bench()
    const definition = template(256, [22, 4], [21, 4])
    const flow = (first: number, last: number): number[] => u(32, first >>> 0, last >>> 0)
    bench.send(v9([set(0, definition), set(256, flow(-9000, -5000))], { uptime: 0xffff_fff0, sequence: 0xffff_ffff }))
    const after = v9([set(256, flow(-3000, -1000), flow(-1000, 500), flow(600, 900))], {
      uptime: 1000,
      sequence: 0,
      seconds: EXPORT_SECONDS + 1,
    })
    bench.send(after)
    expect(bench.rows.map(({ start, end }) => [Number(start) - EXPORT_MS, Number(end) - EXPORT_MS])).toEqual([
      [-8984, -4984],
      [-3000, -1000],
      [-1000, 500],
      [600, 900],
    ])
    expect(bench.decoder.sessions()).toMatchObject([{ received: 2, lost: 0, restarts: 0 }])
  })
})

describe('IPFIX metered on several interfaces', () => {
  it('has the rate of the interface that each record came in by', () => {
    const bench = new Bench()
    const options = optionsTemplate(300, 1, [10, 4], [305, 4], [306, 4])
    bench.send(ipfix([set(3, options), set(300, u(32, 1, 1, 99), u(32, 2, 2, 98))]))
    bench.send(ipfix([set(2, template(256, [10, 4], [1, 4])), set(256, u(32, 1, 10, 2, 20, 3, 30))], { sequence: 2 }))
    expect(sampling(bench)).toEqual([
      [10, 1, 100],
      [20, 2, 100],
      [30, 0, 0],
    ])
  })
})
