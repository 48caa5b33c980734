import type { FlowBatch } from '../../flow/batch.ts'
import type { AddressColumn, Column } from '../../flow/column.ts'

/** Positions of columns in the arrays of `FlowRows`, so that a plan names them by number. */
export const U8 = { proto: 0, tos: 1, srcMask: 2, dstMask: 3, direction: 4 } as const
export const U16 = { srcPort: 0, dstPort: 1, tcpFlags: 2, vlan: 3 } as const
export const U32 = { inputIf: 0, outputIf: 1, srcAs: 2, dstAs: 3 } as const
export const ADDRESS = { srcAddr: 0, dstAddr: 1, nextHop: 2 } as const

export type U8Slot = (typeof U8)[keyof typeof U8]
export type U16Slot = (typeof U16)[keyof typeof U16]
export type U32Slot = (typeof U32)[keyof typeof U32]
export type AddressSlot = (typeof ADDRESS)[keyof typeof ADDRESS]

/** The typed arrays of a flow batch as plain properties, so that writers reach them without a look-up by name. Bound once per batch. */
export class FlowRows {
  readonly batch: FlowBatch
  readonly start: Float64Array
  readonly end: Float64Array
  readonly received: Float64Array
  readonly exporter: AddressColumn
  readonly domain: Uint32Array
  readonly bytes: Float64Array
  readonly packets: Float64Array
  readonly sampleSize: Float64Array
  readonly samplePopulation: Float64Array
  readonly flags: Uint32Array
  readonly u8: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  readonly u16: readonly [Uint16Array, Uint16Array, Uint16Array, Uint16Array]
  readonly u32: readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  readonly address: readonly [AddressColumn, AddressColumn, AddressColumn]
  /** Columns of extra elements in the order of the decoder's options; undefined where the batch has none. */
  readonly extras: readonly (Column | undefined)[]

  constructor(batch: FlowBatch, extras: readonly string[]) {
    const { columns } = batch
    this.batch = batch
    this.start = columns.start.values
    this.end = columns.end.values
    this.received = columns.received.values
    this.exporter = columns.exporter
    this.domain = columns.domain.values
    this.bytes = columns.bytes.values
    this.packets = columns.packets.values
    this.sampleSize = columns.sampleSize.values
    this.samplePopulation = columns.samplePopulation.values
    this.flags = columns.flags.values
    const { proto, tos, srcMask, dstMask, direction } = columns
    this.u8 = [proto.values, tos.values, srcMask.values, dstMask.values, direction.values]
    const { srcPort, dstPort, tcpFlags, vlan } = columns
    this.u16 = [srcPort.values, dstPort.values, tcpFlags.values, vlan.values]
    const { inputIf, outputIf, srcAs, dstAs } = columns
    this.u32 = [inputIf.values, outputIf.values, srcAs.values, dstAs.values]
    this.address = [columns.srcAddr, columns.dstAddr, columns.nextHop]
    this.extras = extras.map((name) => columns[name])
  }
}
