/** A copy of octets [from, to). `slice` would do, were it not that a Buffer's shares memory with it. */
export const copyBytes = (bytes: Uint8Array, from: number, to: number): Uint8Array =>
  new Uint8Array(bytes.subarray(from, to))
