import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import { valueAt } from '../../../src/flow/value.ts'
import { createQuarantineBatch } from '../../../src/ingest/decode/sink.ts'
import type { Row, Spec } from './wire.ts'
import { Bench, EXPORT_MS, ip, ip6, ipfix, set, template, u, v9, variable } from './wire.ts'

const TIMES: readonly Spec[] = [
  [152, 8],
  [153, 8],
]
const times = u(64, EXPORT_MS - 2, EXPORT_MS - 1)

/** Decodes records of these elements, with good times in front. */
function all(specs: readonly Spec[], ...records: readonly number[][]): Row[] {
  const bench = new Bench()
  expect(
    bench.send(
      ipfix([set(2, template(256, ...TIMES, ...specs)), set(256, ...records.map((values) => [...times, ...values]))]),
    ),
  ).toBeUndefined()
  return bench.rows
}

const one = (specs: readonly Spec[], values: number[]): Row => all(specs, values)[0]!

describe('addresses', () => {
  const both: Spec[] = [
    [8, 4],
    [27, 16],
    [12, 4],
    [28, 16],
  ]
  const values = (host: string, n: number): number[] => [...ip(host), ...ip6(n)]

  it('of both families in a record are chosen by ipVersion', () => {
    const rows = all(
      [...both, [60, 1]],
      [...values('0.0.0.0', 1), ...values('192.0.2.2', 2), 6],
      [...values('0.0.0.0', 1), ...values('192.0.2.2', 2), 4],
    )
    expect(rows).toMatchObject([
      { srcAddr: '2001:db8::1', dstAddr: '2001:db8::2' },
      { srcAddr: '0.0.0.0', dstAddr: '192.0.2.2' },
    ])
  })

  it('of both families without ipVersion are IPv4, unless that is 0.0.0.0 and the other is not ::', () => {
    const none = [...ip('0.0.0.0'), ...u(32, 0, 0, 0, 0)]
    const rows = all(both, [...values('192.0.2.1', 1), ...values('0.0.0.0', 2)], [...none, ...none])
    expect(rows).toMatchObject([
      { srcAddr: '192.0.2.1', dstAddr: '2001:db8::2' },
      { srcAddr: '0.0.0.0', dstAddr: '0.0.0.0' },
    ])
  })

  it('stay IPv6 when they are IPv4-mapped', () => {
    expect(one([[27, 16]], [...u(32, 0, 0, 0xffff), ...ip('192.0.2.1')])).toMatchObject({ srcAddr: '::ffff:c000:201' })
  })

  it('of another length than their own count as absent', () => {
    expect(
      one(
        [
          [8, 3],
          [28, 8],
          [27, 16],
        ],
        [1, 2, 3, ...u(64, 1), ...ip6(1)],
      ),
    ).toMatchObject({ srcAddr: '2001:db8::1', dstAddr: null })
  })

  it('of the next hop follow the same rule, BGP next hops are not used', () => {
    expect(
      one(
        [
          [18, 4],
          [62, 16],
        ],
        [...ip('192.0.2.1'), ...ip6(9)],
      ),
    ).toMatchObject({ nextHop: '2001:db8::9' })
    expect(
      one(
        [
          [18, 4],
          [63, 16],
        ],
        [...ip('192.0.2.1'), ...ip6(9)],
      ),
    ).toMatchObject({ nextHop: null })
  })

  it('do not leave anything of the row before', () => {
    const bench = new Bench({}, { capacity: 2 })
    bench.send(ipfix([set(2, template(256, [27, 16])), set(256, ip6(1), ip6(2))]))
    bench.send(ipfix([set(2, template(257, [8, 4])), set(257, ip('192.0.2.1'), ip('192.0.2.2'))]))
    expect([...bench.batch.columns.srcAddr.v6]).toEqual(new Array(32).fill(0))
  })
})

describe('prefix lengths', () => {
  it('are those of the family of the address, else the other', () => {
    const specs: Spec[] = [
      [8, 4],
      [27, 16],
      [9, 1],
      [29, 1],
      [30, 1],
    ]
    const rows = all(specs, [...ip('192.0.2.1'), ...ip6(1), 24, 64, 48], [...ip('0.0.0.0'), ...ip6(1), 24, 64, 48])
    expect(rows.map(({ srcMask, dstMask }) => [srcMask, dstMask])).toEqual([
      [24, 48],
      [64, 48],
    ])
  })
})

