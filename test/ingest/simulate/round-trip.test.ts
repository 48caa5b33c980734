import { describe, expect, it } from 'vitest'
import { writeAddress } from '../../../src/flow/address.ts'
import { FLOW_COLUMNS, type FlowBatch } from '../../../src/flow/batch.ts'
import { setValue, valueAt } from '../../../src/flow/value.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import { createEncoder } from '../../../src/ingest/simulate/encoder.ts'
import type { SimulatedExporter } from '../../../src/ingest/simulate/exporters.ts'
import { fc } from '../../kit/fast-check.ts'
import { emptyFlows } from '../flows.ts'

/** The simulator's encoders against the decoder: whatever a protocol can say comes back as it was. */

const BOOT = Date.UTC(2026, 0, 1)
const RECEIVED = Date.UTC(2026, 2, 3)

type Protocol = 'v5' | 'v9' | 'ipfix' | 'ipfix-relative'

const exporter = (protocol: Protocol, samplingInterval: number): SimulatedExporter => ({
  index: 0,
  protocol: protocol === 'ipfix-relative' ? 'ipfix' : protocol,
  address: 0xc0000207,
  sourcePort: 9000,
  domain: protocol === 'v5' ? 0x0102 : 77,
  bootMs: BOOT,
  samplingInterval,
  relative: protocol === 'ipfix-relative',
})

const address = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 })

/** Times that 32 bits of milliseconds since boot can tell apart near the export, which is at 40 days of uptime. */
const EXPORT_MS = BOOT + 40 * 86_400_000
const instant = fc.integer({ min: EXPORT_MS - 20 * 86_400_000, max: EXPORT_MS - 1000 })

interface Limits {
  readonly counter: number
  readonly packets: number
  readonly as: number
  readonly interfaces: number
  readonly flags: number
  readonly ipv6: boolean
}

const LIMITS: { readonly [P in Protocol]: Limits } = {
  v5: { counter: 2 ** 32 - 1, packets: 2 ** 32 - 1, as: 65_535, interfaces: 65_535, flags: 255, ipv6: false },
  v9: { counter: 2 ** 53 - 1, packets: 2 ** 32 - 1, as: 2 ** 32 - 1, interfaces: 2 ** 32 - 1, flags: 255, ipv6: true },
  ipfix: {
    counter: 2 ** 53 - 1,
    packets: 2 ** 53 - 1,
    as: 2 ** 32 - 1,
    interfaces: 2 ** 32 - 1,
    flags: 65_535,
    ipv6: true,
  },
  'ipfix-relative': {
    counter: 2 ** 48 - 1,
    packets: 2 ** 32 - 1,
    as: 2 ** 32 - 1,
    interfaces: 2 ** 32 - 1,
    flags: 65_535,
    ipv6: true,
  },
}

const flow = ({ counter, packets, as, interfaces, flags, ipv6 }: Limits) =>
  fc
    .record({
      times: fc.tuple(instant, instant),
      addresses: ipv6 ? fc.oneof(fc.tuple(v4, v4, v4), fc.tuple(address, address, address)) : fc.tuple(v4, v4, v4),
      srcPort: fc.integer({ min: 0, max: 65_535 }),
      dstPort: fc.integer({ min: 0, max: 65_535 }),
      proto: fc.integer({ min: 0, max: 255 }),
      tcpFlags: fc.integer({ min: 0, max: flags }),
      tos: fc.integer({ min: 0, max: 255 }),
      bytes: fc.maxSafeNat().map((value) => value % (counter + 1)),
      packets: fc.maxSafeNat().map((value) => value % (packets + 1)),
      inputIf: fc.integer({ min: 0, max: interfaces }),
      outputIf: fc.integer({ min: 0, max: interfaces }),
      srcAs: fc.integer({ min: 0, max: as }),
      dstAs: fc.integer({ min: 0, max: as }),
      srcMask: fc.integer({ min: 0, max: 128 }),
      dstMask: fc.integer({ min: 0, max: 128 }),
      vlan: fc.integer({ min: 0, max: 4095 }),
      direction: fc.integer({ min: 0, max: 1 }),
    })
    .filter(({ addresses }) => new Set(addresses.map(({ length }) => length)).size === 1)

type Flow = ReturnType<typeof flow> extends fc.Arbitrary<infer T> ? T : never

/** The flows as columns, with what the decoder is expected to add. */
function batchOf(flows: readonly Flow[], protocol: Protocol, samplingInterval: number): FlowBatch {
  const batch = emptyFlows(Math.max(1, flows.length))
  const { columns } = batch
  for (const [row, { times, addresses, ...values }] of flows.entries()) {
    const [start, end] = [Math.min(...times), Math.max(...times)]
    const v5 = protocol === 'v5' ? { vlan: 0, direction: 255 } : {}
    const sampling = samplingInterval === 0 ? [0, 0] : [1, samplingInterval]
    const rest = { ...values, ...v5, received: RECEIVED, sampleSize: sampling[0]!, samplePopulation: sampling[1]! }
    for (const [name, value] of Object.entries({ ...rest, start, end, flags: 0 })) setValue(columns[name]!, row, value)
    writeAddress(columns.srcAddr, row, addresses[0])
    writeAddress(columns.dstAddr, row, addresses[1])
    writeAddress(columns.nextHop, row, addresses[2])
    writeAddress(columns.exporter, row, Uint8Array.from([192, 0, 2, 7]))
    columns.domain.values[row] = exporter(protocol, samplingInterval).domain
  }
  batch.length = flows.length
  return batch
}

