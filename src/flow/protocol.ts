/** IP protocol numbers with the names people write (IANA, lower case); the first name of a number is the one printed. */
const PROTOCOLS: readonly (readonly [number, string])[] = [
  [0, 'hopopt'],
  [1, 'icmp'],
  [2, 'igmp'],
  [4, 'ipip'],
  [4, 'ipv4'],
  [6, 'tcp'],
  [8, 'egp'],
  [9, 'igp'],
  [17, 'udp'],
  [27, 'rdp'],
  [33, 'dccp'],
  [41, 'ipv6'],
  [43, 'ipv6-route'],
  [44, 'ipv6-frag'],
  [46, 'rsvp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmp6'],
  [58, 'ipv6-icmp'],
  [59, 'ipv6-nonxt'],
  [60, 'ipv6-opts'],
  [88, 'eigrp'],
  [89, 'ospf'],
  [103, 'pim'],
  [112, 'vrrp'],
  [115, 'l2tp'],
  [132, 'sctp'],
  [136, 'udplite'],
]

const NUMBERS: ReadonlyMap<string, number> = new Map(PROTOCOLS.map(([number, name]) => [name, number]))
const NAMES: ReadonlyMap<number, string> = new Map(PROTOCOLS.toReversed())

/** The number of a protocol by name, in any case; undefined when the name is not known. */
export function protocolNumber(name: string): number | undefined {
  return NUMBERS.get(name.toLowerCase())
}

/** The name of a protocol; undefined when it has none here. */
export function protocolName(number: number): string | undefined {
  return NAMES.get(number)
}
