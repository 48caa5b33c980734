const SLOTS = 32

/** The last datagrams of a session, by sequence number, length and a hash of all bytes: enough to know an exact repeat. */
export class RecentDatagrams {
  /** Three numbers per slot: sequence, length, hash. Made on first use, because many sessions of a flood see one datagram. */
  #slots: Float64Array | undefined
  #next = 0

  /** True when the datagram is among the last ones; remembers it otherwise. */
  repeats(sequence: number, datagram: DataView): boolean {
    return this.repeatsHashed(sequence, datagram.byteLength, hashBytes(datagram))
  }

  /** As `repeats`, of a datagram with this length and `hashBytes`. */
  repeatsHashed(sequence: number, length: number, hash: number): boolean {
    const slots = this.#slots
    if (slots) {
      for (let at = 0; at < slots.length; at += 3) {
        if (slots[at] === sequence && slots[at + 2] === hash && slots[at + 1] === length) return true
      }
    }
    this.#remember(sequence, length, hash)
    return false
  }

  #remember(sequence: number, length: number, hash: number): void {
    this.#slots ??= new Float64Array(SLOTS * 3).fill(-1)
    const at = this.#next * 3
    this.#slots[at] = sequence
    this.#slots[at + 1] = length
    this.#slots[at + 2] = hash
    this.#next = (this.#next + 1) % SLOTS
  }
}

/** Bytes that the lanes take at once. */
const ROUND = 32

/**
 * 53 bits over all bytes: eight lanes that take a word in turn, so that none waits for another; what is left at the end is taken with what stands before it. Against accidents, not attackers.
 * `hashLong` of assembly/v5-datagrams.ts is the same.
 */
export function hashBytes(view: DataView): number {
  const length = view.byteLength
  if (length < ROUND) return hashShort(view)
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  let c = 0xc2b2ae35
  let d = 0x27d4eb2f
  let e = 0x165667b1
  let f = 0x2545f491
  let g = 0x61c88647
  let h = 0x3c6ef372
  for (let next = 0; next < length; next += ROUND) {
    const at = Math.min(next, length - ROUND)
    a = Math.imul(a ^ view.getInt32(at, true), 0xcc9e2d51)
    b = Math.imul(b ^ view.getInt32(at + 4, true), 0x1b873593)
    c = Math.imul(c ^ view.getInt32(at + 8, true), 0xe6546b65)
    d = Math.imul(d ^ view.getInt32(at + 12, true), 0x165667b1)
    e = Math.imul(e ^ view.getInt32(at + 16, true), 0x2c1b3c6d)
    f = Math.imul(f ^ view.getInt32(at + 20, true), 0x297a2d39)
    g = Math.imul(g ^ view.getInt32(at + 24, true), 0x7feb352d)
    h = Math.imul(h ^ view.getInt32(at + 28, true), 0x5bd1e995)
    a ^= a >>> 15
    b ^= b >>> 15
    c ^= c >>> 15
    d ^= d >>> 15
    e ^= e >>> 15
    f ^= f >>> 15
    g ^= g >>> 15
    h ^= h >>> 15
  }
  return joined(fold(fold(fold(a, c), e), g), fold(fold(fold(b, d), f), h))
}

function hashShort(view: DataView): number {
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let at = 0; at < view.byteLength; at++) {
    a = fold(a, view.getUint8(at))
    b = fold(b, a)
  }
  return joined(a, b)
}

function fold(a: number, b: number): number {
  const folded = Math.imul(a ^ b, 0x85ebca6b)
  return folded ^ (folded >>> 15)
}

const joined = (high: number, low: number): number => (high >>> 0) * 0x200000 + (low >>> 11)
