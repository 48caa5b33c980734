import { RangeList, type TablePrefix } from './range-list.ts'

/** Longest-prefix match by bisection: prefixes of one family flattened into neighbouring ranges, each with the entry that rules it, or -1. */
export class PrefixRanges {
  /** First address of each range, as words of 32 bits, most significant first; the first range starts at zero. */
  readonly #starts: Uint32Array
  readonly #entries: Int32Array
  /** Number of the range that holds the first address of each block of 2^16 (by its top 16 bits), so that bisection starts near its end. */
  readonly #index: Uint32Array
  readonly #words: number

  /** `prefixes` are of one family, each of them once, by address and then from the shortest. */
  constructor(prefixes: readonly TablePrefix[], words: 1 | 4) {
    const { starts, entries } = new RangeList(words).flatten(prefixes)
    this.#words = words
    this.#starts = starts
    this.#entries = entries
    this.#index = indexOf(starts, words, entries.length)
  }

  /** The entry of the longest prefix that holds an IPv4 address, or -1. */
  find4(address: number): number {
    const starts = this.#starts
    let low = this.#index[address >>> 16]!
    let high = this.#index[(address >>> 16) + 1]!
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (starts[middle]! <= address) low = middle
      else high = middle - 1
    }
    return this.#entries[low]!
  }

  /** The entry of the longest prefix that holds the IPv6 address in the 16 bytes from `offset`, or -1. */
  find6(bytes: Uint8Array, offset: number): number {
    const top = (bytes[offset]! << 8) | bytes[offset + 1]!
    let low = this.#index[top]!
    let high = this.#index[top + 1]!
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#startsAtOrBefore(middle, bytes, offset)) low = middle
      else high = middle - 1
    }
    return this.#entries[low]!
  }

  #startsAtOrBefore(range: number, bytes: Uint8Array, offset: number): boolean {
    for (let word = 0; word < this.#words; word++) {
      const at = offset + word * 4
      const value = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
      const start = this.#starts[range * this.#words + word]!
      if (start !== value) return start < value
    }
    return true
  }
}

/** For each value of the top 16 bits, the last range that starts at or before its first address; one more at the end: the last range. */
function indexOf(starts: Uint32Array, words: number, ranges: number): Uint32Array {
  const index = new Uint32Array(65_537)
  let range = 0
  for (let top = 0; top < 65_536; top++) {
    while (range + 1 < ranges && isAtOrBefore(starts, (range + 1) * words, words, top)) range++
    index[top] = range
  }
  index[65_536] = ranges - 1
  return index
}

function isAtOrBefore(starts: Uint32Array, at: number, words: number, top: number): boolean {
  const first = top * 65_536
  if (starts[at] !== first) return starts[at]! < first
  for (let word = 1; word < words; word++) if (starts[at + word] !== 0) return false
  return true
}
