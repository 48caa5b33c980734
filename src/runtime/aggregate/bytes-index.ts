import { hashBytes, TABLE_SEED } from './hash.ts'

const LOAD = 0.7

/**
 * Numbers byte strings in the order they first come: an open-addressing table over an arena. It holds the keys that do not fit in a few words, and the
 * values behind `distinct`, `quantile` and `top`.
 */
export class BytesIndex {
  length = 0
  data = new Uint8Array(1024)
  /** Entry `i` is `data[offsets[i] .. offsets[i + 1])`. */
  offsets = new Uint32Array(2)
  /** Hash and number + 1 of each entry, interleaved; 0 is empty. */
  #slots = new Uint32Array(64)

  /** Bytes held. */
  get sizeBytes(): number {
    return this.data.length + this.offsets.byteLength + this.#slots.byteLength
  }

  /** Bytes that would be held after `entries` more of `size` bytes together. */
  sizeWith(entries: number, size: number): number {
    const bytes = grownSize(this.data.length, this.offsets[this.length]! + size)
    const offsets = grownSize(this.offsets.length, this.length + entries + 1)
    return bytes + offsets * 4 + slotsFor(this.#slots.length / 2, this.length + entries) * 8
  }

  /** Makes room for `entries` more of `size` bytes together, so that `insert` need not grow. */
  reserve(entries: number, size: number): void {
    const bytes = grownSize(this.data.length, this.offsets[this.length]! + size)
    if (bytes > this.data.length) {
      const data = new Uint8Array(bytes)
      data.set(this.data.subarray(0, this.offsets[this.length]!))
      this.data = data
    }
    const offsets = grownSize(this.offsets.length, this.length + entries + 1)
    if (offsets > this.offsets.length) {
      const grown = new Uint32Array(offsets)
      grown.set(this.offsets)
      this.offsets = grown
    }
    const slots = slotsFor(this.#slots.length / 2, this.length + entries)
    if (slots > this.#slots.length / 2) this.#rehash(slots)
  }

  /** The number of a byte string; a new one gets the number that `length` was. Room must have been reserved. */
  insert(bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots
    const mask = slots.length / 2 - 1
    const hash = hashBytes(bytes, start, end, TABLE_SEED)
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot * 2 + 1]!
      if (entry === 0) {
        slots[slot * 2] = hash
        slots[slot * 2 + 1] = this.length + 1
        return this.#append(bytes, start, end)
      }
      if (slots[slot * 2] === hash && this.#equals(entry - 1, bytes, start, end)) return entry - 1
    }
  }

  clear(): void {
    this.length = 0
    this.#slots.fill(0)
  }

  #append(bytes: Uint8Array, start: number, end: number): number {
    const { data, offsets, length } = this
    let at = offsets[length]!
    for (let i = start; i < end; i++) data[at++] = bytes[i]!
    offsets[length + 1] = at
    this.length = length + 1
    return length
  }

  #equals(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { data } = this
    const from = this.offsets[entry]!
    const size = this.offsets[entry + 1]! - from
    if (size !== end - start) return false
    for (let i = 0; i < size; i++) if (data[from + i] !== bytes[start + i]) return false
    return true
  }

  #rehash(count: number): void {
    const old = this.#slots
    const slots = new Uint32Array(count * 2)
    const mask = count - 1
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      let slot = old[i]! & mask
      while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
      slots[slot * 2] = old[i]!
      slots[slot * 2 + 1] = old[i + 1]!
    }
    this.#slots = slots
  }
}

const grownSize = (size: number, needed: number): number => (needed <= size ? size : Math.max(needed, size * 2))

/** Number of slots, a power of two, for so many entries. */
export function slotsFor(slots: number, entries: number): number {
  let count = slots
  while (count * LOAD < entries) count *= 2
  return count
}
