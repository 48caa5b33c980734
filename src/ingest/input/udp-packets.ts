import type { ExporterAddress } from '../decode/exporter-address.ts'
import { ExporterAddresses } from '../decode/exporter-addresses.ts'
import type { DatagramHandler } from './datagram.ts'
import { ipOffset, isKnownLink } from './link.ts'
import { Reassembly } from './reassembly.ts'

const UDP = 17
const FRAGMENT = 44
const AUTHENTICATION = 51
/** Hop-by-hop, routing, destination options, mobility, HIP, shim6: all start with next header and length in units of eight bytes. */
const isExtension = (header: number): boolean =>
  header === 0 || header === 43 || header === 60 || header === 135 || header === 139 || header === 140

/** Finds the UDP datagrams in captured packets. Fragmented ones are put together again. */
export class UdpPackets {
  /** Packets looked at. */
  packets = 0
  /** Of these, without a UDP datagram: other protocols, or cut before its header ends. Parts of a fragmented datagram are not among them. */
  skipped = 0
  /** The first link type that could not be looked into. */
  unknownLink: number | undefined
  readonly #onDatagram: DatagramHandler
  readonly #reassembly = new Reassembly()
  readonly #exporters = new ExporterAddresses()

  constructor(onDatagram: DatagramHandler) {
    this.#onDatagram = onDatagram
  }

  /** Fragmented datagrams that never became whole. */
  get abandoned(): number {
    return this.#reassembly.abandoned
  }

  packet = (bytes: Uint8Array, at: number, end: number, linkType: number, timeMs: number): void => {
    this.packets++
    const ip = ipOffset(bytes, at, end, linkType)
    const version = ip < 0 ? 0 : bytes[ip]! >> 4
    if (version === 4) this.#ipv4(bytes, ip, end, timeMs)
    else if (version === 6) this.#ipv6(bytes, ip, end, timeMs)
    else {
      this.skipped++
      if (this.unknownLink === undefined && !isKnownLink(linkType)) this.unknownLink = linkType
    }
  }

  /** To be called when the capture is over. */
  finish(): void {
    this.#reassembly.finish()
  }

  #ipv4(bytes: Uint8Array, at: number, end: number, timeMs: number): void {
    const header = (bytes[at]! & 15) * 4
    if (header < 20 || at + header > end || bytes[at + 9] !== UDP) {
      this.skipped++
      return
    }
    const length = u16(bytes, at + 2)
    const stop = length === 0 ? end : Math.min(end, at + length)
    const fragment = u16(bytes, at + 6)
    if ((fragment & 0x3fff) === 0) {
      this.#udp(bytes, at + header, stop, this.#exporters.v4(u32(bytes, at + 12)), timeMs)
      return
    }
    const key = `4 ${hex(bytes, at + 12, 8)} ${u16(bytes, at + 4)}`
    const part = bytes.subarray(at + header, Math.max(at + header, stop))
    const whole = this.#reassembly.add(key, (fragment & 0x1fff) * 8, part, (fragment & 0x2000) !== 0, timeMs)
    if (whole) this.#udp(whole, 0, whole.length, this.#exporters.v4(u32(bytes, at + 12)), timeMs)
  }

  #ipv6(bytes: Uint8Array, at: number, end: number, timeMs: number): void {
    const length = at + 40 > end ? 0 : u16(bytes, at + 4)
    const stop = length === 0 ? end : Math.min(end, at + 40 + length)
    let next = bytes[at + 6]!
    let upper = at + 40
    while ((isExtension(next) || next === AUTHENTICATION) && upper + 8 <= stop) {
      const header = upper
      upper += next === AUTHENTICATION ? (bytes[header + 1]! + 2) * 4 : (bytes[header + 1]! + 1) * 8
      next = bytes[header]!
    }
    if (next === FRAGMENT && upper + 8 <= stop) this.#fragment6(bytes, at, upper, stop, timeMs)
    else if (next === UDP && upper <= stop) this.#udp(bytes, upper, stop, this.#exporters.v6(bytes, at + 8), timeMs)
    else this.skipped++
  }

  #fragment6(bytes: Uint8Array, at: number, header: number, stop: number, timeMs: number): void {
    if (bytes[header] !== UDP) {
      this.skipped++
      return
    }
    const fragment = u16(bytes, header + 2)
    const key = `6 ${hex(bytes, at + 8, 32)} ${hex(bytes, header + 4, 4)}`
    const part = bytes.subarray(header + 8, stop)
    const whole = this.#reassembly.add(key, fragment & 0xfff8, part, (fragment & 1) !== 0, timeMs)
    if (whole) this.#udp(whole, 0, whole.length, this.#exporters.v6(bytes, at + 8), timeMs)
  }

  #udp(bytes: Uint8Array, at: number, end: number, exporter: ExporterAddress, timeMs: number): void {
    if (at + 8 > end) {
      this.skipped++
      return
    }
    const length = u16(bytes, at + 4)
    const stop = length < 8 ? end : Math.min(end, at + length)
    this.#onDatagram(bytes.subarray(at + 8, stop), exporter, u16(bytes, at), timeMs)
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 65_536 + u16(bytes, at + 2)
}

function hex(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('latin1')
}
