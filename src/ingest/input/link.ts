/** Link types of captures (https://www.tcpdump.org/linktypes.html) that can be looked into. */
const NULL = 0
const ETHERNET = 1
const RAW_BSD = 12
const RAW_OPENBSD = 14
const RAW = 101
const LOOP = 108
const LINUX_SLL = 113
const IPV4 = 228
const IPV6 = 229
const LINUX_SLL2 = 276

const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
const ETHERTYPE_PPPOE = 0x8864
const PPP_IPV4 = 0x0021
const PPP_IPV6 = 0x0057
/** Unicast and multicast. */
const isMpls = (type: number): boolean => type === 0x8847 || type === 0x8848
/** Customer and service tags (802.1Q, 802.1ad) and the older values for stacked ones. */
const isTag = (type: number): boolean => type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200

/** Where an EtherType stands in every packet of this link type; below 0 where it does not. */
export function etherTypeOffset(linkType: number): number {
  return linkType === ETHERNET ? 12 : linkType === LINUX_SLL ? 14 : -1
}

/** Whether packets of this link type can be looked into. */
export function isKnownLink(linkType: number): boolean {
  return ipOffset(NOTHING, 0, 0, linkType) !== UNKNOWN_LINK
}

/** The link type is not one of those above. */
const UNKNOWN_LINK = -2
const NOTHING = new Uint8Array(0)

/** Where the IP header of the packet `bytes[at .. end)` begins; below 0 when there is none: not IP, or cut before it. */
export function ipOffset(bytes: Uint8Array, at: number, end: number, linkType: number): number {
  switch (linkType) {
    case ETHERNET:
    case LINUX_SLL:
      return afterEtherType(bytes, at + etherTypeOffset(linkType), end)
    case LINUX_SLL2:
      return isEtherType(bytes, at, end) ? at + 20 : tagged(bytes, at, end)
    case RAW:
    case RAW_BSD:
    case RAW_OPENBSD:
    case IPV4:
    case IPV6:
      return at < end ? at : -1
    case NULL:
    case LOOP:
      return at + 4 < end ? at + 4 : -1
    default:
      return UNKNOWN_LINK
  }
}

/** Steps over VLAN tags, MPLS labels and PPPoE from the EtherType at `at`. */
function afterEtherType(bytes: Uint8Array, at: number, end: number): number {
  for (let next = at; next + 2 <= end; next += 4) {
    if (isEtherType(bytes, next, end)) return next + 2
    const type = etherType(bytes, next)
    if (isMpls(type)) return afterLabels(bytes, next + 2, end)
    if (type === ETHERTYPE_PPPOE) return afterPppoe(bytes, next + 2, end)
    if (!isTag(type)) return -1
  }
  return -1
}

/** Behind the label at the bottom of the stack (RFC 3032 section 2.1); what follows tells by its first four bits whether it is IP. */
function afterLabels(bytes: Uint8Array, at: number, end: number): number {
  for (let next = at; next + 4 < end; next += 4) if ((bytes[next + 2]! & 1) === 1) return next + 4
  return -1
}

/** Behind the header of a PPPoE session (RFC 2516 section 4) when PPP carries IP. */
function afterPppoe(bytes: Uint8Array, at: number, end: number): number {
  if (at + 8 >= end) return -1
  const protocol = etherType(bytes, at + 6)
  return protocol === PPP_IPV4 || protocol === PPP_IPV6 ? at + 8 : -1
}

/** Linux cooked v2 has its protocol in front; tags of a tagged frame follow the header of 20 bytes. */
function tagged(bytes: Uint8Array, at: number, end: number): number {
  if (at + 24 > end || !isTag(etherType(bytes, at))) return -1
  return afterEtherType(bytes, at + 22, end)
}

function isEtherType(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 2 > end) return false
  const type = etherType(bytes, at)
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6
}

function etherType(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
