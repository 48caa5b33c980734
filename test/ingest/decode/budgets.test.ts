import { describe, expect, it } from 'vitest'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import { Bench, ipfix, set, template, u, v9, variable } from './wire.ts'

const from = (n: number) => ({ exporter: parseExporter(`10.0.${n >> 8}.${n & 255}`)! })

describe('templates over their budget', () => {
  it('of one exporter are forgotten, the least recently used first', () => {
    const bench = new Bench({ budgets: { templatesPerExporter: 3 } })
    bench.send(ipfix([set(2, ...[256, 257, 258].map((id) => template(id, [1, 4])))]))
    bench.send(ipfix([set(256, u(32, 1))]))
    bench.send(ipfix([set(2, template(259, [1, 4]))]))
    bench.send(ipfix([set(256, u(32, 2)), set(257, u(32, 3)), set(258, u(32, 4)), set(259, u(32, 5))]))
    expect(bench.rows.map(({ bytes }) => bytes)).toEqual([1, 2, 4, 5])
    expect(bench.decoder.counters()).toMatchObject({ templatesEvicted: 1, setsWithoutTemplate: 1 })
  })

  it('of octets are forgotten too, and one too large alone is not kept', () => {
    const bench = new Bench({ budgets: { templateBytesPerExporter: 2 * (64 + 8) } })
    bench.send(ipfix([set(2, ...[256, 257, 258].map((id) => template(id, [1, 4])))]))
    expect(bench.decoder.counters()).toMatchObject({ templatesEvicted: 1, templatesRefused: 0 })
    const fields = Array.from({ length: 100 }, (_, i): [number, number] => [1000 + i, 4])
    bench.send(ipfix([set(2, template(300, ...fields))]))
    expect(bench.decoder.counters()).toMatchObject({ templatesEvicted: 1, templatesRefused: 1 })
  })

  it('of fields are not kept; their sets wait', () => {
    const bench = new Bench({ budgets: { fieldsPerTemplate: 2 } })
    bench.send(ipfix([set(2, template(256, [1, 4], [2, 4], [4, 1])), set(256, u(32, 1, 2), [6])]))
    expect(bench.decoder.counters()).toMatchObject({
      templates: 1,
      templatesRefused: 1,
      records: 0,
      setsWithoutTemplate: 1,
    })
  })

  it('of all exporters together push out the exporter heard least recently', () => {
    const bench = new Bench({ budgets: { templateBytes: 3 * (64 + 8) } })
    for (const n of [1, 2, 3]) bench.send(ipfix([set(2, template(256, [1, 4]))]), from(n))
    bench.send(ipfix([set(256, u(32, 1))]), from(1))
    bench.send(ipfix([set(2, template(256, [1, 4]))]), from(4))
    for (const n of [1, 2, 3, 4]) bench.send(ipfix([set(256, u(32, n + 10))]), from(n))
    expect(bench.rows.map(({ bytes }) => bytes)).toEqual([1, 11, 13, 14])
  })

  it('of age are forgotten, and a repetition renews them', () => {
    const bench = new Bench({ budgets: { templateLifetimeMs: 1000 } })
    const send = (receivedMs: number, ...sets: number[][]) => bench.send(ipfix(sets), { receivedMs })
    const definition = set(2, template(256, [1, 4]))
    send(0, definition)
    send(900, definition)
    send(1900, set(256, u(32, 1)))
    send(1901, set(256, u(32, 2)))
    expect(bench.rows.length).toBe(1)
    expect(bench.decoder.counters()).toMatchObject({ templatesExpired: 1, setsWithoutTemplate: 1 })
  })
})

describe('a flood', () => {
  it('of templates from one exporter holds no more than its budget', () => {
    const bench = new Bench({ budgets: { templatesPerExporter: 100 } })
    for (let i = 0; i < 400; i++) {
      const ids = Array.from({ length: 50 }, (_, k) => 256 + ((i * 50 + k) % 60_000))
      bench.send(v9([set(0, ...ids.map((id) => template(id, [1, 4])))], { sequence: i }))
    }
    expect(bench.decoder.state().templates.length).toBe(100)
    expect(bench.decoder.counters()).toMatchObject({ templates: 20_000, templatesEvicted: 19_900 })
  })

  it('of exporters, domains and ports holds no more than its budgets', () => {
    const bench = new Bench({ budgets: { exporters: 50, sessions: 40, sessionsPerExporter: 5, samplersPerDomain: 3 } })
    const data = set(2, template(256, [1, 4]))
    for (let n = 0; n < 500; n++) bench.send(ipfix([data], { domain: n }), { ...from(n), sourcePort: n })
    for (let n = 0; n < 100; n++) bench.send(ipfix([data], { domain: n }), { sourcePort: n })
    const { sessions, domains } = bench.decoder.state()
    expect(sessions.length).toBeLessThanOrEqual(40)
    expect(sessions.filter(({ key }) => key.exporter === '192.0.2.1').length).toBe(5)
    expect(domains.filter(({ exporter }) => exporter === '192.0.2.1').length).toBeLessThanOrEqual(5)
    expect(new Set(bench.decoder.state().templates.map(({ exporter }) => exporter)).size).toBeLessThanOrEqual(50)
  })

  it('of malformed datagrams with forged headers makes no session and few ledger entries', () => {
    const bench = new Bench()
    for (let n = 0; n < 200; n++) bench.send(ipfix([[1]], { domain: n }), { sourcePort: n, receivedMs: 1 })
    expect(bench.decoder.sessions()).toEqual([])
    expect(bench.decoder.drainLedger()).toMatchObject([{ malformed: 200, sourcePort: 0, domain: 0, version: 10 }])
  })
})

describe('a value of varying length', () => {
  it('over its budget is stored as absent', () => {
    const elements = ['applicationName']
    const bench = new Bench({ elements, budgets: { valueBytes: 3 } })
    bench.send(ipfix([set(2, template(256, [96, 65535])), set(256, variable(97, 98, 99), variable(97, 98, 99, 100))]))
    expect(bench.rows.map(({ applicationName }) => applicationName)).toEqual(['abc', null])
  })
})
