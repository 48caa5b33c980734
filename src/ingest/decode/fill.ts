type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** Runs this short are filled by hand: a call of `fill` costs more than they do, and records of varying length are runs of one. */
const SHORT = 8

/** `values[from .. to) = value`. */
export function fill(values: Numbers, value: number, from: number, to: number): void {
  if (to - from > SHORT) values.fill(value, from, to)
  else for (let i = from; i < to; i++) values[i] = value
}

/** Zeroes the 16 octets of each row of an address column. */
export function zeroV6(v6: Uint8Array, from: number, to: number): void {
  if (to - from > 1) v6.fill(0, from * 16, to * 16)
  else for (let i = from * 16; i < to * 16; i++) v6[i] = 0
}
