import type { AddressColumn, PrefixColumn } from './column.ts'
import { FlowError } from './errors.ts'

/** What addresses and prefixes have in common as columns: family, IPv4 value, IPv6 bytes. */
export type AddressArrays = Pick<AddressColumn | PrefixColumn, 'family' | 'v4' | 'v6'>

/**
 * Reads an address: dotted IPv4, or IPv6 in any form of RFC 4291 section 2.2 without a zone. Returns 4 or 16 bytes in network order;
 * an IPv4-mapped IPv6 address (what a dual-stack socket reports) comes back as the IPv4 address. Throws `bad-address`.
 */
export function parseAddress(text: string): Uint8Array {
  return unmapAddress(parseAddressExact(text))
}

/** As `parseAddress`, but an IPv4-mapped address stays IPv6: for text that stands for a value already stored. */
export function parseAddressExact(text: string): Uint8Array {
  const bytes = text.includes(':') ? parse6(text) : parse4(text)
  if (!bytes) {
    throw new FlowError('bad-address', `flow: address expected IPv4 or IPv6, got ${JSON.stringify(text)}`, { text })
  }
  return bytes
}

/** The IPv4 address inside an IPv4-mapped IPv6 address (::ffff:0:0/96); any other address as it is. */
export function unmapAddress(bytes: Uint8Array): Uint8Array {
  return isMapped(bytes) ? bytes.slice(12) : bytes
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false
  return true
}

const OCTET = /^(?:0|[1-9]\d{0,2})$/
const GROUP = /^[0-9a-f]{1,4}$/i

function parse4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [i, part] of parts.entries()) {
    if (!OCTET.test(part) || Number(part) > 255) return undefined
    bytes[i] = Number(part)
  }
  return bytes
}

function parse6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half, i) => groups(half, i === halves.length - 1))
  if (!head || (halves.length === 2 && !tail)) return undefined
  const missing = 16 - head.length - (tail?.length ?? 0)
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head)
  if (tail) bytes.set(tail, 16 - tail.length)
  return bytes
}

/** The bytes of colon-separated groups; the last of an address may be dotted IPv4. */
function groups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) {
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
      continue
    }
    const dotted = isLast && i === parts.length - 1 ? parse4(part) : undefined
    if (!dotted) return undefined
    bytes.push(...dotted)
  }
  return bytes
}

/** The address of a row as text, IPv6 in the form of RFC 5952 without dotted IPv4; empty when the row has none. */
export function formatAddress(column: AddressArrays, row: number): string {
  switch (column.family[row]) {
    case 4:
      return format4(column.v4[row]!)
    case 6:
      return format6(column.v6, row * 16)
    default:
      return ''
  }
}

/** The address in `length` bytes (4 or 16; 0 is no address) from `offset` as text. Throws `bad-address` for any other length. */
export function formatAddressBytes(bytes: Uint8Array, offset = 0, length = bytes.length - offset): string {
  if (length === 4) return format4(read4(bytes, offset))
  if (length === 16) return format6(bytes, offset)
  if (length === 0) return ''
  throw badLength(length)
}

function format4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`
}

/** RFC 5952 section 4: lower case, no leading zeros, `::` for the first longest run of two or more zero groups. */
function format6(bytes: Uint8Array, offset: number): string {
  const parts: number[] = []
  for (let i = 0; i < 16; i += 2) parts.push((bytes[offset + i]! << 8) | bytes[offset + i + 1]!)
  let from = 0
  let longest = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && parts[end] === 0) end++
    if (end - i > longest) [from, longest] = [i, end - i]
    if (end > i) i = end
  }
  const text = (slice: number[]): string => slice.map((part) => part.toString(16)).join(':')
  if (longest < 2) return text(parts)
  return `${text(parts.slice(0, from))}::${text(parts.slice(from + longest))}`
}

/**
 * Stores the address in `length` bytes (4 or 16; 0 is no address) from `offset` as row `row`, as it is: IPv4-mapped addresses stay IPv6
 * (use `unmapAddress` for exporters). Throws `bad-address` for any other length.
 */
export function writeAddress(
  column: AddressArrays,
  row: number,
  bytes: Uint8Array,
  offset = 0,
  length = bytes.length - offset,
): void {
  if (length !== 0 && length !== 4 && length !== 16) throw badLength(length)
  column.family[row] = length === 4 ? 4 : length === 16 ? 6 : 0
  column.v4[row] = length === 4 ? read4(bytes, offset) : 0
  const at = row * 16
  if (length === 16) for (let i = 0; i < 16; i++) column.v6[at + i] = bytes[offset + i]!
  else column.v6.fill(0, at, at + 16)
}

/** The bytes of a row's address: 4, 16, or none. */
export function addressBytes(column: AddressArrays, row: number): Uint8Array {
  const family = column.family[row]
  if (family === 6) return column.v6.slice(row * 16, row * 16 + 16)
  if (family !== 4) return new Uint8Array(0)
  const value = column.v4[row]!
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** Canonical order of two rows: no address, IPv4, IPv6; then by unsigned bytes. Negative, 0 or positive. */
export function compareAddressRows(a: AddressArrays, rowA: number, b: AddressArrays, rowB: number): number {
  const family = a.family[rowA]!
  if (family !== b.family[rowB]) return family - b.family[rowB]!
  if (family === 4) return a.v4[rowA]! - b.v4[rowB]!
  if (family !== 6) return 0
  const atA = rowA * 16
  const atB = rowB * 16
  for (let i = 0; i < 16; i++) {
    const difference = a.v6[atA + i]! - b.v6[atB + i]!
    if (difference !== 0) return difference
  }
  return 0
}

function read4(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}

function badLength(length: number): FlowError {
  return new FlowError('bad-address', `flow: address expected 0, 4 or 16 bytes, got ${length}`, { length })
}
