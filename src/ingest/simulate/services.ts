/** What a kind of conversation looks like on the wire. Packet counts are heavy-tailed between `least` and `most`. */
export interface Service {
  readonly proto: number
  /** Server port; 0 draws a high port per server (peer to peer); for ICMP type * 256 + code of the request. */
  readonly port: number
  /** Share of conversations by day and by night, in any unit. */
  readonly day: number
  readonly night: number
  /** Packets from client to server. */
  readonly least: number
  readonly most: number
  /** Packets back per packet there. */
  readonly back: number
  /** Mean octets per packet, there and back. */
  readonly octets: readonly [number, number]
  /** Mean time between packets, milliseconds. */
  readonly gapMs: number
  /** Of 256 conversations, how many get an answer. */
  readonly answered: number
}

const TCP = 6
const UDP = 17
const ICMP = 1

/** Enough of what a campus or an access network carries; the first entry is drawn when nothing else is. */
export const SERVICES: readonly Service[] = [
  service(TCP, 443, 340, 200, { least: 6, most: 400_000, back: 1.6, octets: [140, 1150] }),
  service(UDP, 443, 180, 90, { least: 5, most: 250_000, back: 2.1, octets: [110, 1180] }),
  service(UDP, 53, 190, 150, { least: 1, most: 4, back: 1, octets: [68, 190], gapMs: 20 }),
  service(TCP, 80, 60, 50, { least: 4, most: 60_000, back: 1.5, octets: [180, 1050] }),
  service(UDP, 123, 14, 20, { least: 1, most: 3, back: 1, octets: [76, 76], gapMs: 2000 }),
  service(TCP, 22, 9, 12, { least: 12, most: 900_000, back: 0.9, octets: [120, 210], gapMs: 60 }),
  service(TCP, 993, 14, 8, { least: 8, most: 20_000, back: 1.3, octets: [110, 620], gapMs: 90 }),
  service(TCP, 25, 7, 9, { least: 9, most: 30_000, back: 0.6, octets: [760, 84] }),
  service(TCP, 587, 4, 2, { least: 9, most: 20_000, back: 0.6, octets: [700, 90] }),
  service(TCP, 3389, 4, 1, { least: 30, most: 400_000, back: 1.4, octets: [95, 520], gapMs: 35 }),
  service(TCP, 445, 13, 22, { least: 10, most: 700_000, back: 1.2, octets: [310, 900] }),
  service(TCP, 873, 1, 30, { least: 100, most: 2_000_000, back: 0.5, octets: [1380, 60], gapMs: 2 }),
  service(TCP, 8080, 10, 6, { least: 5, most: 50_000, back: 1.4, octets: [200, 940] }),
  service(TCP, 5432, 8, 10, { least: 6, most: 90_000, back: 1.1, octets: [160, 480] }),
  service(UDP, 5060, 5, 2, { least: 2, most: 40, back: 1, octets: [540, 510], gapMs: 400 }),
  service(UDP, 161, 9, 10, { least: 1, most: 60, back: 1, octets: [92, 148], gapMs: 30 }),
  service(UDP, 514, 6, 6, { least: 1, most: 500, back: 0, octets: [210, 0], gapMs: 250, answered: 0 }),
  service(UDP, 3478, 10, 4, { least: 20, most: 300_000, back: 1, octets: [640, 660], gapMs: 20 }),
  service(UDP, 0, 40, 45, { least: 2, most: 90_000, back: 1.1, octets: [420, 560], answered: 180 }),
  service(TCP, 0, 22, 25, { least: 4, most: 300_000, back: 1.2, octets: [320, 800] }),
  service(ICMP, 8 << 8, 24, 24, { least: 1, most: 60, back: 1, octets: [84, 84], gapMs: 1000 }),
  // Scans: one or two small packets, hardly ever an answer.
  service(TCP, 23, 10, 14, { least: 1, most: 3, back: 1, octets: [44, 40], answered: 12 }),
  service(TCP, 2222, 6, 8, { least: 1, most: 3, back: 1, octets: [44, 40], answered: 12 }),
  service(UDP, 1900, 5, 6, { least: 1, most: 3, back: 1, octets: [125, 310], answered: 20 }),
]

function service(
  proto: number,
  port: number,
  day: number,
  night: number,
  shape: Pick<Service, 'least' | 'most' | 'back' | 'octets'> & Partial<Service>,
): Service {
  return { gapMs: 12, answered: 244, ...shape, proto, port, day, night }
}

const SLOTS = 4096

/** 4,096 slots, each the index of a service, shared out by weight; a draw is one lookup. */
export function serviceSlots(time: 'day' | 'night'): Uint8Array {
  const slots = new Uint8Array(SLOTS)
  let total = 0
  for (const { [time]: weight } of SERVICES) total += weight
  let sum = 0
  let slot = 0
  for (let index = 0; index < SERVICES.length; index++) {
    sum += SERVICES[index]?.[time] ?? 0
    while (slot < Math.round((sum / total) * SLOTS)) slots[slot++] = index
  }
  return slots
}
