import { exporterFromBytes } from '../../src/ingest/decode/exporter-address.ts'

/** Builders of captured packets and capture files for tests, written from the RFCs and independent of src/. */

export const SENDER = [192, 0, 2, 9] as const
export const SENDER6 = Array.from(
  exporterFromBytes(Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]), 0, 16).v6,
)
export const PORT = 40_000

export const bytes = (...parts: readonly (readonly number[] | Uint8Array | number)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])))

export const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255]
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]

export function udp(payload: Uint8Array, sourcePort = PORT): Uint8Array {
  return bytes(u16(sourcePort), u16(2055), u16(8 + payload.length), u16(0), payload)
}

const RECEIVER = [198, 51, 100, 1] as const

export interface Ipv4Options {
  readonly proto?: number
  /** The field of flags and offset. */
  readonly fragment?: number
  readonly id?: number
  /** Octets of options. */
  readonly options?: number
  readonly source?: readonly number[]
  readonly destination?: readonly number[]
}

export function ipv4(payload: Uint8Array, given: Ipv4Options = {}): Uint8Array {
  const { proto = 17, fragment = 0, id = 7, options = 0, source = SENDER, destination = RECEIVER } = given
  const header = 20 + options
  return bytes(
    [0x40 | (header / 4), 0],
    u16(header + payload.length),
    u16(id),
    u16(fragment),
    [64, proto],
    u16(0),
    source,
    destination,
    new Uint8Array(options),
    payload,
  )
}

export function ipv6(
  payload: Uint8Array,
  next = 17,
  source: ArrayLike<number> = SENDER6,
  destination: ArrayLike<number> = new Uint8Array(16),
): Uint8Array {
  const addresses = [...Array.from(source), ...Array.from(destination)]
  return bytes([0x60, 0, 0, 0], u16(payload.length), [next, 64], addresses, payload)
}

export const MACS = new Uint8Array(12)

export function ethernet(
  packet: Uint8Array,
  type = packet[0]! >> 4 === 6 ? 0x86dd : 0x0800,
  tags: readonly number[] = [],
): Uint8Array {
  return bytes(MACS, ...tags.flatMap((tag) => [u16(tag), u16(100)]), u16(type), packet)
}

export interface PcapOptions {
  readonly littleEndian?: boolean
  readonly nanoseconds?: boolean
  readonly linkType?: number
}

export interface Captured {
  readonly seconds: number
  readonly fraction: number
  readonly packet: Uint8Array
}

export function pcap(packets: readonly Captured[], options: PcapOptions = {}): Uint8Array {
  const { littleEndian = true, nanoseconds = false, linkType = 1 } = options
  const word = endian(littleEndian)
  const magic = nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4
  const half = littleEndian ? [2, 0, 4, 0] : [0, 2, 0, 4]
  return bytes(
    word(magic),
    half,
    word(0),
    word(0),
    word(65_535),
    word(linkType),
    ...packets.flatMap(({ seconds, fraction, packet }) => [
      word(seconds),
      word(fraction),
      word(packet.length),
      word(packet.length),
      packet,
    ]),
  )
}

export const endian =
  (littleEndian: boolean) =>
  (value: number): number[] =>
    littleEndian ? u32(value).reverse() : u32(value)

/** A pcapng block of `type` with its body padded to four bytes. */
export function block(type: number, body: Uint8Array, littleEndian: boolean): Uint8Array {
  const word = endian(littleEndian)
  const padded = bytes(body, new Uint8Array((4 - (body.length % 4)) % 4))
  return bytes(word(type), word(12 + padded.length), padded, word(12 + padded.length))
}

export function sectionHeader(littleEndian: boolean): Uint8Array {
  const half = littleEndian ? [1, 0, 0, 0] : [0, 1, 0, 0]
  return block(0x0a0d0d0a, bytes(endian(littleEndian)(0x1a2b3c4d), half, new Uint8Array(8).fill(255)), littleEndian)
}

/** `options`: code, value pairs. */
export function interfaceDescription(
  littleEndian: boolean,
  linkType = 1,
  options: readonly (readonly [number, Uint8Array])[] = [],
): Uint8Array {
  const half = (value: number): number[] => (littleEndian ? u16(value).reverse() : u16(value))
  const coded = options.flatMap(([code, value]) => [
    half(code),
    half(value.length),
    value,
    new Uint8Array((4 - (value.length % 4)) % 4),
  ])
  return block(1, bytes(half(linkType), half(0), endian(littleEndian)(65_535), ...coded, [0, 0, 0, 0]), littleEndian)
}

export function enhancedPacket(littleEndian: boolean, ticks: bigint, packet: Uint8Array, interfaceId = 0): Uint8Array {
  const word = endian(littleEndian)
  const body = bytes(
    word(interfaceId),
    word(Number(ticks >> 32n)),
    word(Number(ticks & 0xffffffffn)),
    word(packet.length),
    word(packet.length),
    packet,
  )
  return block(6, body, littleEndian)
}
