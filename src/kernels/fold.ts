/**
 * TypeScript twins of the fold kernels, over the same memory layout: an entry is `[key words, padded to 8 bytes][count][sums ...]`, free while its
 * count is 0.
 */
export interface FoldArrays {
  readonly words: Uint32Array
  readonly doubles: Float64Array
  readonly bytes: Uint8Array
}

const SEED = 0x9e37_79b9

/** Mixes a 32-bit word into a hash. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85eb_ca6b)
  return mixed ^ (mixed >>> 15)
}

/** Spreads a mixed hash over all 32 bits. */
export function finishHash(hash: number): number {
  let mixed = Math.imul(hash, 0xc2b2_ae35)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0x27d4_eb2f)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** The hash by which tables place a key of `width` words. */
export function hashWordsAt(words: Uint32Array, at: number, width: number): number {
  let hash = SEED
  for (let w = 0; w < width; w++) hash = mixWord(hash, words[at + w]!)
  return finishHash(hash)
}

const countOffset = (width: number): number => (width * 4 + 7) & ~7

/** Twin of `foldRows`. */
export function foldRows(
  { words, doubles, bytes }: FoldArrays,
  keys: number,
  width: number,
  rows: number,
  skipped: number,
  table: number,
  mask: number,
  stride: number,
  values: number,
  sums: number,
): number {
  let made = 0
  for (let i = 0; i < rows; i++) {
    if (skipped !== 0 && bytes[skipped + i] !== 0) continue
    const key = keys / 4 + i * width
    let slot = hashWordsAt(words, key, width) & mask
    let count = 0
    for (;;) {
      const entry = table + slot * stride
      count = (entry + countOffset(width)) / 8
      if (doubles[count] === 0) {
        for (let w = 0; w < width; w++) words[entry / 4 + w] = words[key + w]!
        made++
        break
      }
      let w = 0
      while (w < width && words[entry / 4 + w] === words[key + w]) w++
      if (w === width) break
      slot = (slot + 1) & mask
    }
    doubles[count]! += 1
    for (let s = 0; s < sums; s++) doubles[count + 1 + s]! += doubles[words[values / 4 + s]! / 8 + i]!
  }
  return made
}

/** Twin of `foldRehash`. */
export function foldRehash(
  { words, doubles }: FoldArrays,
  width: number,
  from: number,
  fromMask: number,
  to: number,
  toMask: number,
  stride: number,
): void {
  const countAt = countOffset(width)
  for (let i = 0; i <= fromMask; i++) {
    const entry = from + i * stride
    if (doubles[(entry + countAt) / 8] === 0) continue
    let slot = hashWordsAt(words, entry / 4, width) & toMask
    while (doubles[(to + slot * stride + countAt) / 8] !== 0) slot = (slot + 1) & toMask
    const target = (to + slot * stride) / 4
    words.copyWithin(target, entry / 4, (entry + stride) / 4)
  }
}
