const SLOTS = 32

/** The last datagrams of a session, by sequence number, length and a hash of all bytes: enough to know an exact repeat. */
export class RecentDatagrams {
  /** Three numbers per slot: sequence, length, hash. Made on first use, because many sessions of a flood see one datagram. */
  #slots: Float64Array | undefined
  #next = 0

  /** True when the datagram is among the last ones; remembers it otherwise. */
  repeats(sequence: number, datagram: DataView): boolean {
    const hash = hashBytes(datagram)
    const length = datagram.byteLength
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

/** 53 bits over all bytes: four lanes that take a word in turn, so that none waits for another. Against accidents, not attackers. */
export function hashBytes(view: DataView): number {
  const length = view.byteLength
  const rounds = length & ~15
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  let c = 0xc2b2ae35
  let d = 0x27d4eb2f
  for (let at = 0; at < rounds; at += 16) {
    a = Math.imul(a ^ view.getInt32(at, true), 0xcc9e2d51)
    b = Math.imul(b ^ view.getInt32(at + 4, true), 0x1b873593)
    c = Math.imul(c ^ view.getInt32(at + 8, true), 0xe6546b65)
    d = Math.imul(d ^ view.getInt32(at + 12, true), 0x165667b1)
    a ^= a >>> 15
    b ^= b >>> 13
    c ^= c >>> 14
    d ^= d >>> 16
  }
  for (let at = rounds; at < length; at++) {
    a = Math.imul(a ^ view.getUint8(at), 0xcc9e2d51)
    a ^= a >>> 15
  }
  a = Math.imul(a ^ c, 0x85ebca6b) ^ d
  b = Math.imul(b ^ d, 0xc2b2ae35) ^ (c >>> 7)
  return ((a ^ (a >>> 16)) >>> 0) * 0x200000 + (b >>> 11)
}
