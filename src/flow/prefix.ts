import { addressBytes, formatAddress, formatAddressBytes, parseAddressExact, writeAddress } from './address.ts'
import type { PrefixColumn } from './column.ts'
import { FlowError } from './errors.ts'

/** A network: 4 or 16 bytes with zero host bits, and its length in bits. */
export interface Prefix {
  readonly bytes: Uint8Array
  readonly bits: number
}

const LENGTH = /^(?:0|[1-9]\d{0,2})$/

/** Reads `10.0.0.0/8` or `2001:db8::/32`; an address alone is a prefix of all its bits. Throws `bad-prefix`, also when host bits are set. */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf('/')
  const bytes = parseAddressExact(slash < 0 ? text : text.slice(0, slash))
  const suffix = slash < 0 ? String(bytes.length * 8) : text.slice(slash + 1)
  const bits = Number(suffix)
  if (!LENGTH.test(suffix) || bits > bytes.length * 8) {
    throw new FlowError('bad-prefix', `flow: prefix length expected 0..${bytes.length * 8}, got ${text}`, { text })
  }
  if (bytes.some((byte, i) => (byte & networkMask(bits, i)) !== byte)) {
    const expected = formatPrefixBytes(maskAddress(bytes, bits), bits)
    const message = `flow: prefix expected zero host bits (${expected}), got ${text}`
    throw new FlowError('bad-prefix', message, { text, expected })
  }
  return { bytes, bits }
}

/** The address with all but its first `bits` bits zero. */
export function maskAddress(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => byte & networkMask(bits, i))
}

/** The bits of byte `i` that belong to a network of so many bits. */
const networkMask = (bits: number, i: number): number => (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))) & 0xff

/** A prefix as text, from its address bytes and its length. */
export function formatPrefixBytes(bytes: Uint8Array, bits: number): string {
  return `${formatAddressBytes(bytes)}/${bits}`
}

/** The prefix of a row as text; empty when the row has none. */
export function formatPrefix(column: PrefixColumn, row: number): string {
  return column.family[row] === 0 ? '' : `${formatAddress(column, row)}/${column.bits[row]}`
}

/** Stores a prefix as row `row`; undefined is none. */
export function writePrefix(column: PrefixColumn, row: number, prefix: Prefix | undefined): void {
  writeAddress(column, row, prefix?.bytes ?? NO_BYTES)
  column.bits[row] = prefix?.bits ?? 0
}

/** The prefix of a row, or undefined when it has none. */
export function prefixAt(column: PrefixColumn, row: number): Prefix | undefined {
  return column.family[row] === 0 ? undefined : { bytes: addressBytes(column, row), bits: column.bits[row]! }
}

const NO_BYTES = new Uint8Array(0)
