import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import type { Spec } from './wire.ts'
import {
  Bench,
  EXPORT_MS,
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

const PAIR: readonly Spec[] = [
  [8, 4],
  [1, 4],
]
const record = (host: number, octets: number): number[] => [...ip(`198.51.100.${host}`), ...u(32, octets)]
const DATA = set(256, record(1, 100))
const octets = (bench: Bench) => bench.rows.map(({ bytes }) => bytes)

describe('a template', () => {
  it('of IPFIX decodes the records of its id', () => {
    const bench = new Bench()
    expect(
      bench.send(ipfix([set(2, template(256, ...PAIR)), set(256, record(1, 100), record(2, 200))])),
    ).toBeUndefined()
    expect(bench.rows).toMatchObject([
      { srcAddr: '198.51.100.1', bytes: 100, dstAddr: null, direction: 255, exporter: '192.0.2.1', domain: 1 },
      { srcAddr: '198.51.100.2', bytes: 200, received: EXPORT_MS },
    ])
    expect(bench.decoder.counters()).toMatchObject({ templates: 1, optionsTemplates: 0, records: 2, flows: 2 })
  })

  it('is found by exporter address, version, domain and id, never by source port', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, ...PAIR))]), { sourcePort: 1 })
    bench.send(ipfix([DATA]), { sourcePort: 2 })
    expect(bench.rows.length).toBe(1)
    bench.send(ipfix([DATA], { domain: 2 }))
    bench.send(v9([DATA]))
    bench.send(ipfix([DATA]), { exporter: parseExporter('192.0.2.2')! })
    expect(bench.rows.length).toBe(1)
    expect(bench.decoder.counters().setsWithoutTemplate).toBe(3)
  })

  it('may follow its data in the same message', () => {
    const bench = new Bench()
    bench.send(ipfix([DATA, set(2, template(256, ...PAIR))]))
    expect(octets(bench)).toEqual([100])
    expect(bench.rows[0]?.flags).toBe(FLOW_FLAGS.decodedLate | FLOW_FLAGS.timesUnknown)
  })

  it('is replaced by a later definition of its id, within a message too', () => {
    const bench = new Bench()
    const swapped = template(256, [1, 4], [8, 4])
    bench.send(ipfix([set(2, template(256, ...PAIR)), DATA, set(2, swapped), set(256, u(32, 7), ip('192.0.2.9'))]))
    bench.send(ipfix([set(256, u(32, 8), ip('192.0.2.10'))]))
    expect(octets(bench)).toEqual([100, 7, 8])
    expect(bench.rows[2]?.srcAddr).toBe('192.0.2.10')
  })

  it('may become an options template', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, ...PAIR)), DATA, set(3, optionsTemplate(256, 1, ...PAIR)), DATA]))
    expect(bench.decoder.counters()).toMatchObject({ records: 1, optionsRecords: 1 })
  })

  it('of several in one set is read to the padding', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, ...PAIR), template(257, ...PAIR), u(16, 0, 0), u(16, 0)), DATA]))
    expect(bench.decoder.counters()).toMatchObject({ templates: 2, records: 1, malformedDatagrams: 0 })
  })
})

describe('a withdrawal', () => {
  it('of one template forgets that one (RFC 7011 section 8.1)', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, ...PAIR), template(257, ...PAIR))]))
    bench.send(ipfix([set(2, u(16, 256, 0))]))
    bench.send(ipfix([DATA, set(257, record(1, 7))]))
    expect(octets(bench)).toEqual([7])
    expect(bench.decoder.counters()).toMatchObject({ withdrawals: 1, setsWithoutTemplate: 1, templates: 2 })
  })

  it('of all templates forgets those of the kind and the domain alone', () => {
    const bench = new Bench()
    const both = [set(2, template(256, ...PAIR), template(257, ...PAIR)), set(3, optionsTemplate(258, 1, ...PAIR))]
    bench.send(ipfix(both))
    bench.send(ipfix(both, { domain: 2 }))
    bench.send(ipfix([set(2, u(16, 2, 0))]))
    bench.send(ipfix([DATA, set(257, record(1, 1)), set(258, record(1, 1))]))
    expect(bench.decoder.counters()).toMatchObject({ setsWithoutTemplate: 2, optionsRecords: 1 })
    bench.send(ipfix([DATA], { domain: 2 }))
    expect(bench.rows.length).toBe(1)
    bench.send(ipfix([set(3, u(16, 3, 0))]))
    bench.send(ipfix([set(258, record(1, 1))]))
    expect(bench.decoder.counters()).toMatchObject({ withdrawals: 2, setsWithoutTemplate: 3, optionsRecords: 1 })
  })

  it('in the message of a template counts in its order', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, ...PAIR), u(16, 256, 0)), DATA]))
    bench.send(ipfix([set(2, u(16, 256, 0), template(256, ...PAIR)), DATA]))
    expect(bench.decoder.counters()).toMatchObject({
      withdrawals: 2,
      setsWithoutTemplate: 1,
      lateRecords: 1,
      records: 2,
    })
  })

  it('is counted and ignored over UDP (RFC 7011 section 8.4)', () => {
    const bench = new Bench()
    const overUdp = { receivedMs: EXPORT_MS }
    bench.send(ipfix([set(2, template(256, ...PAIR), u(16, 256, 0)), DATA]), overUdp)
    bench.send(ipfix([set(2, u(16, 2, 0)), DATA]), overUdp)
    expect(octets(bench)).toEqual([100, 100])
    expect(bench.decoder.counters()).toMatchObject({ withdrawals: 2, setsWithoutTemplate: 0 })
  })

  it('of a template that is not there changes nothing', () => {
    const bench = new Bench()
    expect(bench.send(ipfix([set(2, u(16, 300, 0))]))).toBeUndefined()
    expect(bench.send(ipfix([set(3, u(16, 300, 0))]))).toBeUndefined()
    expect(bench.decoder.counters()).toMatchObject({ withdrawals: 2, malformedDatagrams: 0 })
  })

  it('does not exist in v9: a template without fields has records of no octets, which are never read', () => {
    const bench = new Bench()
    expect(bench.send(v9([set(0, u(16, 256, 0)), set(256, u(32, 1, 2, 3))]))).toBeUndefined()
    expect(bench.decoder.counters()).toMatchObject({ templates: 1, withdrawals: 0, records: 0 })
  })
})

