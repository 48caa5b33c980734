import { FLOW_FLAGS } from '../../flow/fields.ts'
import { zeroV6 } from './fill.ts'
import type { FlowRows } from './flow-rows.ts'
import { U8, U16, U32 } from './flow-rows.ts'
import type { Origin } from './origin.ts'
import type { MalformedReason } from './reasons.ts'
import type { RowWriter } from './row-writer.ts'
import { clearExtras } from './row-writer.ts'
import type { Sampling } from './sampling.ts'
import { fillOrigin } from './shared-columns.ts'
import { V5_RECORD } from './v5-records.ts'

/** NetFlow v5: a header of 24 bytes and `count` records of 48. Written out by hand, a field at a time, because it is the hottest loop of ingest. */
const V5_HEADER = 24

/** The payload of a datagram, twice. */
export interface V5Datagram {
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** The 14-bit interval of the header field; its two top bits are the sampling mode. 0 is unknown. */
export const v5Interval = (view: DataView): number => view.getUint16(22) & 0x3fff

/** Why a datagram with a whole header is malformed: its records would run over the end. */
export const checkV5 = (view: DataView): MalformedReason | undefined =>
  V5_HEADER + view.getUint16(2) * V5_RECORD > view.byteLength ? 'count-beyond-end' : undefined

/** Appends `count` records; the caller has checked that the datagram holds them. */
export function decodeV5(
  { bytes, view }: V5Datagram,
  count: number,
  origin: Origin,
  sampling: Sampling,
  writer: RowWriter,
): void {
  let done = 0
  while (done < count) {
    const rows = writer.take(1)
    const row = rows.batch.length
    const part = Math.min(count - done, rows.batch.capacity - row)
    const at = V5_HEADER + done * V5_RECORD
    const { v5 } = writer.sink
    if (v5?.rows === row && Number.isSafeInteger(origin.receivedMs)) v5.add(bytes, at, part, origin, sampling)
    else {
      writeShared(rows, row, row + part, origin, sampling)
      writeRecords(rows, row, part, view, at, origin)
    }
    rows.batch.length = row + part
    done += part
  }
}

/** Columns that have one value for all rows [from, to) of a v5 datagram. */
function writeShared(rows: FlowRows, from: number, to: number, origin: Origin, sampling: Sampling): void {
  fillOrigin(rows, from, to, origin)
  for (const column of rows.address) {
    zeroV6(column, from, to)
    column.family.fill(4, from, to)
  }
  rows.sampleSize.fill(sampling.size, from, to)
  rows.samplePopulation.fill(sampling.population, from, to)
  rows.u16[U16.vlan].fill(0, from, to)
  rows.u8[U8.direction].fill(255, from, to)
  rows.flags.fill(sampling.assumed ? FLOW_FLAGS.samplingAssumed : 0, from, to)
  clearExtras(rows, from, to)
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
  const { bytes, packets, start, end, flags } = rows
  const [srcAddr, dstAddr, nextHop] = [rows.address[0].v4, rows.address[1].v4, rows.address[2].v4]
  const [srcPort, dstPort, tcpFlags] = [rows.u16[U16.srcPort], rows.u16[U16.dstPort], rows.u16[U16.tcpFlags]]
  const [proto, tos, srcMask, dstMask] = [rows.u8[U8.proto], rows.u8[U8.tos], rows.u8[U8.srcMask], rows.u8[U8.dstMask]]
  const { inputIf: IN, outputIf: OUT, srcAs: SRC, dstAs: DST } = U32
  const [inputIf, outputIf, srcAs, dstAs] = [rows.u32[IN], rows.u32[OUT], rows.u32[SRC], rows.u32[DST]]
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
