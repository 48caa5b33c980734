import type { FlowBatch } from '../../flow/batch.ts'
import type { DatagramEncoder } from './encoder.ts'
import type { SimulatedExporter } from './exporters.ts'
import {
  MAX_DATAGRAM_BYTES,
  MessageWriter,
  recordBytes,
  setIPv6,
  setUint64,
  type TemplateField,
  TemplateTimer,
} from './message.ts'

const HEADER_BYTES = 20
const IPV4_TEMPLATE = 256
const IPV6_TEMPLATE = 257
const OPTIONS_TEMPLATE = 258
const SAMPLER_ID = 1

/** What follows the addresses in both data templates; `writeTail` writes the same in the same order. */
const TAIL: readonly TemplateField[] = [
  [1, 8], // IN_BYTES
  [2, 4], // IN_PKTS
  [22, 4], // FIRST_SWITCHED
  [21, 4], // LAST_SWITCHED
  [10, 4], // INPUT_SNMP
  [14, 4], // OUTPUT_SNMP
  [16, 4], // SRC_AS
  [17, 4], // DST_AS
  [7, 2], // L4_SRC_PORT
  [11, 2], // L4_DST_PORT
  [58, 2], // SRC_VLAN
  [4, 1], // PROTOCOL
  [6, 1], // TCP_FLAGS
  [5, 1], // SRC_TOS
  [61, 1], // DIRECTION
  [48, 1], // FLOW_SAMPLER_ID
]
const IPV4_FIELDS: readonly TemplateField[] = [[8, 4], [12, 4], [15, 4], [9, 1], [13, 1], ...TAIL]
const IPV6_FIELDS: readonly TemplateField[] = [[27, 16], [28, 16], [62, 16], [29, 1], [30, 1], ...TAIL]
const TAIL_BYTES = recordBytes(TAIL)
const IPV6_BYTES = recordBytes(IPV6_FIELDS)

/** Sampling by sampler, found through the sampler id of each record, and for the whole exporter. */
const SAMPLER_OPTIONS: readonly TemplateField[] = [
  [48, 1],
  [49, 1],
  [50, 4],
]
const EXPORTER_OPTIONS: readonly TemplateField[] = [
  [34, 4],
  [35, 1],
]
const SCOPE_SYSTEM: TemplateField = [1, 4]

/** NetFlow version 9 (RFC 3954): data and options templates, a sequence number that counts datagrams. */
export class Netflow9Encoder implements DatagramEncoder {
  readonly #message = new MessageWriter()
  readonly bytes = this.#message.bytes
  readonly #timer = new TemplateTimer()
  readonly #exporter: SimulatedExporter
  #sequence = 0
  #records = 0
  #lastExportMs = 0
  #ipv4Open = false
  #started = false
  flows = 0

  constructor(exporter: SimulatedExporter) {
    this.#exporter = exporter
  }

  get full(): boolean {
    return this.#message.at + this.#message.sideAt > MAX_DATAGRAM_BYTES - IPV6_BYTES - 12
  }

