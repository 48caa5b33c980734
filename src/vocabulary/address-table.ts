import { JobError } from './error.ts'

/** The first handle: every number below it is an IPv4 address. */
export const FIRST_HANDLE = 2 ** 32

/** How many IPv6 addresses one `map` batch or one `reduce` group may hold unless the runtime says otherwise. */
export const DEFAULT_ADDRESS_BUDGET = 2 ** 22

/**
 * The IPv6 addresses behind handles: each distinct address once, found again by an open-addressing hash over its four 32-bit words.
 * Addresses interned outside a scope (constants of a job file, parameters) stay for good; those interned inside one go when the next opens.
 */
export class AddressTable {
  #words = new Uint32Array(64 * 4)
  #bytes = new Uint8Array(this.#words.buffer)
  /** Slot of each entry, so that a reset touches only what was used. */
  #slotOf = new Uint32Array(64)
  /** Entry number + 1, or 0. */
  #slots = new Uint32Array(256)
  #count = 0
  #permanent = 0
  #open = false
  #budget = DEFAULT_ADDRESS_BUDGET
  #owner = ''

  /** Starts a `map` batch or a `reduce` group: earlier handles end. `owner` names the job when the budget is exceeded. */
  open(owner: string, budget = DEFAULT_ADDRESS_BUDGET): void {
    this.#forget()
    this.#open = true
    this.#budget = budget
    this.#owner = owner
  }

  /** Ends the scope; what is interned from here on is permanent. */
  close(): void {
    this.#forget()
    this.#open = false
  }

  /** Number of addresses held. */
  get size(): number {
    return this.#count
  }

  /** The handle of the address whose four native-order words start at `words[at]`. */
  intern(words: Uint32Array, at: number): number {
    const a = words[at]!
    const b = words[at + 1]!
    const c = words[at + 2]!
    const d = words[at + 3]!
    const mask = this.#slots.length - 1
    const held = this.#words
    for (let slot = hash(a, b, c, d) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1
      if (entry < 0) return this.#insert(slot, a, b, c, d)
      const base = entry * 4
      if (held[base] === a && held[base + 1] === b && held[base + 2] === c && held[base + 3] === d)
        return FIRST_HANDLE + entry
    }
  }

  /** The words of the 16 bytes per row of an address column, for `intern`; a copy when the bytes are not aligned. */
  wordsOf(bytes: Uint8Array): Uint32Array {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
    return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2)
  }

  /** The handle of the 16 bytes that start at `bytes[offset]`. */
  internBytes(bytes: Uint8Array, offset = 0): number {
    scratchBytes.set(bytes.subarray(offset, offset + 16))
    return this.intern(scratchWords, 0)
  }

  /** The 16 bytes behind a handle, in network order; valid until the next address is interned. Throws for a handle that has ended. */
  bytesOf(handle: number): Uint8Array {
    const base = this.#entry(handle) * 16
    return this.#bytes.subarray(base, base + 16)
  }

  /** Writes the 16 bytes behind a handle to `target[offset]`. */
  copyTo(handle: number, target: Uint8Array, offset: number): void {
    const base = this.#entry(handle) * 16
    for (let index = 0; index < 16; index++) target[offset + index] = this.#bytes[base + index] as number
  }

  /** Orders two handles by the bytes of their addresses. */
  compare(a: number, b: number): number {
    const atA = this.#entry(a) * 16
    const atB = this.#entry(b) * 16
    for (let index = 0; index < 16; index++) {
      const difference = this.#bytes[atA + index]! - this.#bytes[atB + index]!
      if (difference !== 0) return difference
    }
    return 0
  }

  #entry(handle: number): number {
    const entry = handle - FIRST_HANDLE
    if (entry >= 0 && entry < this.#count && Number.isInteger(entry)) return entry
    throw new JobError(
      'bad-address',
      `address: expected an address of the current map or reduce call, got ${handle}${entry >= 0 ? ', a handle that has ended' : ''}`,
    )
  }

  #insert(slot: number, a: number, b: number, c: number, d: number): number {
    const entry = this.#count
    if (this.#open && entry - this.#permanent >= this.#budget) {
      throw new JobError(
        'address-budget',
        `${this.#owner}: expected at most ${this.#budget} IPv6 addresses at once, got more`,
      )
    }
    if (entry === this.#slotOf.length) this.#grow()
    const base = entry * 4
    this.#words[base] = a
    this.#words[base + 1] = b
    this.#words[base + 2] = c
    this.#words[base + 3] = d
    this.#count = entry + 1
    if (!this.#open) this.#permanent = entry + 1
    // Growing has moved every slot: the entry finds its place with the others.
    if (this.#count * 2 > this.#slots.length) this.#rehash()
    else this.#place(slot, entry)
    return FIRST_HANDLE + entry
  }

  #place(slot: number, entry: number): void {
    this.#slots[slot] = entry + 1
    this.#slotOf[entry] = slot
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2)
    words.set(this.#words)
    this.#words = words
    this.#bytes = new Uint8Array(words.buffer)
    const slotOf = new Uint32Array(this.#slotOf.length * 2)
    slotOf.set(this.#slotOf)
    this.#slotOf = slotOf
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    this.#slots = slots
    const words = this.#words
    for (let entry = 0; entry < this.#count; entry++) {
      const base = entry * 4
      let slot = hash(words[base]!, words[base + 1]!, words[base + 2]!, words[base + 3]!) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      this.#place(slot, entry)
    }
  }

  /** Removes what is not permanent. Permanent entries were inserted first, so no probe sequence of theirs crosses a removed slot. */
  #forget(): void {
    for (let entry = this.#permanent; entry < this.#count; entry++) this.#slots[this.#slotOf[entry] as number] = 0
    this.#count = this.#permanent
  }
}

const scratchWords = new Uint32Array(4)
const scratchBytes = new Uint8Array(scratchWords.buffer)

/** Mixes four words (murmur3's finaliser over a multiply chain); equal on every machine of one byte order, and never stored. */
function hash(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d) ^ Math.imul(d, 0x27d4eb2f)
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
