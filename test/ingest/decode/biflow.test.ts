import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import type { Spec } from './wire.ts'
import { Bench, EXPORT_MS, ip, ipfix, set, template, u, variable } from './wire.ts'

const REVERSE = 29305
const KEY: readonly Spec[] = [
  [8, 4],
  [12, 4],
  [7, 2],
  [11, 2],
  [4, 1],
  [9, 1],
  [13, 1],
  [16, 4],
  [17, 4],
  [10, 4],
  [14, 4],
]
const key = [...ip('192.0.2.1'), ...ip('198.51.100.2'), ...u(16, 1000, 80), 6, 24, 16, ...u(32, 64500, 64501, 3, 4)]
const FORWARD: readonly Spec[] = [
  [1, 4],
  [2, 4],
]

function send(specs: readonly Spec[], ...records: readonly number[][]): Bench {
  const bench = new Bench({}, { capacity: 2 })
  expect(
    bench.send(
      ipfix([
        set(2, template(256, ...KEY, ...FORWARD, ...specs)),
        set(256, ...records.map((values) => [...key, ...values])),
      ]),
    ),
  ).toBeUndefined()
  return bench
}

const SWAPPED = {
  ...{ srcAddr: '198.51.100.2', dstAddr: '192.0.2.1', srcPort: 80, dstPort: 1000, proto: 6 },
  ...{ srcMask: 16, dstMask: 24, srcAs: 64501, dstAs: 64500, inputIf: 4, outputIf: 3, direction: 255, nextHop: null },
}

describe('a biflow', () => {
  it('with reverse elements (RFC 5103) becomes two flows with swapped ends', () => {
    const bench = send(
      [
        [1, 4, REVERSE],
        [2, 4, REVERSE],
        [6, 1],
        [6, 1, REVERSE],
        [5, 1],
      ],
      [...u(32, 100, 1, 200, 2), 2, 18, 8],
    )
    expect(bench.rows).toMatchObject([
      { srcAddr: '192.0.2.1', bytes: 100, packets: 1, tcpFlags: 2, tos: 8 },
      { ...SWAPPED, bytes: 200, packets: 2, tcpFlags: 18, tos: 8 },
    ])
    expect(bench.rows.map(({ flags }) => Number(flags) & FLOW_FLAGS.reverse)).toEqual([0, FLOW_FLAGS.reverse])
    expect(bench.decoder.counters()).toMatchObject({ records: 1, flows: 2, reverseFlows: 1 })
  })

  it('with responder counters (232, 299) does so too', () => {
    const bench = send(
      [
        [232, 8],
        [299, 4],
      ],
      [...u(32, 100, 1), ...u(64, 300), ...u(32, 3)],
    )
    expect(bench.rows).toMatchObject([{ bytes: 100 }, { ...SWAPPED, bytes: 300, packets: 3, tcpFlags: 0 }])
  })

  it('whose reverse counters are 0 stays one flow', () => {
    const bench = send(
      [
        [1, 4, REVERSE],
        [2, 4, REVERSE],
      ],
      u(32, 100, 1, 0, 0),
      u(32, 100, 1, 0, 1),
      u(32, 100, 1, 0, 0),
    )
    expect(bench.rows.map(({ packets, bytes }) => [packets, bytes])).toEqual([
      [1, 100],
      [1, 100],
      [1, 0],
      [1, 100],
    ])
    expect(bench.decoder.counters()).toMatchObject({ records: 3, flows: 4, reverseFlows: 1 })
  })

  it('has the reverse times where they are given, else the forward ones', () => {
    const specs: Spec[] = [
      [152, 8],
      [153, 8],
      [152, 8, REVERSE],
      [1, 4, REVERSE],
    ]
    const bench = send(specs, [...u(32, 1, 1), ...u(64, EXPORT_MS - 9, EXPORT_MS - 1, EXPORT_MS - 8), ...u(32, 5)])
    expect(bench.rows).toMatchObject([
      { start: EXPORT_MS - 9, end: EXPORT_MS - 1 },
      { start: EXPORT_MS - 8, end: EXPORT_MS - 1 },
    ])
  })

  it('has the reverse interfaces, next hop and direction where they are given', () => {
    const specs: Spec[] = [
      [10, 4, REVERSE],
      [14, 4, REVERSE],
      [15, 4, REVERSE],
      [61, 1, REVERSE],
      [61, 1],
      [1, 4, REVERSE],
    ]
    const bench = send(specs, [...u(32, 1, 1, 77, 78), ...ip('192.0.2.99'), 1, 0, ...u(32, 5)])
    expect(bench.rows[1]).toMatchObject({ ...SWAPPED, inputIf: 77, outputIf: 78, nextHop: '192.0.2.99', direction: 1 })
    expect(bench.rows[0]).toMatchObject({ direction: 0, nextHop: null })
  })

  it('with a reverse counter above 2^53 - 1 sends that half alone to the quarantine', () => {
    const bench = send([[1, 8, REVERSE]], [...u(32, 1, 1), ...u(64, 2n ** 60n)])
    expect(bench.rows.length).toBe(1)
    expect(bench.decoder.counters()).toMatchObject({ records: 1, flows: 1, reverseFlows: 0, quarantined: 1 })
  })

  it('of variable length is told record by record', () => {
    const bench = send(
      [
        [96, 65535],
        [1, 4, REVERSE],
      ],
      [...u(32, 1, 1), ...variable(65), ...u(32, 5)],
      [...u(32, 2, 1), ...variable(), ...u(32, 0)],
    )
    expect(bench.rows.map(({ bytes }) => bytes)).toEqual([1, 5, 2])
  })

  it('shares extra elements that belong to neither way', () => {
    const elements = ['applicationName', 'postNATSourceIPv4Address', 'layer2OctetDeltaCount', 'minimumTTL']
    const bench = new Bench({ elements })
    const specs: Spec[] = [
      [1, 4],
      [1, 4, REVERSE],
      [96, 65535],
      [225, 4],
      [352, 4],
      [52, 1],
      [52, 1, REVERSE],
    ]
    bench.send(
      ipfix([
        set(2, template(256, ...specs)),
        set(256, [...u(32, 1, 2), ...variable(104, 105), ...ip('192.0.2.7'), ...u(32, 9), 61, 62]),
      ]),
    )
    expect(bench.rows).toMatchObject([
      { applicationName: 'hi', postNATSourceIPv4Address: '192.0.2.7', layer2OctetDeltaCount: 9n, minimumTTL: 61 },
      { applicationName: 'hi', postNATSourceIPv4Address: null, layer2OctetDeltaCount: null, minimumTTL: 62 },
    ])
  })
})
