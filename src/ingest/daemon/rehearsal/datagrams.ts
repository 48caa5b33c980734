import { createBatch, FLOW_COLUMNS, type FlowBatch } from '../../../flow/batch.ts'
import { createEncoder, type DatagramEncoder } from '../../simulate/encoder.ts'
import { planExporters, type SimulatedProtocol } from '../../simulate/exporters.ts'
import { Traffic } from '../../simulate/traffic.ts'

/** Any time will do; a fixed one makes the datagrams the same at every start. */
const START_MS = Date.UTC(2026, 0, 1)
const BATCH_ROWS = 256
/** Enough for clocks and counters of every size, small and beyond 31 bits. */
const EXPORTERS = 5

/** Where the sequence number stands in the header. */
const SEQUENCE_AT: Readonly<Record<SimulatedProtocol, number>> = { v5: 16, v9: 12, ipfix: 8 }

/** A datagram full of flows, and the number of the exporter that sends it. */
export interface RehearsalDatagram {
  readonly payload: Uint8Array<ArrayBuffer>
  readonly exporter: number
}

/** Datagrams of a few exporters that are played, good for any number of rounds. */
export class RehearsalDatagrams {
  readonly datagrams: readonly RehearsalDatagram[]
  readonly #sequenceAt: number
  /** By how much the sequence numbers of an exporter are above those of the round before. */
  readonly #steps: readonly number[]

  constructor(protocol: SimulatedProtocol, count: number) {
    const options = {
      protocols: [protocol],
      exporters: EXPORTERS,
      sampling: 'some',
      seed: 1,
      startMs: START_MS,
    } as const
    const exporters = planExporters({ ...options, firstAddress: 0x7f000001 })
    const traffic = new Traffic({ seed: 1, exporters, startMs: START_MS, rate: 10_000, curve: 'even' })
    const encoders = exporters.map(createEncoder)
    this.#sequenceAt = SEQUENCE_AT[protocol]
    const { datagrams, batch } = encode(traffic, encoders, count)
    this.datagrams = datagrams
    this.#steps = encoders.map((encoder, index) => {
      const first = datagrams.find(({ exporter }) => exporter === index)
      if (encoder.flows === 0) encoder.add(batch, 0)
      encoder.finish(traffic.nowMs)
      return first ? this.#sequence(encoder.bytes).getUint32(0) - this.#sequence(first.payload).getUint32(0) : 0
    })
  }

  /** Numbers the datagrams for the next round, so that none is lost or repeated. */
  next(): void {
    for (const { payload, exporter } of this.datagrams) {
      const sequence = this.#sequence(payload)
      sequence.setUint32(0, sequence.getUint32(0) + this.#steps[exporter]!)
    }
  }

  #sequence({ buffer, byteOffset }: Uint8Array): DataView {
    return new DataView(buffer, byteOffset + this.#sequenceAt, 4)
  }
}

function encode(traffic: Traffic, encoders: readonly DatagramEncoder[], count: number) {
  const batch = createBatch(FLOW_COLUMNS, BATCH_ROWS) as FlowBatch // these are the columns of a flow
  const exporterOf = new Uint16Array(BATCH_ROWS)
  const datagrams: RehearsalDatagram[] = []
  while (datagrams.length < count) {
    batch.length = 0
    traffic.fill(batch, exporterOf, BATCH_ROWS)
    for (let row = 0; row < BATCH_ROWS && datagrams.length < count; row++) {
      const exporter = exporterOf[row]!
      const encoder = encoders[exporter]!
      encoder.add(batch, row)
      if (!encoder.full) continue
      const payload = Uint8Array.from(encoder.bytes.subarray(0, encoder.finish(traffic.nowMs)))
      datagrams.push({ payload, exporter })
    }
  }
  return { datagrams, batch }
}
