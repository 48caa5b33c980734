import { describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../../../src/flow/fields.ts'
import { SFLOW } from '../../../../src/ingest/ledger/sflow-ledger.ts'
import { Bench, ip, ip6, set, template, u, v9 } from '../wire.ts'

/** sFlow v5 datagrams written octet by octet, from the layouts of its specification. */

interface DatagramOptions {
  readonly sequence?: number
  readonly subAgent?: number
}

const datagram = (samples: readonly number[][], { sequence = 1, subAgent = 0 }: DatagramOptions = {}): Uint8Array =>
  Uint8Array.from([
    ...u(32, 5, 1),
    ...ip('192.0.2.17'),
    ...u(32, subAgent, sequence, 1000, samples.length),
    ...samples.flat(),
  ])

const item = (format: number, content: readonly number[]): number[] => {
  const padding = new Array<number>((4 - (content.length % 4)) % 4).fill(0)
  return [...u(32, format, content.length), ...content, ...padding]
}

const flowSample = (...records: readonly number[][]): number[] =>
  item(1, [...u(32, 1, 3, 512, 512, 0, 3, 4, records.length), ...records.flat()])

const rawHeader = (protocol: number, frameLength: number, header: readonly number[]): number[] =>
  item(1, [...u(32, protocol, frameLength, 4, header.length), ...header])

const MACS = [...u(48, 0x02000000000a, 0x02000000000b)]
const ipv4 = (proto: number, payload: readonly number[], length = 1400): number[] => [
  ...[0x45, 184, ...u(16, length, 0, 0)],
  ...[64, proto, 0, 0, ...ip('198.51.100.1'), ...ip('203.0.113.9'), ...payload],
]
const TCP = [...u(16, 1234, 80), ...u(32, 0, 0), 0x50, 0x12]

function one(...records: readonly number[][]) {
  const bench = new Bench({ elements: ['dot1qCustomerVlanId', 'mplsLabelStackSection2'] })
  expect(bench.send(datagram([flowSample(...records)]), { receivedMs: 77 })).toBeUndefined()
  return bench.rows[0]
}

describe('an sFlow sample', () => {
  it('is a flow of one packet, sampled one of the rate, exported by the agent', () => {
    expect(one(rawHeader(1, 1418, [...MACS, ...u(16, 0x0800), ...ipv4(6, TCP)]))).toMatchObject({
      ...{ exporter: '192.0.2.17', domain: 0, start: 77, end: 77, received: 77 },
      ...{
        srcAddr: '198.51.100.1',
        dstAddr: '203.0.113.9',
        srcPort: 1234,
        dstPort: 80,
        proto: 6,
        tcpFlags: 18,
        tos: 184,
      },
      ...{ bytes: 1400, packets: 1, sampleSize: 1, samplePopulation: 512, inputIf: 3, outputIf: 4, direction: 255 },
      flags: FLOW_FLAGS.sampledPacket | FLOW_FLAGS.timesUnknown,
    })
  })

  it('of QinQ and MPLS has its VLANs and labels', () => {
    const tags = u(16, 0x88a8, 0x6064, 0x8100, 200, 0x8847)
    const labels = u(32, (16 << 12) | 64, (17 << 12) | 0x100 | 64)
    expect(one(rawHeader(1, 1500, [...MACS, ...tags, ...labels, ...ipv4(17, u(16, 53, 5353))]))).toMatchObject({
      ...{ vlan: 100, dot1qCustomerVlanId: 200, srcPort: 53, dstPort: 5353, mplsLabelStackSection2: '000111' },
    })
  })

  it('of IPv6 with extension headers has the last of them, a later fragment no ports', () => {
    const ipv6 = (next: number, ...rest: readonly number[][]): number[] => [
      ...u(32, 0x60000000),
      ...u(16, 100),
      next,
      64,
      ...ip6(1),
      ...ip6(2),
      ...rest.flat(),
    ]
    const hopByHop = [60, 0, 0, 0, 0, 0, 0, 0]
    const destination = [17, 0, 0, 0, 0, 0, 0, 0]
    expect(one(rawHeader(12, 200, ipv6(0, hopByHop, destination, u(16, 7, 8))))).toMatchObject({
      proto: 17,
      srcPort: 7,
      dstPort: 8,
      bytes: 140,
    })
    expect(one(rawHeader(12, 200, ipv6(44, [17, 0, 0, 8, 0, 0, 0, 1], u(16, 7, 8))))).toMatchObject({
      proto: 17,
      srcPort: 0,
    })
  })

  it('of IP length 0 has what the frame has, and what is not IP the frame length', () => {
    expect(one(rawHeader(1, 1418, [...MACS, ...u(16, 0x0800), ...ipv4(6, TCP, 0)]))).toMatchObject({ bytes: 1400 })
    expect(one(rawHeader(1, 64, [...MACS, ...u(16, 0x0806)]))).toMatchObject({ bytes: 64, srcAddr: null, proto: 0 })
  })

  it('with router and gateway data has next hop, masks and the last AS of the last segment', () => {
    const router = item(1002, [...u(32, 1), ...ip('192.0.2.99'), ...u(32, 24, 16)])
    const gateway = item(1003, [
      ...u(32, 1),
      ...ip('192.0.2.98'),
      ...u(32, 1, 2, 3),
      ...u(32, 2, 2, 1, 700, 2, 2, 800, 900),
      ...u(32, 0, 100),
    ])
    expect(one(rawHeader(11, 1400, ipv4(6, TCP)), router, gateway)).toMatchObject({
      nextHop: '192.0.2.99',
      srcMask: 24,
      dstMask: 16,
      srcAs: 2,
      dstAs: 900,
    })
  })

  it('without a packet, and counter samples, are counted alone', () => {
    const bench = new Bench()
    const counters = item(2, [...u(32, 9, 3, 1), ...item(1, u(32, 1))])
    bench.send(
      datagram([flowSample(item(1001, u(32, 1, 0, 2, 0))), counters, item(0x1000 * 4413 + 1, [1]), item(5, [])]),
    )
    expect(bench.decoder.counters()).toMatchObject({
      records: 0,
      flows: 0,
      flowSamples: 1,
      counterSamples: 1,
      undecodedSamples: 2,
      discardedSamples: 1,
    })
  })

  it('of an exporter with a configured rate has that rate', () => {
    const bench = new Bench({ sampling: [{ exporter: '192.0.2.17', samplePopulation: 9 }] })
    bench.send(datagram([flowSample(rawHeader(11, 1400, ipv4(6, TCP)))]))
    expect(bench.rows).toMatchObject([{ samplePopulation: 9 }])
    expect(Number(bench.rows[0]?.flags) & FLOW_FLAGS.samplingAssumed).toBeTruthy()
  })
})

describe('an sFlow datagram', () => {
  const good = flowSample(rawHeader(11, 1400, ipv4(6, TCP)))
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['header-cut', Uint8Array.from(u(32, 5))],
    ['header-cut', datagram([]).subarray(0, 24)],
    ['agent-address-type', Uint8Array.from(u(32, 5, 3, 0, 0, 0, 0, 0, 0, 0))],
    ['samples-missing', Uint8Array.from([...datagram([good]).subarray(0, 24), ...u(32, 2), ...good])],
    ['samples-missing', Uint8Array.from([...datagram([good]).subarray(0, 24), ...u(32, 0xffffffff), ...good])],
    ['sample-cut', datagram([good]).subarray(0, -4)],
    ['sample-cut', datagram([item(1, u(32, 1, 2, 3))])],
    ['record-cut', datagram([item(1, u(32, 1, 3, 1, 1, 0, 3, 4, 0xffffffff))])],
    ['record-cut', datagram([flowSample(item(1, u(32, 1, 64, 0, 4000)))])],
    ['record-cut', datagram([flowSample(item(1001, u(32, 1)))])],
    ['record-cut', datagram([flowSample(item(1003, [...u(32, 0), ...u(32, 1, 2, 3, 0xffffffff, 1, 0)]))])],
    ['record-cut', datagram([item(2, u(32, 1, 3, 1))])],
    ['next-hop-type', datagram([flowSample(item(1002, u(32, 7, 0, 0, 0)))])],
  ]

  it.each(cases)('that is malformed (%s) is refused whole', (reason, bytes) => {
    const bench = new Bench()
    expect(bench.send(bytes)).toBe(reason)
    expect(bench.decoder.counters()).toMatchObject({ malformedDatagrams: 1, records: 0, flowSamples: 0 })
    expect(bench.decoder.drainLedger()).toMatchObject([{ version: SFLOW, malformed: 1 }])
  })

  it('stands beside NetFlow on one port', () => {
    const bench = new Bench()
    const v5 = new Uint8Array(24 + 48)
    new DataView(v5.buffer).setUint32(0, 0x00050001)
    for (const bytes of [v5, datagram([good]), v9([set(0, template(256, [1, 4])), set(256, u(32, 5))])])
      expect(bench.send(bytes)).toBeUndefined()
    expect(bench.decoder.counters()).toMatchObject({ records: 3, sflowDatagrams: 1, malformedDatagrams: 0 })
    expect(bench.decoder.sessions().map(({ version }) => version)).toEqual([5, 9, SFLOW])
  })

  it('is numbered by agent and sub-agent, whoever sends it', () => {
    const bench = new Bench()
    for (const [i, sequence] of [1, 2, 4].entries())
      bench.send(datagram([good], { sequence }), { sourcePort: i, receivedMs: 0 })
    bench.send(datagram([good], { sequence: 9, subAgent: 7 }), { receivedMs: 0 })
    expect(bench.decoder.drainLedger()).toMatchObject([
      { exporter: '192.0.2.17', sourcePort: 0, version: SFLOW, domain: 0, unit: 'datagrams', received: 3, lost: 1 },
      { domain: 7, received: 1, lost: 0 },
    ])
    expect(bench.decoder.sflowSequences().flowSamples).toMatchObject([
      { sourceId: 3, received: 3, outOfOrder: 2 },
      { subAgent: 7 },
    ])
  })

  it('goes on with its numbering in the next life of a decoder, so that what is lost in between is known', () => {
    const first = new Bench()
    for (const sequence of [1, 2, 5]) first.send(datagram([good], { sequence }), { receivedMs: 0 })
    expect(first.decoder.drainLedger()).toMatchObject([{ received: 3, lost: 2 }])
    const state: unknown = JSON.parse(JSON.stringify(first.decoder.state()))
    const second = new Bench()
    second.decoder.restore(state)
    expect(second.decoder.state()).toEqual(state)
    expect(second.decoder.drainLedger()).toEqual([])
    for (const sequence of [4, 9]) second.send(datagram([good], { sequence }), { receivedMs: 60_000 })
    expect(second.decoder.drainLedger()).toMatchObject([{ interval: 60_000, received: 2, lost: 2, restarts: 0 }])
    expect(second.decoder.sessions()).toMatchObject([{ received: 5, lost: 4, first: 1, last: 9 }])
  })
})