/** Rows as text, sorted: within a datagram IPv4 flows go before IPv6 ones. */
function rowsOf(batch: FlowBatch): string[] {
  const rows = Array.from({ length: batch.length }, (_, row) =>
    JSON.stringify(FLOW_COLUMNS.map(({ name }) => [name, valueAt(batch.columns[name]!, row)])),
  )
  return rows.sort()
}

function roundTrip(sent: FlowBatch, protocol: Protocol, samplingInterval: number) {
  const encoder = createEncoder(exporter(protocol, samplingInterval))
  const decoder = createDecoder()
  const meta = { exporter: parseExporter('192.0.2.7')!, sourcePort: 9000, receivedMs: RECEIVED }
  const received = emptyFlows(sent.length + 2)
  const sink = { batch: received, flush: () => expect.unreachable('the batch is large enough') }
  let datagrams = 0
  const pass = (length: number): void => {
    expect(length).toBeLessThanOrEqual(1472)
    expect(decoder.datagram(encoder.bytes.subarray(0, length), meta, sink)).toBeUndefined()
    datagrams++
  }
  for (let row = 0; row < sent.length; row++) {
    encoder.add(sent, row)
    if (encoder.full) pass(encoder.finish(EXPORT_MS))
  }
  if (encoder.flows > 0) pass(encoder.finish(EXPORT_MS))
  const closing = encoder.close(EXPORT_MS)
  if (closing > 0) pass(closing)
  return { received, decoder, datagrams }
}

describe('flows that the simulator encodes and the decoder decodes', () => {
  for (const protocol of ['v5', 'v9', 'ipfix', 'ipfix-relative'] as const) {
    it(`come back as they were in ${protocol}`, () => {
      fc.assert(
        fc.property(
          fc.array(flow(LIMITS[protocol]), { minLength: 1, maxLength: 100 }),
          fc.constantFrom(0, 1, 1000),
          (flows, samplingInterval) => {
            const sent = batchOf(flows, protocol, samplingInterval)
            const { received, decoder } = roundTrip(sent, protocol, samplingInterval)
            expect(rowsOf(received)).toEqual(rowsOf(sent))
            const [session] = decoder.sessions()
            expect(session).toMatchObject({ lost: 0, restarts: 0, outOfOrder: 0, duplicates: 0 })
          },
        ),
        { numRuns: 150 },
      )
    })
  }

  it('are missed by the ledger when a datagram is lost, in the unit of the protocol', () => {
    for (const [protocol, lost] of [
      ['v5', 30],
      ['v9', 1],
    ] as const) {
      const decoder = createDecoder()
      const encoder = createEncoder(exporter(protocol, 0))
      const flows = fc.sample(flow(LIMITS.v5), { numRuns: 90, seed: 5 })
      const sent = batchOf(flows, protocol, 0)
      const meta = { exporter: parseExporter('192.0.2.7')!, sourcePort: 9000, receivedMs: RECEIVED }
      const sink = { batch: emptyFlows(200), flush: () => undefined }
      let datagram = 0
      for (let row = 0; row < 90; row++) {
        encoder.add(sent, row)
        if (row % 30 !== 29) continue
        const bytes = encoder.bytes.subarray(0, encoder.finish(EXPORT_MS))
        if (datagram++ !== 1) decoder.datagram(bytes, meta, sink)
      }
      expect([protocol, decoder.sessions()[0]?.lost]).toEqual([protocol, lost])
    }
  })

  it('at the end are missed too, because the closing datagram carries the sequence number', () => {
    for (const [protocol, lost] of [
      ['v9', 1],
      ['ipfix', 10],
    ] as const) {
      const decoder = createDecoder()
      const encoder = createEncoder(exporter(protocol, 0))
      const sent = batchOf(fc.sample(flow(LIMITS.v5), { numRuns: 20, seed: 6 }), protocol, 0)
      const meta = { exporter: parseExporter('192.0.2.7')!, sourcePort: 9000, receivedMs: RECEIVED }
      const sink = { batch: emptyFlows(200), flush: () => undefined }
      for (let row = 0; row < 10; row++) encoder.add(sent, row)
      decoder.datagram(encoder.bytes.subarray(0, encoder.finish(EXPORT_MS)), meta, sink)
      for (let row = 10; row < 20; row++) encoder.add(sent, row)
      encoder.finish(EXPORT_MS)
      decoder.datagram(encoder.bytes.subarray(0, encoder.close(EXPORT_MS)), meta, sink)
      expect([protocol, decoder.sessions()[0]?.lost]).toEqual([protocol, lost])
    }
  })
})
