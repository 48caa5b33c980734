import { describe, expect, it } from 'vitest'
import { formatAddressBytes } from '../../src/flow/address.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { createFlowBatch } from '../../src/flow/batch.ts'
import { FLOW_FLAGS } from '../../src/flow/fields.ts'
import type { Value } from '../../src/flow/value.ts'
import { valueAt } from '../../src/flow/value.ts'
import type { Decoder } from '../../src/ingest/decode/decoder.ts'
import { createDecoder } from '../../src/ingest/decode/decoder.ts'
import { elementColumns } from '../../src/ingest/decode/elements.ts'
import { readFlowSample } from '../../src/ingest/decode/sflow/flow-sample.ts'
import type { Place } from '../../src/ingest/decode/sflow/packet.ts'
import { SampledPacket } from '../../src/ingest/decode/sflow/packet.ts'
import type { Item } from '../../src/ingest/decode/sflow/structure.ts'
import { readItem, readSflowHeader } from '../../src/ingest/decode/sflow/structure.ts'
import type { SflowSequence } from '../../src/ingest/ledger/sflow-ledger.ts'
import type { CaptureEntry, Datagram } from './captures.ts'
import { datagramsOf, INDEX, readExpected } from './captures.ts'

interface Expected {
  readonly summary: { readonly [name: string]: number }
  readonly records: readonly ExpectedRecord[]
  readonly totals: { readonly [name: string]: string }
  readonly sequence: { readonly [K in 'datagrams' | 'flowSamples' | 'counterSamples']: readonly object[] }
  readonly malformed: readonly { readonly packet: number }[]
}

type ExpectedRecord = { readonly [field: string]: unknown }
type Row = { readonly [field: string]: Value }

const ELEMENTS = ['sourceMacAddress', 'destinationMacAddress', 'ethernetType', 'dot1qCustomerVlanId', 'postVlanId']
  .concat(['dataLinkFrameSize', 'bgpNextHopIPv4Address', 'bgpNextHopIPv6Address', 'bgpPrevAdjacentAsNumber'])
  .concat(['icmpTypeIPv4', 'icmpCodeIPv4', 'icmpTypeIPv6', 'icmpCodeIPv6', 'mplsTopLabelStackSection'])

interface Outcome {
  readonly decoder: Decoder
  readonly rows: readonly Row[]
  readonly records: readonly ExpectedRecord[]
  readonly refused: readonly number[]
  readonly netflow: number
}

async function decode(entry: CaptureEntry): Promise<Outcome> {
  const decoder = createDecoder({ elements: ELEMENTS })
  const rows: Row[] = []
  const records: ExpectedRecord[] = []
  const refused: number[] = []
  let netflow = 0
  const batch = createFlowBatch(16, elementColumns(ELEMENTS))
  const sink = { batch, flush: () => drain(batch, rows) }
  for (const [packet, { bytes, ...meta }] of (await datagramsOf(entry)).entries()) {
    if (decoder.datagram(bytes, meta, sink)) refused.push(packet)
    else if (bytes[0] === 0 && bytes[1] === 0) records.push(...readPackets({ bytes, ...meta }, packet))
    else netflow++
  }
  sink.flush()
  return { decoder, rows, records, refused, netflow }
}

function drain(batch: FlowBatch, rows: Row[]): void {
  for (let row = 0; row < batch.length; row++) {
    const values: { [name: string]: Value } = {}
    for (const [name, column] of Object.entries(batch.columns)) values[name] = valueAt(column, row)
    rows.push({ ...values, flags: batch.columns.flags.values[row]! })
  }
  batch.length = 0
}

/** The sampled packets of a datagram as expected records have them. */
function readPackets({ bytes }: Datagram, packet: number): ExpectedRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = readSflowHeader(view)
  if (typeof header === 'string') throw new Error(header)
  const { agentAt, agentLength, subAgent, sequence } = header
  const exporter = formatAddressBytes(bytes, agentAt, agentLength)
  const records: ExpectedRecord[] = []
  const sample: Item = { format: 0, start: 0, end: 0, next: header.at }
  const sampled = new SampledPacket()
  for (let i = 0; i < header.samples; i++) {
    expect(readItem(view, sample.next, bytes.length, sample)).toBe(true)
    if (sample.format !== 1 && sample.format !== 3) continue
    if (!readFlowSample(bytes, view, sample, sampled)) continue
    records.push({ packet, exporter, subAgent, datagramSequence: sequence, ...record(sampled) })
  }
  return records
}