  add(flows: FlowBatch, row: number): void {
    const message = this.#message
    if (!this.#started) this.#start()
    const { srcAddr, dstAddr, nextHop, srcMask, dstMask } = flows.columns
    if (srcAddr.family[row] === 6) {
      const { side, sideAt } = message
      setIPv6(side, sideAt, srcAddr, row)
      setIPv6(side, sideAt + 16, dstAddr, row)
      setIPv6(side, sideAt + 32, nextHop, row)
      side.setUint8(sideAt + 48, srcMask.values[row]!)
      side.setUint8(sideAt + 49, dstMask.values[row]!)
      this.#writeTail(side, sideAt + 50, flows, row)
      message.sideAt = sideAt + 50 + TAIL_BYTES
    } else {
      if (!this.#ipv4Open) message.openSet(IPV4_TEMPLATE)
      this.#ipv4Open = true
      const { view, at } = message
      view.setUint32(at, srcAddr.v4[row]!)
      view.setUint32(at + 4, dstAddr.v4[row]!)
      view.setUint32(at + 8, nextHop.v4[row]!)
      view.setUint8(at + 12, srcMask.values[row]!)
      view.setUint8(at + 13, dstMask.values[row]!)
      this.#writeTail(view, at + 14, flows, row)
      message.at = at + 14 + TAIL_BYTES
    }
    this.flows++
    this.#records++
  }

  finish(exportMs: number): number {
    const message = this.#message
    if (this.#ipv4Open) message.closeSet()
    if (message.sideAt > 0) message.appendSide(IPV6_TEMPLATE)
    this.#header(exportMs)
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
    this.#message.reset(HEADER_BYTES)
    this.#records = 0
    this.#started = true
    if (this.#timer.due(this.#lastExportMs)) this.#templates()
  }

  #templates(): void {
    const message = this.#message
    message.openSet(0)
    for (const [id, fields] of [
      [IPV4_TEMPLATE, IPV4_FIELDS],
      [IPV6_TEMPLATE, IPV6_FIELDS],
    ] as const) {
      message.u16(id)
      message.u16(fields.length)
      message.fields(fields)
      this.#records++
    }
    message.closeSet()
    if (this.#exporter.samplingInterval !== 0) this.#samplingOptions()
    this.#timer.sent(this.#lastExportMs)
  }

  #samplingOptions(): void {
    const message = this.#message
    const { samplingInterval, domain } = this.#exporter
    const bySampler = samplingInterval > 1
    const fields = bySampler ? SAMPLER_OPTIONS : EXPORTER_OPTIONS
    message.openSet(1)
    message.u16(OPTIONS_TEMPLATE)
    message.u16(4)
    message.u16(fields.length * 4)
    message.fields([SCOPE_SYSTEM, ...fields])
    message.closeSet()
    message.openSet(OPTIONS_TEMPLATE)
    message.u32(domain)
    if (bySampler) {
      message.u8(SAMPLER_ID)
      message.u8(2)
      message.u32(samplingInterval)
    } else {
      message.u32(samplingInterval)
      message.u8(1)
    }
    message.closeSet()
    this.#records += 2
  }

  /** Header times are those of the second before the export, both of them, so that whole seconds lose nothing. */
  #header(exportMs: number): void {
    const { view } = this.#message
    const seconds = Math.floor(exportMs / 1000)
    view.setUint16(0, 9)
    view.setUint16(2, this.#records)
    view.setUint32(4, seconds * 1000 - this.#exporter.bootMs)
    view.setUint32(8, seconds)
    view.setUint32(12, this.#sequence)
    view.setUint32(16, this.#exporter.domain)
    this.#sequence = (this.#sequence + 1) >>> 0
    this.#lastExportMs = exportMs
    this.#timer.tick()
  }

  #writeTail(view: DataView, at: number, flows: FlowBatch, row: number): void {
    const { columns } = flows
    const { bootMs, samplingInterval } = this.#exporter
    setUint64(view, at, columns.bytes.values[row]!)
    view.setUint32(at + 8, columns.packets.values[row]!)
    view.setUint32(at + 12, columns.start.values[row]! - bootMs)
    view.setUint32(at + 16, columns.end.values[row]! - bootMs)
    view.setUint32(at + 20, columns.inputIf.values[row]!)
    view.setUint32(at + 24, columns.outputIf.values[row]!)
    view.setUint32(at + 28, columns.srcAs.values[row]!)
    view.setUint32(at + 32, columns.dstAs.values[row]!)
    view.setUint16(at + 36, columns.srcPort.values[row]!)
    view.setUint16(at + 38, columns.dstPort.values[row]!)
    view.setUint16(at + 40, columns.vlan.values[row]!)
    view.setUint8(at + 42, columns.proto.values[row]!)
    view.setUint8(at + 43, columns.tcpFlags.values[row]!)
    view.setUint8(at + 44, columns.tos.values[row]!)
    view.setUint8(at + 45, columns.direction.values[row]!)
    view.setUint8(at + 46, samplingInterval > 1 ? SAMPLER_ID : 0)
  }
}
