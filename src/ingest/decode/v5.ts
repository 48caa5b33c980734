import { FLOW_FLAGS } from '../../flow/fields.ts'
import type { FlowRows } from './flow-rows.ts'
import type { Origin } from './origin.ts'
import type { RowWriter } from './row-writer.ts'
import type { Sampling } from './sampling.ts'

/** NetFlow v5: a header of 24 bytes and `count` records of 48. Written out by hand, a field at a time, because it is the hottest loop of ingest. */
export const V5_HEADER = 24
export const V5_RECORD = 48

/** The 14-bit interval of the header field; its two top bits are the sampling mode. 0 is unknown. */
export const v5Interval = (view: DataView): number => view.getUint16(22) & 0x3fff

/** Appends `count` records; the caller has checked that the datagram holds them. */
export function decodeV5(view: DataView, count: number, origin: Origin, sampling: Sampling, writer: RowWriter): void {
  let done = 0
  while (done < count) {
    const rows = writer.take(1)
    const row = rows.batch.length
    const part = Math.min(count - done, rows.batch.capacity - row)
    writeShared(rows, row, row + part, origin, sampling)
    writeRecords(rows, row, part, view, V5_HEADER + done * V5_RECORD, origin)
    rows.batch.length = row + part
    done += part
  }
}

/** Columns that have one value for all rows [from, to) of a v5 datagram. */
function writeShared(rows: FlowRows, from: number, to: number, origin: Origin, sampling: Sampling): void {
  fillOrigin(rows, from, to, origin)
  rows.srcAddr.family.fill(4, from, to)
  rows.dstAddr.family.fill(4, from, to)
  rows.nextHop.family.fill(4, from, to)
  rows.srcAddr.v6.fill(0, from * 16, to * 16)
  rows.dstAddr.v6.fill(0, from * 16, to * 16)
  rows.nextHop.v6.fill(0, from * 16, to * 16)
  rows.sampleSize.fill(sampling.size, from, to)
  rows.samplePopulation.fill(sampling.population, from, to)
  rows.vlan.fill(0, from, to)
  rows.direction.fill(255, from, to)
  rows.flags.fill(sampling.assumed ? FLOW_FLAGS.samplingAssumed : 0, from, to)
}

/** Exporter, domain and arrival of rows [from, to). */
export function fillOrigin(rows: FlowRows, from: number, to: number, { exporter, domain, receivedMs }: Origin): void {
  rows.received.fill(receivedMs, from, to)
  rows.exporter.family.fill(exporter.family, from, to)
  rows.exporter.v4.fill(exporter.v4, from, to)
  if (exporter.family === 4) rows.exporter.v6.fill(0, from * 16, to * 16)
  else for (let row = from; row < to; row++) rows.exporter.v6.set(exporter.v6, row * 16)
  rows.domain.fill(domain, from, to)
}

function writeRecords(
  rows: FlowRows,
  row: number,
  count: number,
  view: DataView,
  offset: number,
  origin: Origin,
): void {
  const { exportMs, sysUptime } = origin
  const { srcPort, dstPort, proto, tcpFlags, tos, bytes, packets, start, end, flags } = rows
  const { inputIf, outputIf, srcAs, dstAs, srcMask, dstMask } = rows
  const srcAddr = rows.srcAddr.v4
  const dstAddr = rows.dstAddr.v4
  const nextHop = rows.nextHop.v4
  const to = row + count
  for (let at = offset, i = row; i < to; i++, at += V5_RECORD) {
    srcAddr[i] = view.getUint32(at)
    dstAddr[i] = view.getUint32(at + 4)
    nextHop[i] = view.getUint32(at + 8)
    inputIf[i] = view.getUint16(at + 12)
    outputIf[i] = view.getUint16(at + 14)
    packets[i] = view.getUint32(at + 16)
    bytes[i] = view.getUint32(at + 20)
    // The signed 32-bit difference to sysUptime holds across a wrap of either clock.
    const first = (sysUptime - view.getUint32(at + 24)) | 0
    const last = (sysUptime - view.getUint32(at + 28)) | 0
    start[i] = exportMs - first
    end[i] = exportMs - last
    if (first < last) flags[i]! |= FLOW_FLAGS.endBeforeStart
    if (first < 0 || last < 0) flags[i]! |= FLOW_FLAGS.timeAfterExport
    srcPort[i] = view.getUint16(at + 32)
    dstPort[i] = view.getUint16(at + 34)
    tcpFlags[i] = view.getUint8(at + 37)
    proto[i] = view.getUint8(at + 38)
    tos[i] = view.getUint8(at + 39)
    srcAs[i] = view.getUint16(at + 40)
    dstAs[i] = view.getUint16(at + 42)
    srcMask[i] = view.getUint8(at + 44)
    dstMask[i] = view.getUint8(at + 45)
  }
}