/** A sampled packet with the names of the expected records, without what is absent. */
function record({ bytes, octets, labels, ...packet }: SampledPacket): ExpectedRecord {
  const fields: { [name: string]: unknown } = { bytes: octets, packets: 1 }
  for (const [name, value] of Object.entries(packet)) {
    if (typeof value === 'number') {
      if (value >= 0) fields[name] = value
    } else if (value.length > 0) fields[name] = octetsText(bytes, value)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const stack = Array.from({ length: labels.length / 4 }, (_, i) => view.getUint32(labels.at + 4 * i) >>> 12)
  const isMpls = packet.headerProtocol === 13 || [0x8847, 0x8848].includes(packet.etherType)
  if (isMpls) fields.mplsLabels = stack
  return fields
}

function octetsText(bytes: Uint8Array, { at, length }: Place): string {
  if (length !== 6) return formatAddressBytes(bytes, at, length)
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

function summary({ decoder, netflow }: Outcome): { [name: string]: number } {
  const counters = decoder.counters()
  const { flowSamples, expandedFlowSamples, counterSamples, expandedCounterSamples, discardedSamples } = counters
  return {
    packets: counters.datagrams,
    netflowPackets: netflow,
    malformedPackets: counters.malformedDatagrams,
    ...{ flowSamples, expandedFlowSamples, counterSamples, expandedCounterSamples, discardedSamples },
    undecodedSamples: counters.undecodedSamples,
    records: counters.records,
  }
}

function totals(rows: readonly Row[]): { [name: string]: string } {
  const sum = (value: (row: Row) => bigint): string => String(rows.reduce((total, row) => total + value(row), 0n))
  const scale = (row: Row): bigint => BigInt(Number(row.samplePopulation))
  return {
    bytes: sum(({ bytes }) => BigInt(Number(bytes))),
    packets: sum(({ packets }) => BigInt(Number(packets))),
    scaledBytes: sum((row) => BigInt(Number(row.bytes)) * scale(row)),
    scaledPackets: sum((row) => BigInt(Number(row.packets)) * scale(row)),
  }
}

const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

const sequences = (list: readonly SflowSequence[]): object[] =>
  list.map(({ uncertain, ...rest }) => (uncertain ? { ...rest, uncertain } : rest)).sort(byText)

/** The row that an expected record becomes, as far as columns and the configured elements hold it. */
function expectedRow(wanted: ExpectedRecord): { [name: string]: unknown } {
  const v6 = (address: unknown) => String(address).includes(':')
  const { bgpNextHop = null, proto, icmpType = null, icmpCode = null } = wanted
  const icmp = (number: number, value: unknown) => (proto === number ? value : null)
  return {
    exporter: wanted.exporter,
    domain: wanted.subAgent,
    srcAddr: wanted.srcAddr ?? null,
    dstAddr: wanted.dstAddr ?? null,
    nextHop: wanted.nextHop ?? null,
    ...Object.fromEntries(NUMBERS.map((name) => [name, wanted[name] ?? 0])),
    direction: 255,
    sampleSize: 1,
    samplePopulation: wanted.samplingRate,
    flags: FLOW_FLAGS.sampledPacket | FLOW_FLAGS.timesUnknown,
    sourceMacAddress: wanted.srcMac ?? null,
    destinationMacAddress: wanted.dstMac ?? null,
    ethernetType: wanted.etherType ?? null,
    dot1qCustomerVlanId: wanted.innerVlan ?? null,
    postVlanId: wanted.dstVlan ?? null,
    dataLinkFrameSize: Number(wanted.frameLength) < 65536 ? wanted.frameLength : null,
    bgpNextHopIPv4Address: v6(bgpNextHop) ? null : bgpNextHop,
    bgpNextHopIPv6Address: v6(bgpNextHop) ? bgpNextHop : null,
    bgpPrevAdjacentAsNumber: wanted.srcPeerAs ?? null,
    ...{ icmpTypeIPv4: icmp(1, icmpType), icmpCodeIPv4: icmp(1, icmpCode) },
    ...{ icmpTypeIPv6: icmp(58, icmpType), icmpCodeIPv6: icmp(58, icmpCode) },
  }
}

const NUMBERS = ['srcPort', 'dstPort', 'proto', 'tcpFlags', 'tos', 'bytes', 'packets', 'inputIf', 'outputIf'].concat([
  'srcAs',
  'dstAs',
  'srcMask',
  'dstMask',
  'vlan',
])

const FILES = INDEX.filter(({ protocol }) => protocol.includes('sFlow5')).map((entry) => [entry.file, entry] as const)

describe.each(FILES)('%s', (_file, entry) => {
  const expected = readExpected(entry) as Expected
  const decoded = decode(entry)

  it('has the expected counts', async () => {
    const outcome = await decoded
    expect(summary(outcome)).toEqual(expected.summary)
    expect(outcome.refused).toEqual(expected.malformed.map(({ packet }) => packet))
  })

  it('has the expected totals', async () => {
    expect(totals((await decoded).rows)).toEqual(expected.totals)
  })

  it('has the expected records, field by field', async () => {
    expect((await decoded).records.slice(0, expected.records.length)).toEqual(expected.records)
  })

  it('has the expected flows and elements', async () => {
    const { rows } = await decoded
    for (const [i, wanted] of expected.records.entries()) {
      const row = rows[i]!
      const want = expectedRow(wanted)
      expect(Object.fromEntries(Object.keys(want).map((name) => [name, row[name]])), `record ${i}`).toEqual(want)
      expect([row.start, row.end]).toEqual([row.received, row.received])
      const [label] = (wanted.mplsLabels ?? []) as number[]
      const section = row.mplsTopLabelStackSection
      expect(section === null ? undefined : Number.parseInt(String(section), 16) >>> 4).toBe(label)
    }
  })

  it('has the expected sequences of agents and sources', async () => {
    const { datagrams, flowSamples, counterSamples } = (await decoded).decoder.sflowSequences()
    expect(sequences(datagrams)).toEqual([...expected.sequence.datagrams].sort(byText))
    expect(sequences(flowSamples)).toEqual([...expected.sequence.flowSamples].sort(byText))
    expect(sequences(counterSamples)).toEqual([...expected.sequence.counterSamples].sort(byText))
  })
})
