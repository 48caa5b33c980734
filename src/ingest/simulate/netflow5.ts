import type { FlowBatch } from '../../flow/batch.ts'
import type { DatagramEncoder } from './encoder.ts'
import type { SimulatedExporter } from './exporters.ts'

const HEADER_BYTES = 24
const RECORD_BYTES = 48
const MAX_RECORDS = 30
/** Mode of the sampling field: 1 is deterministic, 0 says nothing. */
const DETERMINISTIC = 1 << 14
/** Stands for a number of four bytes in a field of two (RFC 6793). */
const AS_TRANS = 23_456

/** NetFlow version 5 (Cisco, "NetFlow Export Datagram Format"): fixed records, a sequence number that counts flows. IPv4 only. */
export class Netflow5Encoder implements DatagramEncoder {
  readonly bytes = new Uint8Array(HEADER_BYTES + MAX_RECORDS * RECORD_BYTES)
  readonly #view = new DataView(this.bytes.buffer)
  readonly #exporter: SimulatedExporter
  #sequence = 0
  flows = 0

  constructor(exporter: SimulatedExporter) {
    this.#exporter = exporter
  }

  get full(): boolean {
    return this.flows === MAX_RECORDS
  }

  add(flows: FlowBatch, row: number): void {
    if (this.flows === MAX_RECORDS) throw new RangeError('netflow5: more than 30 flows in a datagram')
    const view = this.#view
    const { columns } = flows
    const { bootMs } = this.#exporter
    const at = HEADER_BYTES + RECORD_BYTES * this.flows++
    view.setUint32(at, columns.srcAddr.v4[row]!)
    view.setUint32(at + 4, columns.dstAddr.v4[row]!)
    view.setUint32(at + 8, columns.nextHop.v4[row]!)
    view.setUint16(at + 12, columns.inputIf.values[row]!)
    view.setUint16(at + 14, columns.outputIf.values[row]!)
    view.setUint32(at + 16, columns.packets.values[row]!)
    view.setUint32(at + 20, columns.bytes.values[row]!)
    view.setUint32(at + 24, columns.start.values[row]! - bootMs)
    view.setUint32(at + 28, columns.end.values[row]! - bootMs)
    view.setUint16(at + 32, columns.srcPort.values[row]!)
    view.setUint16(at + 34, columns.dstPort.values[row]!)
    view.setUint16(at + 36, columns.tcpFlags.values[row]! & 0xff)
    view.setUint8(at + 38, columns.proto.values[row]!)
    view.setUint8(at + 39, columns.tos.values[row]!)
    view.setUint16(at + 40, shortAs(columns.srcAs.values[row]!))
    view.setUint16(at + 42, shortAs(columns.dstAs.values[row]!))
    view.setUint8(at + 44, columns.srcMask.values[row]!)
    view.setUint8(at + 45, columns.dstMask.values[row]!)
    view.setUint16(at + 46, 0)
  }

  finish(exportMs: number): number {
    const view = this.#view
    const { bootMs, domain, samplingInterval } = this.#exporter
    const wholeMs = Math.floor(exportMs)
    view.setUint16(0, 5)
    view.setUint16(2, this.flows)
    view.setUint32(4, wholeMs - bootMs)
    view.setUint32(8, Math.floor(wholeMs / 1000))
    view.setUint32(12, (wholeMs % 1000) * 1_000_000)
    view.setUint32(16, this.#sequence)
    view.setUint16(20, domain)
    view.setUint16(22, samplingInterval === 0 ? 0 : DETERMINISTIC | samplingInterval)
    const length = HEADER_BYTES + RECORD_BYTES * this.flows
    this.#sequence = (this.#sequence + this.flows) >>> 0
    this.flows = 0
    return length
  }

  close(): number {
    return 0
  }
}

function shortAs(as: number): number {
  return as > 0xffff ? AS_TRANS : as
}
