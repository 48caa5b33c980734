const SLOTS = 32

/** The last datagrams of a session, by sequence number, length and a hash of all bytes: enough to know an exact repeat. */
export class RecentDatagrams {
  /** Three numbers per slot: sequence, length, hash. Made on first use, because many sessions of a flood see one datagram. */
  #slots: Float64Array | undefined
  #next = 0

  /** True when the datagram is among the last ones; remembers it otherwise. */
  repeats(sequence: number, bytes: Uint8Array): boolean {
    const hash = hashBytes(bytes)
    const slots = this.#slots
    if (slots) {
      for (let at = 0; at < slots.length; at += 3) {
        if (slots[at] === sequence && slots[at + 2] === hash && slots[at + 1] === bytes.length) return true
      }
    }
    this.#remember(sequence, bytes.length, hash)
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

/** 53 bits over all bytes, two lanes that take a word in turn. Against accidents, not attackers. */
export function hashBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pairs = bytes.length & ~7
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let at = 0; at < pairs; at += 8) {
    a = Math.imul(a ^ view.getInt32(at, true), 0xcc9e2d51)
    b = Math.imul(b ^ view.getInt32(at + 4, true), 0x1b873593)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  for (let at = pairs; at < bytes.length; at++) {
    a = Math.imul(a ^ bytes[at]!, 0xcc9e2d51)
    a ^= a >>> 15
  }
  return (a >>> 0) * 0x200000 + (b >>> 11)
}
