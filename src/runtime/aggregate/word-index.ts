import { finishHash, mixWord } from '../../kernels/fold.ts'
import { slotsFor } from './bytes-index.ts'
import { TABLE_SEED } from './hash.ts'

/** Numbers keys of a fixed number of 32-bit words. */
export interface NarrowIndex {
  readonly width: number
  /** Group `g` has words `words[g * width .. (g + 1) * width)`. */
  readonly words: Uint32Array
  readonly sizeBytes: number
  /** Bytes that would be held with room for so many groups. */
  sizeWith(groups: number): number
  /** Makes room for so many groups in all. */
  reserve(groups: number): void
  /** Writes the group of each of `length` keys; new keys become groups `next`, `next + 1` ... Returns the number of groups. Room must have been reserved. */
  add(keys: Uint32Array, length: number, groups: Uint32Array, next: number): number
  clear(): void
}

/** One small integer: its group stands at its value. */
export class DirectIndex implements NarrowIndex {
  readonly width = 1
  readonly words: Uint32Array
  readonly #groups: Uint32Array

  constructor(values: number) {
    this.words = new Uint32Array(values)
    this.#groups = new Uint32Array(values)
  }

  get sizeBytes(): number {
    return this.words.byteLength + this.#groups.byteLength
  }

  sizeWith(): number {
    return this.sizeBytes
  }

  reserve(): void {}

  add(keys: Uint32Array, length: number, groups: Uint32Array, next: number): number {
    const of = this.#groups
    let known = next
    for (let row = 0; row < length; row++) {
      const key = keys[row]!
      let group = of[key]!
      if (group === 0) {
        this.words[known++] = key
        group = known
        of[key] = group
      }
      groups[row] = group - 1
    }
    return known
  }

  clear(): void {
    this.#groups.fill(0)
  }
}

/**
 * Finds keys of a fixed number of 32-bit words: an open-addressing table of hash and group number + 1, with the words of every group beside it. The
 * loops for one and two words are written out, as those are ports, addresses and address pairs.
 */
export class WordIndex implements NarrowIndex {
  readonly width: number
  words = new Uint32Array(0)
  #slots = new Uint32Array(64)

  constructor(width: number) {
    this.width = width
  }

  get sizeBytes(): number {
    return this.words.byteLength + this.#slots.byteLength
  }

  sizeWith(groups: number): number {
    return this.#wordsFor(groups) * 4 + slotsFor(this.#slots.length / 2, groups) * 8
  }

  reserve(groups: number): void {
    const words = this.#wordsFor(groups)
    if (words > this.words.length) {
      const grown = new Uint32Array(words)
      grown.set(this.words)
      this.words = grown
    }
    const slots = slotsFor(this.#slots.length / 2, groups)
    if (slots > this.#slots.length / 2) this.#rehash(slots)
  }

  add(keys: Uint32Array, length: number, groups: Uint32Array, next: number): number {
    if (this.width === 1) return this.#addSingles(keys, length, groups, next)
    if (this.width === 2) return this.#addPairs(keys, length, groups, next)
    let known = next
    for (let row = 0; row < length; row++) {
      const group = this.#insert(keys, row, known)
      if (group === known) known++
      groups[row] = group
    }
    return known
  }

  /** The group of key number `row`, `next` if it is new. */
  #insert(keys: Uint32Array, row: number, next: number): number {
    const { width, words } = this
    const slots = this.#slots
    const mask = slots.length / 2 - 1
    const from = row * width
    let mixed = TABLE_SEED
    for (let i = 0; i < width; i++) mixed = mixWord(mixed, keys[from + i]!)
    const hash = finishHash(mixed)
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot * 2 + 1]!
      if (entry === 0) {
        slots[slot * 2] = hash
        slots[slot * 2 + 1] = next + 1
        for (let i = 0; i < width; i++) words[next * width + i] = keys[from + i]!
        return next
      }
      if (slots[slot * 2] !== hash) continue
      const at = (entry - 1) * width
      let i = 0
      while (i < width && words[at + i] === keys[from + i]) i++
      if (i === width) return entry - 1
    }
  }

  clear(): void {
    this.#slots.fill(0)
  }

  #addSingles(keys: Uint32Array, length: number, groups: Uint32Array, next: number): number {
    const { words } = this
    const slots = this.#slots
    const mask = slots.length / 2 - 1
    let known = next
    for (let row = 0; row < length; row++) {
      const key = keys[row]!
      const hash = finishHash(mixWord(TABLE_SEED, key))
      let slot = hash & mask
      let entry = slots[slot * 2 + 1]!
      while (entry !== 0 && words[entry - 1] !== key) {
        slot = (slot + 1) & mask
        entry = slots[slot * 2 + 1]!
      }
      if (entry === 0) {
        slots[slot * 2] = hash
        slots[slot * 2 + 1] = known + 1
        words[known] = key
        groups[row] = known++
      } else groups[row] = entry - 1
    }
    return known
  }

  #addPairs(keys: Uint32Array, length: number, groups: Uint32Array, next: number): number {
    const { words } = this
    const slots = this.#slots
    const mask = slots.length / 2 - 1
    let known = next
    for (let row = 0; row < length; row++) {
      const first = keys[row * 2]!
      const second = keys[row * 2 + 1]!
      const hash = finishHash(mixWord(mixWord(TABLE_SEED, first), second))
      let slot = hash & mask
      let entry = slots[slot * 2 + 1]!
      while (
        entry !== 0 &&
        (slots[slot * 2] !== hash || words[entry * 2 - 2] !== first || words[entry * 2 - 1] !== second)
      ) {
        slot = (slot + 1) & mask
        entry = slots[slot * 2 + 1]!
      }
      if (entry === 0) {
        slots[slot * 2] = hash
        slots[slot * 2 + 1] = known + 1
        words[known * 2] = first
        words[known * 2 + 1] = second
        groups[row] = known++
      } else groups[row] = entry - 1
    }
    return known
  }

  #wordsFor(groups: number): number {
    const needed = groups * this.width
    return needed <= this.words.length ? this.words.length : Math.max(needed, this.words.length * 2)
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