describe('counters', () => {
  it('are chosen by presence, even when the value is 0', () => {
    expect(
      one(
        [
          [85, 4],
          [1, 4],
          [86, 4],
          [2, 4],
        ],
        u(32, 9, 0, 8, 0),
      ),
    ).toMatchObject({ bytes: 0, packets: 0, flags: 0 })
    expect(
      one(
        [
          [23, 4],
          [24, 4],
        ],
        u(32, 9, 8),
      ),
    ).toMatchObject({ bytes: 9, packets: 8, flags: 0 })
    expect(
      one(
        [
          [231, 4],
          [298, 4],
        ],
        u(32, 9, 8),
      ),
    ).toMatchObject({ bytes: 9, packets: 8 })
  })

  it('that are running totals are flagged', () => {
    const flags = FLOW_FLAGS.totalCounters
    expect(
      one(
        [
          [23, 4],
          [85, 4],
        ],
        u(32, 9, 8),
      ),
    ).toMatchObject({ bytes: 8, flags })
    expect(one([[172, 4]], u(32, 9))).toMatchObject({ packets: 9, flags })
  })

  it('have any length, up to 2^53 - 1', () => {
    for (const length of [1, 2, 3, 5, 7, 8, 12]) {
      const value = [...new Array<number>(length - 1).fill(0), 200]
      expect(
        one(
          [
            [1, length],
            [2, length],
          ],
          [...value, ...value],
        ),
      ).toMatchObject({ bytes: 200, packets: 200 })
    }
    expect(one([[1, 8]], u(64, 2n ** 53n - 1n))).toMatchObject({ bytes: Number.MAX_SAFE_INTEGER })
  })

  it('of 0 octets count as absent, in a template and in a record', () => {
    expect(
      one(
        [
          [1, 0],
          [85, 4],
        ],
        u(32, 9),
      ),
    ).toMatchObject({ bytes: 9, flags: FLOW_FLAGS.totalCounters })
    const rows = all(
      [
        [1, 65535],
        [85, 4],
      ],
      [...variable(), ...u(32, 9)],
      [...variable(7), ...u(32, 8)],
    )
    expect(rows.map(({ bytes, flags }) => [bytes, flags])).toEqual([
      [9, FLOW_FLAGS.totalCounters],
      [7, 0],
    ])
  })

  it('of an element that repeats are those of the first', () => {
    expect(
      one(
        [
          [1, 4],
          [1, 4],
        ],
        u(32, 5, 6),
      ),
    ).toMatchObject({ bytes: 5 })
  })
})

describe('counters above 2^53 - 1', () => {
  it('go to the quarantine whole, between flows that do not', () => {
    const batch = createQuarantineBatch(4)
    const bench = new Bench({}, { quarantine: { batch, flush: () => undefined }, capacity: 2 })
    const records = [u(64, 1, 1), u(64, 2n ** 53n, 2), u(64, 3, 2n ** 64n - 1n), u(64, 4, 4)]
    const hosts = records.map((record, i) => [...ip(`192.0.2.${i}`), ...record])
    bench.send(ipfix([set(2, template(256, [8, 4], [1, 8], [2, 8])), set(256, ...hosts)]))
    expect(bench.rows.map(({ bytes }) => bytes)).toEqual([1, 4])
    const rows = Array.from({ length: batch.length }, (_, row) =>
      ['srcAddr', 'bytes', 'packets'].map((name) => valueAt(batch.columns[name]!, row)),
    )
    expect(rows).toEqual([
      ['192.0.2.1', 2n ** 53n, 2n],
      ['192.0.2.2', 3n, 2n ** 64n - 1n],
    ])
    expect(bench.decoder.counters()).toMatchObject({ records: 4, flows: 2, quarantined: 2 })
    expect(bench.decoder.drainLedger()).toMatchObject([{ received: 4, quarantined: 2 }])
  })

  it('are counted when there is no quarantine, and saturate at 64 bits', () => {
    const batch = createQuarantineBatch(1)
    let flushed = 0
    const flush = () => {
      flushed++
      batch.length = 0
    }
    const bench = new Bench({}, { quarantine: { batch, flush } })
    const wide = [1, ...u(64, 0)]
    bench.send(ipfix([set(2, template(256, [1, 9])), set(256, wide, wide)]))
    expect([flushed, valueAt(batch.columns.bytes!, 0)]).toEqual([1, 2n ** 64n - 1n])
    const without = new Bench()
    without.send(ipfix([set(2, template(256, [1, 9])), set(256, wide)]))
    expect(without.decoder.counters()).toMatchObject({ records: 1, flows: 0, quarantined: 1 })
  })
})

