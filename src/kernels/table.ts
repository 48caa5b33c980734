/** TypeScript twins of the kernels of hash tables; see assembly/table.ts for the layout. */

/** The memory that twins work in. */
export interface TableArrays {
  readonly words: Uint32Array
  readonly doubles: Float64Array
  readonly integers: BigUint64Array
  readonly bytes: Uint8Array
}

/** Words that describe a table, as kernels take it: where its slots lie, how many there are less one, where its entries lie, how many there are, their bytes, the words of a key. */
export const TABLE_WORDS = 6

const LONG = 0xffff_ffff_ffff_ffffn

/** The hash by which tables place a key of `width` words. */
export function hashWordsAt(words: Uint32Array, at: number, width: number): number {
  let hash = 0n
  for (let w = 0; w < width; w += 2) {
    const high = w + 1 < width ? BigInt(words[at + w + 1]!) << 32n : 0n
    const mixed = ((hash ^ (high | BigInt(words[at + w]!))) * 0x9e37_79b9_7f4a_7c15n) & LONG
    hash = mixed ^ (mixed >> 32n)
  }
  return Number(((hash * 0xd6e8_feb8_6659_fd93n) & LONG) >> 32n)
}

/** Where the numbers of an entry begin. */
export const numbersAt = (width: number): number => (width * 4 + 7) & ~7

/** The entry of the key at word `key`, a new one with numbers of 0 when it has none. */
export function findEntry({ words, bytes }: TableArrays, table: number, key: number): number {
  const [slots, mask, entries, length, stride, width] = describe(words, table)
  const hash = hashWordsAt(words, key, width)
  let slot = hash & mask
  for (; words[slots / 4 + slot] !== 0; slot = (slot + 1) & mask) {
    const word = words[slots / 4 + slot]!
    const entry = entries + ((word & mask) - 1) * stride
    if (((word ^ hash) & ~mask) === 0 && isKey(words, entry / 4, key, width)) return entry
  }
  const entry = entries + length * stride
  words[slots / 4 + slot] = (hash & ~mask) | (length + 1)
  words[table / 4 + 3] = length + 1
  bytes.fill(0, entry, entry + stride)
  words.copyWithin(entry / 4, key, key + width)
  return entry
}

function isKey(words: Uint32Array, entry: number, key: number, width: number): boolean {
  for (let w = 0; w < width; w++) if (words[entry + w] !== words[key + w]) return false
  return true
}

type Description = [slots: number, mask: number, entries: number, length: number, stride: number, width: number]

export const describe = (words: Uint32Array, table: number): Description =>
  [...words.subarray(table / 4, table / 4 + TABLE_WORDS)] as Description

/** Twin of `tableIndex`. */
export function tableIndex({ words }: TableArrays, table: number): void {
  const [slots, mask, entries, length, stride, width] = describe(words, table)
  words.fill(0, slots / 4, slots / 4 + mask + 1)
  for (let i = 0; i < length; i++) {
    const hash = hashWordsAt(words, (entries + i * stride) / 4, width)
    let slot = hash & mask
    while (words[slots / 4 + slot] !== 0) slot = (slot + 1) & mask
    words[slots / 4 + slot] = (hash & ~mask) | (i + 1)
  }
}
