import * as z from 'zod'
import { formatAddressBytes, parseAddressExact } from '../flow/address.ts'
import { AddressTable, FIRST_HANDLE } from './address-table.ts'
import type { ColumnTypeOf } from './column-type.ts'
import { JobError } from './error.ts'

declare const addressBrand: unique symbol

/**
 * An IP address as one number: the value of an IPv4 address, or a handle of at least 2^32 for an IPv6 address; -1 is no address.
 * Handles are valid until the `map` or `reduce` call that received them returns, where equal handles mean equal addresses. Those made
 * outside such a call, as constants of a job file or from parameters, stay valid.
 */
export type Address = number & { readonly [addressBrand]: true }

/** No address: what a flow has where its exporter sent none. */
export const NO_ADDRESS = -1 as Address

/** The handles of this copy of the vocabulary: a job bundle carries its own, and its jobs hand it to the runtime. */
export const addressTable = new AddressTable()

/** The column type of addresses; as a parameter it takes text. */
export function address(): AddressType
/** The address written in `text`: dotted IPv4, or IPv6. */
export function address(text: string): Address
export function address(text?: string): AddressType | Address {
  return text === undefined ? addressType() : toAddress(parseAddressExact(text))
}

/** The column type of addresses, which is also a zod schema, so that a parameter can be an address. */
export type AddressType = z.ZodType<Address, string> & ColumnTypeOf<'address'>

function addressType(): AddressType {
  const schema = z.string().transform((text, context): Address => {
    try {
      return address(text)
    } catch {
      context.addIssue({ code: 'custom', message: `expected an IPv4 or IPv6 address, got ${JSON.stringify(text)}` })
      return z.NEVER
    }
  })
  return Object.assign(schema, { column: 'address' as const })
}

function toAddress(bytes: Uint8Array): Address {
  if (bytes.length === 16) return addressTable.internBytes(bytes) as Address
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) as Address
}

/** The address as text: dotted IPv4, or IPv6 in the form of RFC 5952; empty for no address. */
export function formatAddress(value: Address): string {
  if (value === NO_ADDRESS) return ''
  if (isIPv6(value)) return formatAddressBytes(addressTable.bytesOf(value))
  if (!(value >= 0 && Number.isInteger(value))) throw badAddress(value)
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`
}

/** True for an IPv6 address, false for IPv4 and for no address. */
export function isIPv6(value: Address): boolean {
  return value >= FIRST_HANDLE
}

/** Canonical order: no address, IPv4, IPv6; then by unsigned bytes. Negative, 0 or positive; takes part in `sort`. */
export function compareAddress(a: Address, b: Address): number {
  if (a === b) return 0
  if (a < FIRST_HANDLE || b < FIRST_HANDLE) return a - b
  return addressTable.compare(a, b)
}

function badAddress(value: number): JobError {
  return new JobError('bad-address', `address: expected an address, got ${value}`)
}
