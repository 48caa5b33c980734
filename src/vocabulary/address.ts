import { AddressTable } from './address-table.ts'
import type { ColumnTypeOf } from './column-type.ts'

declare const addressBrand: unique symbol

/**
 * An IP address as one number: the value of an IPv4 address, or a handle of at least 2^32 for an IPv6 address; -1 is no address.
 * Handles are valid until the `map` or `reduce` call that received them returns, where equal handles mean equal addresses. Those made
 * outside such a call, as constants of a job file or from parameters, stay valid.
 */
export type Address = number & { readonly [addressBrand]: true }

/** The handles of this copy of the vocabulary: a job bundle carries its own, and its jobs hand it to the runtime. */
export const addressTable = new AddressTable()

const ADDRESS_TYPE: ColumnTypeOf<'address'> = Object.freeze({ column: 'address' })

/** The column type of addresses. */
export function address(): ColumnTypeOf<'address'> {
  return ADDRESS_TYPE
}
