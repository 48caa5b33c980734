import type { SampledPacket } from './packet.ts'
import type { SampledHeader } from './sampled-header.ts'
import { hasPorts, hasTcpFlags, readHeader } from './sampled-header.ts'
import type { Item } from './structure.ts'
import {
  ETHERNET_FRAME,
  EXPANDED_FLOW_SAMPLE,
  EXTENDED_GATEWAY,
  EXTENDED_ROUTER,
  EXTENDED_SWITCH,
  hopLength,
  RAW_HEADER,
  readItem,
  SAMPLE_HEADER,
  SAMPLED_IPV4,
  SAMPLED_IPV6,
} from './structure.ts'

/** Value of an interface that is the device itself (both forms, after the format bits). */
const INTERNAL = 0x3fffffff

/** First record of each kind in a sample: where it starts, or -1. */
interface Found {
  header: number
  ethernet: number
  ipv4: number
  ipv6: number
  vlans: number
  router: number
  gateway: number
}

/**
 * Reads a flow sample into `packet`; false when it has neither a packet header nor a sampled IP record and so is no flow.
 * The structure has been checked.
 */
export function readFlowSample(bytes: Uint8Array, view: DataView, sample: Item, packet: SampledPacket): boolean {
  packet.clear(bytes)
  if (sample.format === EXPANDED_FLOW_SAMPLE) readExpanded(view, sample.start, packet)
  else readCompact(view, sample.start, packet)
  const found = findRecords(view, sample)
  if (found.header < 0 && found.ipv4 < 0 && found.ipv6 < 0) return false
  if (found.header >= 0) readHeader(view, headerAt(view, found.header), packet)
  else if (found.ethernet >= 0) readEthernetFrame(view, found.ethernet, packet)
  if (packet.srcAddr.length === 0) {
    if (found.ipv4 >= 0) readSampledIp(view, found.ipv4, 4, packet)
    else if (found.ipv6 >= 0) readSampledIp(view, found.ipv6, 16, packet)
  }
  if (found.vlans >= 0) readSwitch(view, found.vlans, packet)
  if (found.router >= 0) readRouter(view, found.router, packet)
  if (found.gateway >= 0) readGateway(view, found.gateway, packet)
  return true
}

/** Both forms: sequence, source, rate, pool, drops, input, output, number of records. */
function readCompact(view: DataView, at: number, packet: SampledPacket): void {
  packet.sampleSequence = view.getUint32(at)
  packet.sourceIdType = view.getUint8(at + 4)
  packet.sourceId = view.getUint32(at + 4) & 0xffffff
  readRates(view, at + 8, packet)
  const [input, output] = [view.getUint32(at + 20), view.getUint32(at + 24)]
  setInput(packet, input >>> 30, input & INTERNAL)
  setOutput(packet, output >>> 30, output & INTERNAL)
}

function readExpanded(view: DataView, at: number, packet: SampledPacket): void {
  packet.sampleSequence = view.getUint32(at)
  packet.sourceIdType = view.getUint32(at + 4)
  packet.sourceId = view.getUint32(at + 8)
  readRates(view, at + 12, packet)
  setInput(packet, view.getUint32(at + 24), view.getUint32(at + 28))
  setOutput(packet, view.getUint32(at + 32), view.getUint32(at + 36))
}

function readRates(view: DataView, at: number, packet: SampledPacket): void {
  packet.samplingRate = view.getUint32(at)
  packet.samplePool = view.getUint32(at + 4)
  packet.drops = view.getUint32(at + 8)
}

const isIndex = (format: number, value: number): boolean => format === 0 && value !== INTERNAL

function setInput(packet: SampledPacket, format: number, value: number): void {
  packet.inputIf = isIndex(format, value) ? value : 0
  if (isIndex(format, value)) return
  packet.inputFormat = format
  packet.inputValue = value
}

function setOutput(packet: SampledPacket, format: number, value: number): void {
  packet.outputIf = isIndex(format, value) ? value : 0
  if (isIndex(format, value)) return
  packet.outputFormat = format
  packet.outputValue = value
}

