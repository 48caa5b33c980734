/** Values of a miniblock of DELTA_BINARY_PACKED. */
export const MINIBLOCK = 32
/** Bits that fit beside seven left-over ones in a 32-bit buffer. */
const PIECE = 24
const PIECE_VALUES = 2 ** PIECE

/** Bit-packs `deltas[from..to) - least` of `bits` bits each, lowest first, into the `bits * 4` bytes of a miniblock; returns its end. */
export function packMiniblock(
  page: Uint8Array,
  start: number,
  deltas: Float64Array,
  from: number,
  to: number,
  least: number,
  bits: number,
): number {
  const pack = bits <= PIECE ? packNarrow : packWide
  pack(page, start, deltas, from, to, least, bits)
  return start + (MINIBLOCK * bits) / 8
}

/** Values of at most 24 bits. */
function packNarrow(
  page: Uint8Array,
  start: number,
  deltas: Float64Array,
  from: number,
  to: number,
  least: number,
  bits: number,
): void {
  let at = start
  let buffer = 0
  let filled = 0
  for (let i = from; i < to; i++) {
    buffer |= ((deltas[i] as number) - least) << filled
    filled += bits
    while (filled >= 8) {
      page[at++] = buffer
      buffer >>>= 8
      filled -= 8
    }
  }
  if (filled > 0) page[at] = buffer
}

/** Values above 24 bits, in two or three pieces. */
function packWide(
  page: Uint8Array,
  start: number,
  deltas: Float64Array,
  from: number,
  to: number,
  least: number,
  bits: number,
): void {
  const lowBits = Math.min(bits, PIECE)
  const highBits = Math.min(bits - lowBits, PIECE)
  const topBits = bits - lowBits - highBits
  let at = start
  let buffer = 0
  let filled = 0
  for (let i = from; i < to; i++) {
    const value = (deltas[i] as number) - least
    const rest = highBits === 0 ? 0 : Math.floor(value / PIECE_VALUES)
    for (let piece = 0; piece < 3; piece++) {
      const width = piece === 0 ? lowBits : piece === 1 ? highBits : topBits
      if (width === 0) break
      const part =
        piece === 0 ? value - rest * PIECE_VALUES : piece === 1 ? rest % PIECE_VALUES : Math.floor(rest / PIECE_VALUES)
      buffer |= part << filled
      filled += width
      while (filled >= 8) {
        page[at++] = buffer
        buffer >>>= 8
        filled -= 8
      }
    }
  }
  if (filled > 0) page[at] = buffer
}
