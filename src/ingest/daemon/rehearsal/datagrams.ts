import { createBatch, FLOW_COLUMNS, type FlowBatch } from '../../../flow/batch.ts'
import { createEncoder } from '../../simulate/encoder.ts'
import { planExporters, type SimulatedProtocol } from '../../simulate/exporters.ts'
import { Traffic } from '../../simulate/traffic.ts'

/** Any time will do; a fixed one makes the datagrams the same at every start. */
const START_MS = Date.UTC(2026, 0, 1)
const BATCH_ROWS = 256

/** Where the sequence number stands in the header. */
const SEQUENCE_AT: Readonly<Record<SimulatedProtocol, number>> = { v5: 16, v9: 12, ipfix: 8 }

/** Datagrams of an exporter that is played: full of flows, and good for any number of rounds. */
export class RehearsalDatagrams {
  readonly payloads: readonly Uint8Array[]
  readonly #views: readonly DataView[]
  readonly #sequenceAt: number
  /** By how much the sequence numbers of a round are above those of the round before. */
  readonly #step: number

  constructor(protocol: SimulatedProtocol, count: number) {
    const encoded = encode(protocol, count + 1)
    const at = SEQUENCE_AT[protocol]
    const views = encoded.map(({ buffer }) => new DataView(buffer))
    this.#step = views[count]!.getUint32(at) - views[0]!.getUint32(at)
    this.payloads = encoded.slice(0, count)
    this.#views = views.slice(0, count)
    this.#sequenceAt = at
  }

  /** Numbers the datagrams for the next round, so that none is lost or repeated. */
  next(): void {
    const at = this.#sequenceAt
    for (const view of this.#views) view.setUint32(at, view.getUint32(at) + this.#step)
  }
}

/** The first `count` datagrams of an exporter. */
function encode(protocol: SimulatedProtocol, count: number): Uint8Array<ArrayBuffer>[] {
  const options = { protocols: [protocol], exporters: 1, sampling: 'none', seed: 1, startMs: START_MS } as const
  const exporters = planExporters({ ...options, firstAddress: 0x7f000001 })
  const encoder = createEncoder(exporters[0]!)
  const traffic = new Traffic({ seed: 1, exporters, startMs: START_MS, rate: 10_000, curve: 'even' })
  const batch = createBatch(FLOW_COLUMNS, BATCH_ROWS) as FlowBatch // these are the columns of a flow
  const exporterOf = new Uint16Array(BATCH_ROWS)
  const payloads: Uint8Array<ArrayBuffer>[] = []
  while (payloads.length < count) {
    batch.length = 0
    traffic.fill(batch, exporterOf, BATCH_ROWS)
    for (let row = 0; row < BATCH_ROWS && payloads.length < count; row++) {
      encoder.add(batch, row)
      if (encoder.full) payloads.push(Uint8Array.from(encoder.bytes.subarray(0, encoder.finish(traffic.nowMs))))
    }
  }
  return payloads
}
