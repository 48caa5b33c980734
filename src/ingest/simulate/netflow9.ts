import type { FlowBatch } from '../../flow/batch.ts'
import type { SimulatedExporter } from './exporters.ts'
import { recordBytes, setUint64, type TemplateField } from './message.ts'
import { IPV4_ADDRESSES, IPV6_ADDRESSES, TemplateEncoder } from './template-encoder.ts'

const IPV4_TEMPLATE = 256
const IPV6_TEMPLATE = 257
const OPTIONS_TEMPLATE = 258
const SAMPLER_ID = 1

/** What follows the addresses in both data templates; `writeRest` writes the same in the same order. */
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
const IPV4_FIELDS: readonly TemplateField[] = [...IPV4_ADDRESSES, ...TAIL]
const IPV6_FIELDS: readonly TemplateField[] = [...IPV6_ADDRESSES, ...TAIL]
const TAIL_BYTES = recordBytes(TAIL)

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
export class Netflow9Encoder extends TemplateEncoder {
  #sequence = 0

  constructor(exporter: SimulatedExporter) {
    super(exporter, {
      headerBytes: 20,
      ipv4Template: IPV4_TEMPLATE,
      ipv6Template: IPV6_TEMPLATE,
      maxRestBytes: TAIL_BYTES,
    })
  }

  protected override writeTemplates(): void {
    const message = this.message
    message.openSet(0)
    for (const [id, fields] of [
      [IPV4_TEMPLATE, IPV4_FIELDS],
      [IPV6_TEMPLATE, IPV6_FIELDS],
    ] as const) {
      message.u16(id)
      message.u16(fields.length)
      message.fields(fields)
      this.records++
    }
    message.closeSet()
    if (this.exporter.samplingInterval !== 0) this.#samplingOptions()
  }

  #samplingOptions(): void {
    const message = this.message
    const { samplingInterval, domain } = this.exporter
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
    this.records += 2
  }

  /** Header times are those of the second before the export, both of them, so that whole seconds lose nothing. */
  protected override writeHeader(exportMs: number): void {
    const { view } = this.message
    const seconds = Math.floor(exportMs / 1000)
    view.setUint16(0, 9)
    view.setUint16(2, this.records)
    view.setUint32(4, seconds * 1000 - this.exporter.bootMs)
    view.setUint32(8, seconds)
    view.setUint32(12, this.#sequence)
    view.setUint32(16, this.exporter.domain)
    this.#sequence = (this.#sequence + 1) >>> 0
  }

  protected override writeRest(view: DataView, at: number, flows: FlowBatch, row: number): number {
    const { columns } = flows
    const { bootMs, samplingInterval } = this.exporter
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
    return at + TAIL_BYTES
  }
}
