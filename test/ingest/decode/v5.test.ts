import { describe, expect, it } from 'vitest'
import { createFlowBatch } from '../../../src/flow/batch.ts'
import { FLOW_FLAGS } from '../../../src/flow/fields.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'

const meta = { exporter: parseExporter('192.0.2.1')!, sourcePort: 2055, receivedMs: undefined }

/** A v5 datagram with `count` records that differ by their source port. */
function v5({ count = 1, sequence = 0, uptime = 5000, sampling = 0, first = 1000, last = 4000 }): Uint8Array {
  const bytes = new Uint8Array(24 + count * 48)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 5)
  view.setUint16(2, count)
  view.setUint32(4, uptime)
  view.setUint32(8, 1_700_000_000)
  view.setUint32(12, 999_999_999)
  view.setUint32(16, sequence)
  view.setUint8(20, 2)
  view.setUint8(21, 3)
  view.setUint16(22, sampling)
  for (let i = 0; i < count; i++) {
    const at = 24 + i * 48
    view.setUint32(at, 0xc0000201)
    view.setUint32(at + 4, 0xcb007109)
    view.setUint32(at + 16, 7)
    view.setUint32(at + 20, 4_294_967_295)
    view.setUint32(at + 24, first)
    view.setUint32(at + 28, last)
    view.setUint16(at + 32, i)
    view.setUint8(at + 38, 6)
  }
  return bytes
}

describe('v5', () => {
  it('writes every field and flushes when the batch is full', () => {
    const decoder = createDecoder()
    const ports: number[] = []
    const batch = createFlowBatch(4)
    const sink = {
      batch,
      flush() {
        for (let i = 0; i < batch.length; i++) ports.push(batch.columns.srcPort.values[i]!)
        batch.length = 0
      },
    }
    expect(decoder.datagram(v5({ count: 9 }), meta, sink)).toBeUndefined()
    sink.flush()
    expect(ports).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(batch.columns.domain.values[0]).toBe(515)
    expect(batch.columns.bytes.values[0]).toBe(4_294_967_295)
    expect(batch.columns.start.values[0]).toBe(1_700_000_000_999 - 4000)
    expect(batch.columns.end.values[0]).toBe(1_700_000_000_999 - 1000)
    expect(batch.columns.received.values[0]).toBe(1_700_000_000_999)
    expect(batch.columns.direction.values[0]).toBe(255)
    expect(decoder.counters()).toMatchObject({ datagrams: 1, records: 9, flows: 9 })
  })

  it('takes the interval without the two mode bits', () => {
    const decoder = createDecoder()
    const batch = createFlowBatch(4)
    const sink = { batch, flush: () => undefined }
    for (const sampling of [0, 100, 0x4000 | 100, 0xc000]) decoder.datagram(v5({ sampling }), meta, sink)
    expect([...batch.columns.samplePopulation.values]).toEqual([0, 100, 100, 0])
    expect([...batch.columns.sampleSize.values]).toEqual([0, 1, 1, 0])
  })

  it('subtracts times across a wrap of sysUptime and flags times after the header', () => {
    const decoder = createDecoder()
    const batch = createFlowBatch(4)
    const sink = { batch, flush: () => undefined }
    decoder.datagram(v5({ uptime: 3381, first: 4_294_967_295, last: 2577 }), meta, sink)
    decoder.datagram(v5({ uptime: 1000, first: 1010, last: 1005 }), meta, sink)
    const header = 1_700_000_000_999
    expect([...batch.columns.start.values].slice(0, 2)).toEqual([header - 3382, header + 10])
    expect([...batch.columns.end.values].slice(0, 2)).toEqual([header - 804, header + 5])
    const { endBeforeStart, timeAfterExport } = FLOW_FLAGS
    expect([...batch.columns.flags.values].slice(0, 2)).toEqual([0, endBeforeStart | timeAfterExport])
  })

  it('refuses a datagram that is cut, whole', () => {
    const decoder = createDecoder()
    const batch = createFlowBatch(4)
    const sink = { batch, flush: () => undefined }
    expect(decoder.datagram(v5({}).subarray(0, 71), meta, sink)).toBe('count-beyond-end')
    expect(decoder.datagram(v5({}).subarray(0, 23), meta, sink)).toBe('header-cut')
    expect(decoder.datagram(new Uint8Array(1), meta, sink)).toBe('header-cut')
    expect(batch.length).toBe(0)
    expect(decoder.counters().malformed).toEqual({ 'count-beyond-end': 1, 'header-cut': 2 })
  })

  it('counts lost flows in the ledger', () => {
    const decoder = createDecoder()
    const sink = { batch: createFlowBatch(100), flush: () => undefined }
    for (const sequence of [0, 3, 8]) decoder.datagram(v5({ count: 3, sequence }), meta, sink)
    expect(decoder.drainLedger()).toMatchObject([{ exporter: '192.0.2.1', unit: 'flows', received: 9, lost: 2 }])
    expect(decoder.sessions()).toMatchObject([{ received: 9, lost: 2, restarts: 0, first: 0, last: 8 }])
    expect(decoder.drainLedger()).toEqual([])
  })
})
