import type { FlowBatch } from '../../flow/batch.ts'
import type { AddressColumn } from '../../flow/column.ts'

/**
 * The typed arrays of a flow batch as plain properties, so that writers reach them without a look-up by name. Bound once per batch.
 */
export class FlowRows {
  readonly batch: FlowBatch
  readonly start: Float64Array
  readonly end: Float64Array
  readonly received: Float64Array
  readonly exporter: AddressColumn
  readonly domain: Uint32Array
  readonly srcAddr: AddressColumn
  readonly dstAddr: AddressColumn
  readonly nextHop: AddressColumn
  readonly srcPort: Uint16Array
  readonly dstPort: Uint16Array
  readonly proto: Uint8Array
  readonly tcpFlags: Uint16Array
  readonly tos: Uint8Array
  readonly bytes: Float64Array
  readonly packets: Float64Array
  readonly sampleSize: Float64Array
  readonly samplePopulation: Float64Array
  readonly inputIf: Uint32Array
  readonly outputIf: Uint32Array
  readonly srcAs: Uint32Array
  readonly dstAs: Uint32Array
  readonly srcMask: Uint8Array
  readonly dstMask: Uint8Array
  readonly vlan: Uint16Array
  readonly direction: Uint8Array
  readonly flags: Uint32Array

  constructor(batch: FlowBatch) {
    const { columns } = batch
    this.batch = batch
    this.start = columns.start.values
    this.end = columns.end.values
    this.received = columns.received.values
    this.exporter = columns.exporter
    this.domain = columns.domain.values
    this.srcAddr = columns.srcAddr
    this.dstAddr = columns.dstAddr
    this.nextHop = columns.nextHop
    this.srcPort = columns.srcPort.values
    this.dstPort = columns.dstPort.values
    this.proto = columns.proto.values
    this.tcpFlags = columns.tcpFlags.values
    this.tos = columns.tos.values
    this.bytes = columns.bytes.values
    this.packets = columns.packets.values
    this.sampleSize = columns.sampleSize.values
    this.samplePopulation = columns.samplePopulation.values
    this.inputIf = columns.inputIf.values
    this.outputIf = columns.outputIf.values
    this.srcAs = columns.srcAs.values
    this.dstAs = columns.dstAs.values
    this.srcMask = columns.srcMask.values
    this.dstMask = columns.dstMask.values
    this.vlan = columns.vlan.values
    this.direction = columns.direction.values
    this.flags = columns.flags.values
  }
}