describe('numbers', () => {
  it('of reduced size are read by their length', () => {
    const row = one(
      [
        [10, 1],
        [14, 3],
        [16, 2],
        [17, 4],
        [7, 1],
        [6, 1],
      ],
      [7, ...u(24, 70_000), ...u(16, 64_500), ...u(32, 4_200_000_000), 80, 0x12],
    )
    expect(row).toMatchObject({
      inputIf: 7,
      outputIf: 70_000,
      srcAs: 64_500,
      dstAs: 4_200_000_000,
      srcPort: 80,
      tcpFlags: 18,
      flags: 0,
    })
  })

  it('longer than their field are flagged when they do not fit, and keep the low bits', () => {
    expect(
      one(
        [
          [4, 2],
          [11, 4],
        ],
        [...u(16, 17), ...u(32, 443)],
      ),
    ).toMatchObject({ proto: 17, dstPort: 443, flags: 0 })
    expect(one([[4, 2]], u(16, 0x111))).toMatchObject({ proto: 17, flags: FLOW_FLAGS.valueCut })
    expect(one([[10, 8]], u(64, 2n ** 40n + 5n))).toMatchObject({ inputIf: 5, flags: FLOW_FLAGS.valueCut })
  })

  it('fall back to the other elements of their field', () => {
    expect(
      one(
        [
          [182, 2],
          [183, 2],
          [252, 4],
          [253, 4],
          [243, 2],
        ],
        [...u(16, 1, 2), ...u(32, 3, 4), ...u(16, 5)],
      ),
    ).toMatchObject({ srcPort: 1, dstPort: 2, inputIf: 3, outputIf: 4, vlan: 5 })
    expect(
      one(
        [
          [180, 2],
          [181, 2],
          [58, 2],
          [61, 1],
        ],
        [...u(16, 1, 2, 9), 1],
      ),
    ).toMatchObject({ srcPort: 1, dstPort: 2, vlan: 9, direction: 1 })
  })
})

describe('structured data (RFC 6313)', () => {
  it('is skipped by its length, whatever is in it', () => {
    const basicList = [4, ...u(16, 8, 4), ...ip('192.0.2.1'), ...ip('192.0.2.2')]
    const nested = [3, ...u(16, 291, 65535), ...variable(...basicList), ...variable(...basicList)]
    const subTemplates = [3, ...u(16, 999), ...u(32, 1, 2, 3)]
    const rows = all(
      [
        [291, 65535],
        [292, 65535],
        [293, 65535],
        [1, 4],
      ],
      [...variable(...nested), ...variable(...subTemplates), ...variable(), ...u(32, 77)],
    )
    expect(rows).toMatchObject([{ bytes: 77, srcAddr: null }])
  })

  it('of 255 octets and more has a long length', () => {
    const long = new Array<number>(300).fill(1)
    expect(
      all(
        [
          [291, 65535],
          [1, 4],
        ],
        [...variable(...long), ...u(32, 5)],
        [255, 0, 1, 9, ...u(32, 6)],
      ).map(({ bytes }) => bytes),
    ).toEqual([5, 6])
  })
})

describe('v9 and IPFIX', () => {
  it('share their elements, enterprise ones are others', () => {
    expect(
      one(
        [
          [8, 4, 9],
          [1, 4, 2011],
          [1, 4],
        ],
        u(32, 1, 2, 3),
      ),
    ).toMatchObject({ srcAddr: null, bytes: 3 })
    const bench = new Bench()
    bench.send(v9([set(0, template(256, [1, 4], [152, 8])), set(256, u(32, 8), u(64, EXPORT_MS - 1))]))
    expect(bench.rows).toMatchObject([{ bytes: 8, start: EXPORT_MS - 1 }])
  })
})