describe('reserved set ids', () => {
  it('are skipped and counted (RFC 7011 section 3.3.2, RFC 3954 section 5.2)', () => {
    const bench = new Bench()
    const templates = template(256, ...PAIR)
    expect(
      bench.send(ipfix([set(2, templates), set(0, u(32, 1)), set(1, u(32, 1)), set(4, u(32, 9)), set(255), DATA])),
    ).toBeUndefined()
    expect(bench.send(v9([set(0, templates), set(2, u(32, 1)), set(255, u(32, 1)), DATA]))).toBeUndefined()
    expect(bench.decoder.counters()).toMatchObject({ reservedSets: 6, records: 2, malformedDatagrams: 0 })
  })
})

describe('records of no octets', () => {
  it('can never loop', () => {
    const bench = new Bench()
    const empty = template(256, [8, 0], [1, 0])
    expect(bench.send(ipfix([set(2, empty), set(256, u(32, 1, 2, 3)), set(256)]))).toBeUndefined()
    const options = optionsTemplate(257, 1, [149, 0], [34, 0])
    expect(bench.send(ipfix([set(3, options), set(257, u(32, 1, 2, 3))]))).toBeUndefined()
    expect(bench.decoder.counters()).toMatchObject({ records: 0, optionsRecords: 0, flows: 0 })
  })

  it('of one octet, a variable-length field each, are read one by one', () => {
    const bench = new Bench()
    bench.send(ipfix([set(2, template(256, [96, 65535])), set(256, [0, 0, 0, 0])]))
    expect(bench.decoder.counters().records).toBe(4)
  })
})

describe('v9', () => {
  it('reads options templates with scope types, and without any scope', () => {
    const bench = new Bench()
    const scoped = v9OptionsTemplate(
      256,
      [[1, 4]],
      [
        [34, 4],
        [35, 1],
      ],
    )
    const bare = v9OptionsTemplate(257, [], [[34, 4]])
    bench.send(v9([set(1, scoped), set(1, bare), set(256, u(32, 0, 100), [2]), set(257, u(32, 50))]))
    expect(bench.decoder.counters()).toMatchObject({ optionsTemplates: 2, optionsRecords: 2 })
  })

  it('ends at zero octets up to the end of the packet, not at others', () => {
    const bench = new Bench()
    const filled = [...v9([set(0, template(256, ...PAIR)), DATA]), ...new Array<number>(23).fill(0)]
    expect(bench.send(Uint8Array.from(filled))).toBeUndefined()
    expect(bench.send(Uint8Array.from([...filled, 1]))).toBe('set-too-short')
    expect(bench.rows.length).toBe(1)
  })

  it('takes types of 16 bits, without an enterprise bit', () => {
    const bench = new Bench({ elements: ['vendor'], definitions: [{ name: 'vendor', id: 57590, type: 'unsigned32' }] })
    bench.send(v9([set(0, template(256, [57590, 4], [1, 4])), set(256, u(32, 77, 5))]))
    expect(bench.rows).toMatchObject([{ vendor: 77, bytes: 5 }])
  })

  it('takes length 65535 as variable', () => {
    const bench = new Bench()
    bench.send(
      v9([set(0, template(256, [96, 65535], [1, 4])), set(256, variable(1, 2, 3), u(32, 9), variable(), u(32, 8))]),
    )
    expect(octets(bench)).toEqual([9, 8])
  })
})
