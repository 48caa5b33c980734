import { Random } from '../../../src/ingest/simulate/random.ts'
import { bytes, type Captured, ethernet, ipv4, ipv6, pcap, u16, u32 } from '../../ingest/packets.ts'

/** Octets and packets. */
export interface Volume {
  bytes: number
  packets: number
}

/** Packets for a meter, with what it must find in them. */
export interface Traffic {
  readonly capture: Uint8Array
  /** Octets and packets by destination port; ICMP is not among them. */
  readonly ports: ReadonlyMap<number, Volume>
}

const START_SECONDS = 1_790_000_000
const TCP = 6
const UDP = 17
const SERVICES = [53, 80, 123, 443, 8080, 51_820] as const

/** Hosts of a few /24 networks (IPv6: /64) that talk TCP, UDP over IPv4 and, when asked for, IPv6, over a minute. */
export function makeTraffic(seed: number, packets: number, { withIpv6 = false } = {}): Traffic {
  const random = new Random(seed)
  const ports = new Map<number, Volume>()
  const captured: Captured[] = []
  for (let i = 0; i < packets; i++) {
    const service = SERVICES[random.below(SERVICES.length)]!
    const client = 40_000 + random.below(8)
    const toService = random.below(3) > 0
    const [from, to] = toService ? [client, service] : [service, client]
    const proto = random.below(2) === 0 ? TCP : UDP
    const body = segment(proto, from, to, random.below(1200))
    const packet = withIpv6 && random.below(3) === 0 ? overIpv6(random, proto, body) : overIpv4(random, proto, body)
    addTo(ports, to, packet.length)
    const at = (i * 60) / packets
    captured.push({
      seconds: START_SECONDS + Math.floor(at),
      fraction: Math.floor((at % 1) * 1e6),
      packet: ethernet(packet),
    })
  }
  return { capture: pcap(captured), ports }
}

export function addTo(ports: Map<number, Volume>, port: number, octets: number): void {
  const sum = ports.get(port) ?? { bytes: 0, packets: 0 }
  sum.bytes += octets
  sum.packets++
  ports.set(port, sum)
}

function segment(proto: number, from: number, to: number, length: number): Uint8Array {
  const ports = [u16(from), u16(to)]
  const data = new Uint8Array(length)
  if (proto === UDP) return bytes(...ports, u16(8 + length), u16(0), data)
  return bytes(...ports, u32(1), u32(1), [0x50, 0x10], u16(1000), u16(0), u16(0), data)
}

const overIpv4 = (random: Random, proto: number, body: Uint8Array): Uint8Array =>
  ipv4(body, {
    proto,
    source: [10, 1, random.below(3), 1 + random.below(6)],
    destination: [192, 168, 10 + random.below(3), 1 + random.below(6)],
  })

function overIpv6(random: Random, proto: number, body: Uint8Array): Uint8Array {
  const host = (net: number): number[] => [0x20, 1, 0xd, 0xb8, 0, 0, 0, net, 0, 0, 0, 0, 0, 0, 0, 1 + random.below(4)]
  return ipv6(body, proto, host(random.below(2)), host(16 + random.below(2)))
}
