import { writeAddress } from '../../../flow/address.ts'
import type { AddressColumn } from '../../../flow/column.ts'
import { FLOW_FLAGS } from '../../../flow/fields.ts'
import type { FlowRows } from '../flow-rows.ts'
import { ADDRESS, U8, U16, U32 } from '../flow-rows.ts'
import type { Origin } from '../origin.ts'
import type { Sampling } from '../sampling.ts'
import { fillOrigin } from '../shared-columns.ts'
import type { Place, SampledPacket } from './packet.ts'

/**
 * Writes a sampled packet as the flow of row `row`: one packet, both times the arrival, sampled 1 of the sampling rate
 * unless the configuration says otherwise. Extra columns are not touched.
 */
export function writePacket(
  rows: FlowRows,
  row: number,
  packet: SampledPacket,
  origin: Origin,
  override: Sampling | undefined,
): void {
  fillOrigin(rows, row, row + 1, origin)
  rows.start[row] = origin.receivedMs
  rows.end[row] = origin.receivedMs
  rows.bytes[row] = packet.octets
  rows.packets[row] = 1
  rows.flags[row] = FLOW_FLAGS.sampledPacket | FLOW_FLAGS.timesUnknown
  writeRate(rows, row, packet.samplingRate, override)
  writePlace(rows.address[ADDRESS.srcAddr], row, packet, packet.srcAddr)
  writePlace(rows.address[ADDRESS.dstAddr], row, packet, packet.dstAddr)
  writePlace(rows.address[ADDRESS.nextHop], row, packet, packet.nextHop)
  writeNumbers(rows, row, packet)
}

function writeRate(rows: FlowRows, row: number, rate: number, override: Sampling | undefined): void {
  rows.sampleSize[row] = override?.size ?? (rate > 0 ? 1 : 0)
  rows.samplePopulation[row] = override?.population ?? rate
  if (override) rows.flags[row]! |= FLOW_FLAGS.samplingAssumed
}

const writePlace = (column: AddressColumn, row: number, { bytes }: SampledPacket, { at, length }: Place): void =>
  writeAddress(column, row, bytes, at, length)

/** Absent numbers (-1) are 0 in a flow. */
const or0 = (value: number): number => Math.max(0, value)

function writeNumbers({ u8, u16, u32, flags }: FlowRows, row: number, packet: SampledPacket): void {
  u8[U8.proto][row] = or0(packet.proto)
  u8[U8.tos][row] = or0(packet.tos)
  u8[U8.srcMask][row] = or0(packet.srcMask)
  u8[U8.dstMask][row] = or0(packet.dstMask)
  u8[U8.direction][row] = 255
  u16[U16.srcPort][row] = or0(packet.srcPort)
  u16[U16.dstPort][row] = or0(packet.dstPort)
  u16[U16.tcpFlags][row] = or0(packet.tcpFlags)
  u16[U16.vlan][row] = or0(packet.vlan)
  u32[U32.inputIf][row] = packet.inputIf
  u32[U32.outputIf][row] = packet.outputIf
  u32[U32.srcAs][row] = or0(packet.srcAs)
  u32[U32.dstAs][row] = or0(packet.dstAs)
  if (packet.srcMask > 255 || packet.dstMask > 255) flags[row]! |= FLOW_FLAGS.valueCut
}
