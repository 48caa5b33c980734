import type { Prefix } from '../../flow/prefix.ts'

/** A prefix of a table, and which row of the table it is. */
export interface TablePrefix extends Prefix {
  readonly entry: number
}

/** An address as words of 32 bits, most significant first: few of them, of which there are many, are lighter as numbers than as typed arrays. */
type Words = readonly number[]

/** A prefix that holds the address that the list has come to. */
interface OpenPrefix {
  readonly entry: number
  /** The first address behind it; undefined where there is none. */
  readonly end: Words | undefined
}

/** Neighbouring ranges from zero to the last address, each with the entry that rules it, or -1. */
export class RangeList {
  readonly #words: number
  #starts = new Uint32Array(0)
  #entries = new Int32Array(0)
  #count = 0
  /** A prefix lies in another or beside it, so those that are open form a stack. */
  readonly #open: OpenPrefix[] = []

  constructor(words: 1 | 4) {
    this.#words = words
  }

  /** Flattens prefixes, which come by address and then from the shortest. */
  flatten(prefixes: readonly TablePrefix[]): { starts: Uint32Array; entries: Int32Array } {
    // Each begins a range and ends one.
    const most = prefixes.length * 2 + 1
    this.#starts = new Uint32Array(most * this.#words)
    this.#entries = new Int32Array(most)
    this.#begin(new Array<number>(this.#words).fill(0))
    for (const { bytes, bits, entry } of prefixes) {
      const start = wordsOf(bytes)
      this.#closeUntil(start)
      this.#open.push({ entry, end: endOf(start, bits) })
      this.#begin(start)
    }
    this.#closeUntil(undefined)
    return { starts: this.#starts.slice(0, this.#count * this.#words), entries: this.#entries.slice(0, this.#count) }
  }

  /** Begins a range that the innermost open prefix rules; one that nothing is in gives way to it. */
  #begin(start: Words): void {
    const entry = this.#open.at(-1)?.entry ?? -1
    if (this.#count > 0 && this.#isLast(start)) this.#count--
    if (this.#count > 0 && this.#entries[this.#count - 1] === entry) return
    this.#starts.set(start, this.#count * this.#words)
    this.#entries[this.#count++] = entry
  }

  /** Closes the prefixes that end before an address, or all that end. */
  #closeUntil(start: Words | undefined): void {
    for (let inner = this.#open.at(-1); inner?.end; inner = this.#open.at(-1)) {
      if (start && isBefore(start, inner.end)) return
      this.#open.pop()
      this.#begin(inner.end)
    }
  }

  #isLast(start: Words): boolean {
    const at = (this.#count - 1) * this.#words
    return start.every((word, i) => word === this.#starts[at + i])
  }
}

function wordsOf(bytes: Uint8Array): Words {
  const words: number[] = []
  for (let at = 0; at < bytes.length; at += 4)
    words.push(((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0)
  return words
}

/** The first address behind a prefix, or undefined where it holds the last address. */
function endOf(start: Words, bits: number): Words | undefined {
  if (bits === 0) return undefined
  const end = start.slice()
  let step = 2 ** (31 - ((bits - 1) & 31))
  for (let word = (bits - 1) >> 5; word >= 0; word--) {
    const sum = end[word]! + step
    end[word] = sum % 2 ** 32
    if (sum < 2 ** 32) return end
    step = 1
  }
  return undefined
}

function isBefore(a: Words, b: Words): boolean {
  for (let word = 0; word < a.length; word++) if (a[word] !== b[word]) return a[word]! < b[word]!
  return false
}
