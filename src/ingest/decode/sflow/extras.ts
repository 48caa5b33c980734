import type { Column } from '../../../flow/column.ts'
import type { Extra } from '../extras.ts'
import { clearExtra, writeExtra } from '../extras.ts'
import type { FlowRows } from '../flow-rows.ts'
import { Place, type SampledPacket } from './packet.ts'

/** What a sampled packet has for an IANA element: a number, -1 when absent, or octets. */
type Reader = (packet: SampledPacket) => number | Place

const label = new Place()
const none = new Place()

/** Entry `depth` of the label stack without its TTL, as the elements have it: 3 octets. */
const labelAt =
  (depth: number): Reader =>
  ({ labels }) => {
    label.set(labels.at + depth * 4, labels.length > depth * 4 ? 3 : 0)
    return label
  }

const icmp =
  (proto: number, value: Reader): Reader =>
  (packet) =>
    packet.proto === proto ? value(packet) : -1

const typeAndCode: Reader = ({ icmpType, icmpCode }) => (icmpType < 0 ? -1 : icmpType * 256 + icmpCode)
const ofLength = (length: number, place: Place): Place => (place.length === length ? place : none)

/** The elements that sFlow can fill, by number. */
const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [18, ({ bgpNextHop }) => ofLength(4, bgpNextHop)],
  [32, icmp(1, typeAndCode)],
  [56, ({ srcMac }) => srcMac],
  [59, ({ dstVlan }) => dstVlan],
  [63, ({ bgpNextHop }) => ofLength(16, bgpNextHop)],
  ...Array.from({ length: 10 }, (_, depth): [number, Reader] => [70 + depth, labelAt(depth)]),
  [80, ({ dstMac }) => dstMac],
  [129, ({ srcPeerAs }) => srcPeerAs],
  [139, icmp(58, typeAndCode)],
  [176, icmp(1, ({ icmpType }) => icmpType)],
  [177, icmp(1, ({ icmpCode }) => icmpCode)],
  [178, icmp(58, ({ icmpType }) => icmpType)],
  [179, icmp(58, ({ icmpCode }) => icmpCode)],
  [245, ({ innerVlan }) => innerVlan],
  [256, ({ etherType }) => etherType],
  [312, ({ frameLength }) => frameLength],
])

/** Fills the extra columns of row `row` from a sampled packet; those that sFlow does not know are absent. */
export function writeExtras(
  rows: FlowRows,
  row: number,
  extras: readonly Extra[],
  packet: SampledPacket,
  view: DataView,
): void {
  for (let i = 0; i < extras.length; i++) {
    const column = rows.extras[i]
    const { id, pen = 0, type } = extras[i]!.element
    if (!column) continue
    const value = pen === 0 ? (READERS.get(id)?.(packet) ?? -1) : -1
    if (typeof value === 'number') writeNumber(column, row, value)
    else writeExtra(column, type, row, { bytes: packet.bytes, view }, value.at, value.length, value.length)
  }
}

function writeNumber(column: Column, row: number, value: number): void {
  clearExtra(column, row, row + 1)
  if (value < 0 || !('values' in column) || column.type === 'u64' || column.type === 'i64') return
  column.values[row] = value
  if (column.valid && column.values[row] === value) column.valid[row] = 1
}
