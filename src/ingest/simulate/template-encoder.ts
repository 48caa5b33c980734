import type { FlowBatch } from '../../flow/batch.ts'
import type { DatagramEncoder } from './encoder.ts'
import type { SimulatedExporter } from './exporters.ts'
import {
  MAX_DATAGRAM_BYTES,
  MessageWriter,
  recordBytes,
  setIPv6,
  type TemplateField,
  TemplateTimer,
} from './message.ts'

/** Fields that begin a record of either family: both addresses, the next hop and the prefix lengths. */
export const IPV4_ADDRESSES: readonly TemplateField[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [9, 1],
  [13, 1],
]
export const IPV6_ADDRESSES: readonly TemplateField[] = [
  [27, 16],
  [28, 16],
  [62, 16],
  [29, 1],
  [30, 1],
]
const IPV4_BYTES = recordBytes(IPV4_ADDRESSES)
const IPV6_BYTES = recordBytes(IPV6_ADDRESSES)

/** What tells the protocols with templates apart before a value is written. */
export interface TemplateProtocol {
  readonly headerBytes: number
  /** Template ids of the data records. */
  readonly ipv4Template: number
  readonly ipv6Template: number
  /** Most bytes of a record after its addresses. */
  readonly maxRestBytes: number
}

/** What NetFlow v9 and IPFIX have in common: a message of an IPv4 set in front and an IPv6 set behind it, with templates whenever they are due. */
export abstract class TemplateEncoder implements DatagramEncoder {
  protected readonly message = new MessageWriter()
  readonly bytes = this.message.bytes
  protected readonly exporter: SimulatedExporter
  /** Records in the message that the header or the sequence counts. */
  protected records = 0
  readonly #protocol: TemplateProtocol
  readonly #timer = new TemplateTimer()
  #lastExportMs = 0
  #ipv4Open = false
  #started = false
  flows = 0

  constructor(exporter: SimulatedExporter, protocol: TemplateProtocol) {
    this.exporter = exporter
    this.#protocol = protocol
  }

  /** Writes template and options sets. */
  protected abstract writeTemplates(): void
  /** Writes the fields after the addresses and returns where the record ends. */
  protected abstract writeRest(view: DataView, at: number, flows: FlowBatch, row: number): number
  protected abstract writeHeader(exportMs: number): void

  get full(): boolean {
    const { at, sideAt } = this.message
    return at + sideAt > MAX_DATAGRAM_BYTES - IPV6_BYTES - this.#protocol.maxRestBytes - 12
  }

  add(flows: FlowBatch, row: number): void {
    const { message } = this
    if (!this.#started) this.#start()
    const { srcAddr, dstAddr, nextHop, srcMask, dstMask } = flows.columns
    if (srcAddr.family[row] === 6) {
      const { side, sideAt } = message
      setIPv6(side, sideAt, srcAddr, row)
      setIPv6(side, sideAt + 16, dstAddr, row)
      setIPv6(side, sideAt + 32, nextHop, row)
      side.setUint8(sideAt + 48, srcMask.values[row]!)
      side.setUint8(sideAt + 49, dstMask.values[row]!)
      message.sideAt = this.writeRest(side, sideAt + IPV6_BYTES, flows, row)
    } else {
      if (!this.#ipv4Open) message.openSet(this.#protocol.ipv4Template)
      this.#ipv4Open = true
      const { view, at } = message
      view.setUint32(at, srcAddr.v4[row]!)
      view.setUint32(at + 4, dstAddr.v4[row]!)
      view.setUint32(at + 8, nextHop.v4[row]!)
      view.setUint8(at + 12, srcMask.values[row]!)
      view.setUint8(at + 13, dstMask.values[row]!)
      message.at = this.writeRest(view, at + IPV4_BYTES, flows, row)
    }
    this.flows++
    this.records++
  }

  finish(exportMs: number): number {
    const { message } = this
    if (this.#ipv4Open) message.closeSet()
    if (message.sideAt > 0) message.appendSide(this.#protocol.ipv6Template)
    this.writeHeader(exportMs)
    this.#lastExportMs = exportMs
    this.#timer.tick()
    this.#started = false
    this.#ipv4Open = false
    this.flows = 0
    return message.at
  }

  close(exportMs: number): number {
    this.#lastExportMs = exportMs
    this.#timer.sent(Number.NEGATIVE_INFINITY)
    this.#start()
    return this.finish(exportMs)
  }

  #start(): void {
    this.message.reset(this.#protocol.headerBytes)
    this.records = 0
    this.#started = true
    if (!this.#timer.due(this.#lastExportMs)) return
    this.writeTemplates()
    this.#timer.sent(this.#lastExportMs)
  }
}
