import type { AddressColumn } from '../../flow/column.ts'

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** Runs this short are filled by hand: a call of `fill` costs more than they do, and records of varying length are runs of one. */
const SHORT = 8

/** `values[from .. to) = value`. */
export function fill(values: Numbers, value: number, from: number, to: number): void {
  if (to - from > SHORT) values.fill(value, from, to)
  else for (let i = from; i < to; i++) values[i] = value
}

/**
 * Zeroes the 16 octets of rows [from, to) of an address column that are about to get another family. Only where the family says that they are in use: elsewhere
 * they are zero already, and writing zeros again is a good part of what decoding costs.
 */
export function zeroV6({ family, v6 }: AddressColumn, from: number, to: number): void {
  for (let row = from; row < to; row++) if (family[row] === 6) v6.fill(0, row * 16, row * 16 + 16)
}
