import type { FlowBatch } from '../../flow/batch.ts'
import type { SimulatedExporter } from './exporters.ts'
import { recordBytes, setUint64, type TemplateField, VARIABLE } from './message.ts'
import { IPV4_ADDRESSES, IPV6_ADDRESSES, TemplateEncoder } from './template-encoder.ts'

const IPV4_TEMPLATE = 300
const IPV6_TEMPLATE = 301
const SAMPLING_TEMPLATE = 302
const SYSTEM_TEMPLATE = 303
const SELECTOR_ID = 7
/** Private enterprise number for documentation (RFC 5612). */
const EXAMPLE_ENTERPRISE = 32_473

const PORTS: readonly TemplateField[] = [
  [7, 2], // sourceTransportPort
  [11, 2], // destinationTransportPort
  [4, 1], // protocolIdentifier
  [6, 2], // tcpControlBits
  [5, 1], // ipClassOfService
  [10, 4], // ingressInterface
  [14, 4], // egressInterface
  [16, 4], // bgpSourceAsNumber
  [17, 4], // bgpDestinationAsNumber
  [58, 2], // vlanId
  [61, 1], // flowDirection
]
/** Full-size counters, absolute times, a selector per record. */
const ABSOLUTE: readonly TemplateField[] = [...PORTS, [1, 8], [2, 8], [152, 8], [153, 8], [302, 4]]
/** Reduced-size counters (RFC 7011 section 6.2), times by sysUptime, an enterprise element and a variable-length one. */
const RELATIVE: readonly TemplateField[] = [
  ...PORTS,
  [1, 6],
  [2, 4],
  [22, 4],
  [21, 4],
  [1, 4, EXAMPLE_ENTERPRISE],
  [96, VARIABLE],
]
const NAME_BYTES = 6
const PORTS_BYTES = recordBytes(PORTS)

/** IPFIX (RFC 7011): data and options templates, a sequence number that counts data records, those of options included. */
export class IpfixEncoder extends TemplateEncoder {
  #sequence = 0

  constructor(exporter: SimulatedExporter) {
    super(exporter, {
      headerBytes: 16,
      ipv4Template: IPV4_TEMPLATE,
      ipv6Template: IPV6_TEMPLATE,
      maxRestBytes: PORTS_BYTES + 40,
    })
  }

  protected override writeHeader(exportMs: number): void {
    const { message, records, exporter } = this
    const { view } = message
    view.setUint16(0, 10)
    view.setUint16(2, message.at)
    view.setUint32(4, Math.floor(exportMs / 1000))
    view.setUint32(8, this.#sequence)
    view.setUint32(12, exporter.domain)
    this.#sequence = (this.#sequence + records) >>> 0
  }

  protected override writeTemplates(): void {
    this.#templates()
    if (this.exporter.relative) this.#systemOptions()
    if (this.exporter.samplingInterval !== 0) this.#samplingOptions()
  }

  #templates(): void {
    const message = this.message
    const rest = this.exporter.relative ? RELATIVE : ABSOLUTE
    message.openSet(2)
    for (const [id, addresses] of [
      [IPV4_TEMPLATE, IPV4_ADDRESSES],
      [IPV6_TEMPLATE, IPV6_ADDRESSES],
    ] as const) {
      message.u16(id)
      message.u16(addresses.length + rest.length)
      message.fields(addresses)
      message.fields(rest)
    }
    message.closeSet()
  }

  /** An options template whose first field is the scope, and the set of its one record is left open for the values. */
  #options(id: number, fields: readonly TemplateField[]): void {
    const message = this.message
    message.openSet(3)
    message.u16(id)
    message.u16(fields.length)
    message.u16(1)
    message.fields(fields)
    message.closeSet()
    message.openSet(id)
    this.records++
  }

  /** systemInitTimeMilliseconds (160) of the observation domain (149). */
  #systemOptions(): void {
    const message = this.message
    this.#options(SYSTEM_TEMPLATE, [
      [149, 4],
      [160, 8],
    ])
    message.u32(this.exporter.domain)
    message.u64(this.exporter.bootMs)
    message.closeSet()
  }

  /** Sampling of the selector that every record names, or samplingInterval (34) of the whole domain. */
  #samplingOptions(): void {
    const message = this.message
    const { relative, domain, samplingInterval } = this.exporter
    if (relative) {
      this.#options(SAMPLING_TEMPLATE, [
        [149, 4],
        [34, 4],
        [35, 1],
      ])
      message.u32(domain)
      message.u32(samplingInterval)
      message.u8(1)
    } else {
      this.#options(SAMPLING_TEMPLATE, [
        [302, 4],
        [304, 2],
        [305, 4],
        [306, 4],
      ])
      message.u32(SELECTOR_ID)
      message.u16(1)
      message.u32(1)
      message.u32(samplingInterval - 1)
    }
    message.closeSet()
  }

  protected override writeRest(view: DataView, at: number, flows: FlowBatch, row: number): number {
    const { columns } = flows
    view.setUint16(at, columns.srcPort.values[row]!)
    view.setUint16(at + 2, columns.dstPort.values[row]!)
    view.setUint8(at + 4, columns.proto.values[row]!)
    view.setUint16(at + 5, columns.tcpFlags.values[row]!)
    view.setUint8(at + 7, columns.tos.values[row]!)
    view.setUint32(at + 8, columns.inputIf.values[row]!)
    view.setUint32(at + 12, columns.outputIf.values[row]!)
    view.setUint32(at + 16, columns.srcAs.values[row]!)
    view.setUint32(at + 20, columns.dstAs.values[row]!)
    view.setUint16(at + 24, columns.vlan.values[row]!)
    view.setUint8(at + 26, columns.direction.values[row]!)
    const bytes = columns.bytes.values[row]!
    const packets = columns.packets.values[row]!
    const start = columns.start.values[row]!
    const end = columns.end.values[row]!
    const rest = at + PORTS_BYTES
    if (this.exporter.relative) return this.#writeRelative(view, rest, bytes, packets, start, end)
    setUint64(view, rest, bytes)
    setUint64(view, rest + 8, packets)
    setUint64(view, rest + 16, start)
    setUint64(view, rest + 24, end)
    view.setUint32(rest + 32, SELECTOR_ID)
    return rest + 36
  }

  #writeRelative(view: DataView, at: number, bytes: number, packets: number, start: number, end: number): number {
    const { bootMs } = this.exporter
    view.setUint16(at, Math.floor(bytes / 2 ** 32))
    view.setUint32(at + 2, bytes % 2 ** 32)
    view.setUint32(at + 6, packets)
    view.setUint32(at + 10, start - bootMs)
    view.setUint32(at + 14, end - bootMs)
    view.setUint32(at + 18, start % 65_536)
    const name = packets % 2 === 0 ? NAME_BYTES : 0
    view.setUint8(at + 22, name)
    for (let i = 0; i < name; i++) view.setUint8(at + 23 + i, 0x61 + i)
    return at + 23 + name
  }
}
