import { describe, expect, it } from 'vitest'
import { Bench, ipfix, set, template, u } from './wire.ts'

const COUNT = set(2, template(256, [1, 4]))

describe('an exact duplicate of a datagram', () => {
  it('is decoded, and counted apart from what was received', () => {
    const bench = new Bench()
    bench.send(ipfix([COUNT]))
    const data = ipfix([set(256, u(32, 1, 2))], { sequence: 0 })
    for (const message of [data, data]) bench.send(message)
    expect(bench.rows.length).toBe(4)
    expect(bench.decoder.counters()).toMatchObject({ datagrams: 3, duplicates: 1, records: 4 })
    expect(bench.decoder.drainLedger()).toMatchObject([{ received: 2, lost: 0, duplicates: 1 }])
  })

  it('is not decoded when the setting says so', () => {
    const bench = new Bench({ dropDuplicates: true })
    const data = ipfix([COUNT, set(256, u(32, 1, 2))])
    for (const message of [data, data, data]) bench.send(message)
    expect(bench.rows.length).toBe(2)
    expect(bench.decoder.counters()).toMatchObject({ datagrams: 3, duplicates: 2, records: 2, templates: 1 })
  })

  it('of another session is none', () => {
    const bench = new Bench({ dropDuplicates: true })
    const data = ipfix([COUNT, set(256, u(32, 1))])
    bench.send(data, { sourcePort: 1 })
    bench.send(data, { sourcePort: 2 })
    expect(bench.rows.length).toBe(2)
  })
})