const record: Item = { format: 0, start: 0, end: 0, next: 0 }
const found: Found = { header: -1, ethernet: -1, ipv4: -1, ipv6: -1, vlans: -1, router: -1, gateway: -1 }
const KINDS: { readonly [format: number]: keyof Found } = {
  [RAW_HEADER]: 'header',
  [ETHERNET_FRAME]: 'ethernet',
  [SAMPLED_IPV4]: 'ipv4',
  [SAMPLED_IPV6]: 'ipv6',
  [EXTENDED_SWITCH]: 'vlans',
  [EXTENDED_ROUTER]: 'router',
  [EXTENDED_GATEWAY]: 'gateway',
}

function findRecords(view: DataView, { format, start, end }: Item): Found {
  found.header = found.ethernet = found.ipv4 = found.ipv6 = found.vlans = found.router = found.gateway = -1
  const header = SAMPLE_HEADER[format]!
  const records = view.getUint32(start + header - 4)
  for (let i = 0, at = start + header; i < records && readItem(view, at, end, record); i++, at = record.next) {
    const kind = KINDS[record.format]
    if (kind && found[kind] < 0) found[kind] = record.start
  }
  return found
}

function headerAt(view: DataView, at: number): SampledHeader {
  return {
    protocol: view.getUint32(at),
    frameLength: view.getUint32(at + 4),
    stripped: view.getUint32(at + 8),
    at: at + 16,
    end: at + 16 + view.getUint32(at + 12),
  }
}

/** Length, source and destination MAC (8 octets each, 6 used), type: for samples without a raw header. */
function readEthernetFrame(view: DataView, at: number, packet: SampledPacket): void {
  packet.frameLength = view.getUint32(at)
  packet.srcMac.set(at + 4, 6)
  packet.dstMac.set(at + 12, 6)
  packet.etherType = view.getUint32(at + 20)
}

/** Length, protocol, addresses, ports, TCP flags, type of service. */
function readSampledIp(view: DataView, at: number, length: 4 | 16, packet: SampledPacket): void {
  const after = at + 8 + 2 * length
  const proto = view.getUint32(at + 4) & 0xff
  packet.octets = view.getUint32(at)
  packet.proto = proto
  packet.srcAddr.set(at + 8, length)
  packet.dstAddr.set(at + 8 + length, length)
  packet.tos = view.getUint32(after + 12) & 0xff
  if (hasPorts(proto)) {
    packet.srcPort = view.getUint32(after) & 0xffff
    packet.dstPort = view.getUint32(after + 4) & 0xffff
  }
  if (hasTcpFlags(proto)) packet.tcpFlags = view.getUint32(after + 8) & 0xff
}

const isVlan = (vlan: number): boolean => vlan >= 1 && vlan <= 4094

function readSwitch(view: DataView, at: number, packet: SampledPacket): void {
  const [src, dst] = [view.getUint32(at), view.getUint32(at + 8)]
  if (isVlan(src)) packet.vlan = src
  if (isVlan(dst)) packet.dstVlan = dst
}

function readRouter(view: DataView, at: number, packet: SampledPacket): void {
  const length = hopLength(view, at)
  packet.nextHop.set(at + 4, length - 4)
  packet.srcMask = view.getUint32(at + length)
  packet.dstMask = view.getUint32(at + length + 4)
}

/** The destination AS is the last of the last path segment. */
function readGateway(view: DataView, start: number, packet: SampledPacket): void {
  const length = hopLength(view, start)
  packet.bgpNextHop.set(start + 4, length - 4)
  let at = start + length
  packet.routerAs = view.getUint32(at)
  packet.srcAs = view.getUint32(at + 4)
  packet.srcPeerAs = view.getUint32(at + 8)
  const segments = view.getUint32(at + 12)
  at += 16
  for (let i = 0; i < segments; i++) {
    const count = view.getUint32(at + 4)
    at += 8 + count * 4
    packet.dstAs = count > 0 ? view.getUint32(at - 4) : -1
  }
}
