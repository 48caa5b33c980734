import type { SampledPacket } from './packet.ts'

/** Header protocols of a raw packet header record (sFlow v5, enum header_protocol). */
const ETHERNET = 1
const IPV4 = 11
const IPV6 = 12
const MPLS = 13

const TAGS = new Set([0x8100, 0x88a8, 0x9100, 0x9200])
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
const ETHERTYPES_MPLS = new Set([0x8847, 0x8848])

/** A sampled header: octets [at, end) of the datagram, of a frame of `frameLength` octets whose last `stripped` are left out. */
export interface SampledHeader {
  readonly protocol: number
  readonly frameLength: number
  readonly stripped: number
  readonly at: number
  readonly end: number
}

/** Reads a sampled header, as far as it goes, into `packet`. Tunnels are not looked into: the outer header counts. */
export function readHeader(view: DataView, header: SampledHeader, packet: SampledPacket): void {
  packet.headerProtocol = header.protocol
  packet.frameLength = header.frameLength
  packet.octets = header.frameLength
  switch (header.protocol) {
    case ETHERNET:
      readEthernet(view, header, packet)
      break
    case IPV4:
      readIPv4(view, header, header.at, packet)
      break
    case IPV6:
      readIPv6(view, header, header.at, packet)
      break
    case MPLS:
      readMpls(view, header, header.at, packet)
      break
  }
}

function readEthernet(view: DataView, header: SampledHeader, packet: SampledPacket): void {
  let { at } = header
  if (header.end - at < 14) return
  packet.dstMac.set(at, 6)
  packet.srcMac.set(at + 6, 6)
  let type = view.getUint16(at + 12)
  at += 14
  for (let tags = 0; TAGS.has(type) && header.end - at >= 4; tags++, at += 4) {
    const vlan = view.getUint16(at) & 0xfff
    if (tags === 0) packet.vlan = vlan > 0 ? vlan : -1
    else if (tags === 1) packet.innerVlan = vlan
    type = view.getUint16(at + 2)
  }
  packet.etherType = type
  if (type === ETHERTYPE_IPV4) readIPv4(view, header, at, packet)
  else if (type === ETHERTYPE_IPV6) readIPv6(view, header, at, packet)
  else if (ETHERTYPES_MPLS.has(type)) readMpls(view, header, at, packet)
}

/** Labels up to the bottom of the stack, then IPv4 or IPv6 by the first nibble. */
function readMpls(view: DataView, header: SampledHeader, start: number, packet: SampledPacket): void {
  let at = start
  let bottom = false
  while (!bottom && header.end - at >= 4) {
    bottom = (view.getUint8(at + 2) & 1) === 1
    at += 4
  }
  packet.labels.set(start, at - start)
  if (!bottom || at >= header.end) return
  const nibble = view.getUint8(at) >> 4
  if (nibble === 4) readIPv4(view, header, at, packet)
  else if (nibble === 6) readIPv6(view, header, at, packet)
}

function readIPv4(view: DataView, header: SampledHeader, at: number, packet: SampledPacket): void {
  if (header.end - at < 20 || view.getUint8(at) >> 4 !== 4) return
  packet.tos = view.getUint8(at + 1)
  packet.proto = view.getUint8(at + 9)
  packet.srcAddr.set(at + 12, 4)
  packet.dstAddr.set(at + 16, 4)
  setOctets(packet, header, at, view.getUint16(at + 2))
  const fragmentOffset = view.getUint16(at + 6) & 0x1fff
  const headerLength = (view.getUint8(at) & 15) * 4
  if (fragmentOffset === 0 && headerLength >= 20) readTransport(view, at + headerLength, header.end, packet)
}

function readIPv6(view: DataView, header: SampledHeader, at: number, packet: SampledPacket): void {
  if (header.end - at < 40 || view.getUint8(at) >> 4 !== 6) return
  packet.tos = (view.getUint16(at) >> 4) & 0xff
  packet.srcAddr.set(at + 8, 16)
  packet.dstAddr.set(at + 24, 16)
  const payload = view.getUint16(at + 4)
  setOctets(packet, header, at, payload === 0 ? 0 : payload + 40)
  const transport = skipExtensions(view, at, header.end, packet)
  if (transport >= 0) readTransport(view, transport, header.end, packet)
}

/** Octets of the IP packet: as its header says, or when that is 0 what the frame has from it on. */
function setOctets(
  packet: SampledPacket,
  { frameLength, stripped, at: start }: SampledHeader,
  at: number,
  said: number,
): void {
  packet.octets = said > 0 ? said : Math.max(0, frameLength - stripped - (at - start))
}

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const AUTHENTICATION = 51
const DESTINATION_OPTIONS = 60
const MOBILITY = 135
const HIP = 139
const SHIM6 = 140
const EXTENSIONS = new Set([
  ...[HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION_OPTIONS, MOBILITY, HIP, SHIM6],
])

/** Follows the extension headers, setting `proto` to the last next header known; returns where the transport header is, or -1 when there is none. */
function skipExtensions(view: DataView, ip: number, end: number, packet: SampledPacket): number {
  let next = view.getUint8(ip + 6)
  let at = ip + 40
  packet.proto = next
  while (EXTENSIONS.has(next)) {
    if (end - at < 8) return -1
    const fragmentOffset = next === FRAGMENT ? view.getUint16(at + 2) >> 3 : 0
    const length = extensionLength(next, view.getUint8(at + 1))
    next = view.getUint8(at)
    packet.proto = next
    if (fragmentOffset > 0) return -1
    at += length
  }
  return at
}

function extensionLength(type: number, said: number): number {
  if (type === FRAGMENT) return 8
  return type === AUTHENTICATION ? (said + 2) * 4 : (said + 1) * 8
}

const TCP = 6
const ICMP = new Set([1, 58])
/** TCP, UDP, DCCP, SCTP, UDP-Lite. */
const WITH_PORTS = new Set([TCP, 17, 33, 132, 136])

function readTransport(view: DataView, at: number, end: number, packet: SampledPacket): void {
  if (WITH_PORTS.has(packet.proto) && end - at >= 4) {
    packet.srcPort = view.getUint16(at)
    packet.dstPort = view.getUint16(at + 2)
  }
  if (packet.proto === TCP && end - at >= 14) packet.tcpFlags = view.getUint8(at + 13)
  if (ICMP.has(packet.proto) && end - at >= 2) {
    packet.icmpType = view.getUint8(at)
    packet.icmpCode = view.getUint8(at + 1)
  }
}

/** Whether a protocol of a sampled IP record has ports, and TCP flags. */
export const hasPorts = (proto: number): boolean => WITH_PORTS.has(proto)
export const hasTcpFlags = (proto: number): boolean => proto === TCP
