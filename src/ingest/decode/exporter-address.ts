import { isIPv4, isIPv6 } from 'node:net'

/** Address of the device that sent a datagram. Make it once per sender and reuse it: the decoder keys its caches by `text`. */
export interface ExporterAddress {
  readonly family: 4 | 6
  /** The IPv4 address as an unsigned integer; 0 for IPv6. */
  readonly v4: number
  /** 16 bytes in network order; zero for IPv4. */
  readonly v6: Uint8Array
  /** RFC 5952 form. */
  readonly text: string
}

const NO_V6 = new Uint8Array(16)

/** The exporter address written as text (a zone such as `%eth0` is dropped, IPv4-mapped becomes IPv4); undefined when it is not an address. */
export function parseExporter(text: string): ExporterAddress | undefined {
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text
  if (isIPv4(bare)) return fromV4(bare.split('.').reduce((value, part) => value * 256 + Number(part), 0))
  if (!isIPv6(bare)) return undefined
  return exporterFromBytes(bytesOfV6(bare), 0, 16)
}

/** The exporter address held in 4 or 16 bytes of `bytes`; IPv4-mapped becomes IPv4. */
export function exporterFromBytes(bytes: Uint8Array, offset: number, length: 4 | 16): ExporterAddress {
  if (length === 4) return fromV4(readV4(bytes, offset))
  if (isMapped(bytes, offset)) return fromV4(readV4(bytes, offset + 12))
  const v6 = bytes.slice(offset, offset + 16)
  return { family: 6, v4: 0, v6, text: v6Text(v6) }
}

function fromV4(v4: number): ExporterAddress {
  const text = `${v4 >>> 24}.${(v4 >>> 16) & 255}.${(v4 >>> 8) & 255}.${v4 & 255}`
  return { family: 4, v4, v6: NO_V6, text }
}

function readV4(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! * 0x1000000 + ((bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!)) >>> 0
  )
}

function isMapped(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false
  return bytes[offset + 10] === 255 && bytes[offset + 11] === 255
}

function bytesOfV6(text: string): Uint8Array {
  const bytes = new Uint8Array(16)
  const [head = '', tail] = dottedToGroups(text).split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last]
  for (const [i, group] of groups.entries()) {
    const value = Number.parseInt(group, 16)
    bytes[2 * i] = value >> 8
    bytes[2 * i + 1] = value & 255
  }
  return bytes
}

/** `::ffff:192.0.2.1` as `::ffff:c000:201`. */
function dottedToGroups(text: string): string {
  if (!text.includes('.')) return text
  const cut = text.lastIndexOf(':') + 1
  const [a = 0, b = 0, c = 0, d = 0] = text.slice(cut).split('.').map(Number)
  return `${text.slice(0, cut)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** RFC 5952 text of 16 bytes, without the dotted notation. */
function v6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > length) [start, length] = [i, run]
    i += run
  }
  const hex = groups.map((group) => group.toString(16))
  if (start < 0) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}
