import type { FoldArrays } from './fold.ts'

/** TypeScript twins of the kernels that make keys out of columns; see assembly/keys.ts. */

/** Twin of `packWords`. */
export function packWords(
  { words, bytes }: FoldArrays,
  src: number,
  size: number,
  rows: number,
  dst: number,
  width: number,
): void {
  for (let row = 0; row < rows; row++) {
    let value = 0
    for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + bytes[src + row * size + byte]!
    words[dst / 4 + row * width] = value
  }
}

/** Twin of `packDoubles`. */
export function packDoubles(
  { words, doubles }: FoldArrays,
  src: number,
  flip: number,
  rows: number,
  dst: number,
  width: number,
): void {
  for (let row = 0; row < rows; row++) {
    const value = doubles[src / 8 + row]!
    const high = Math.floor(value / 0x1_0000_0000)
    words[dst / 4 + row * width] = high ^ flip
    words[dst / 4 + row * width + 1] = value - high * 0x1_0000_0000
  }
}

/** Twin of `packLongs`. */
export function packLongs(
  { words }: FoldArrays,
  src: number,
  flip: number,
  rows: number,
  dst: number,
  width: number,
): void {
  for (let row = 0; row < rows; row++) {
    words[dst / 4 + row * width] = words[src / 4 + row * 2 + 1]! ^ flip
    words[dst / 4 + row * width + 1] = words[src / 4 + row * 2]!
  }
}

/** Twin of `packAddresses`. */
export function packAddresses(
  { words, bytes }: FoldArrays,
  family: number,
  v4: number,
  v6: number,
  rows: number,
  dst: number,
  width: number,
): void {
  for (let row = 0; row < rows; row++) {
    const at = dst / 4 + row * width
    const kind = bytes[family + row]!
    words.fill(0, at, at + 5)
    words[at] = kind
    if (kind === 4) words[at + 1] = words[v4 / 4 + row]!
    if (kind !== 6) continue
    for (let i = 0; i < 16; i++) words[at + 1 + (i >> 2)] = (words[at + 1 + (i >> 2)]! << 8) | bytes[v6 + row * 16 + i]!
  }
}

/** Twin of `maskWords`. */
export function maskWords({ words }: FoldArrays, src: number, mask: number, rows: number, dst: number): void {
  for (let row = 0; row < rows; row++) words[dst / 4 + row] = words[src / 4 + row]! & mask
}

/** Twin of `timeBins`. */
export function timeBins({ doubles }: FoldArrays, src: number, size: number, rows: number, dst: number): void {
  for (let row = 0; row < rows; row++) doubles[dst / 8 + row] = Math.floor(doubles[src / 8 + row]! / size) * size
}
