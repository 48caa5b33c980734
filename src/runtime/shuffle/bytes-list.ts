/** Byte strings back to back in an arena that grows: entry `i` is `data[offsets[i] .. offsets[i + 1])`. */
export class BytesList {
  length = 0
  data = new Uint8Array(1024)
  offsets = new Uint32Array(64)

  /** Bytes that would be held after `entries` more of `size` bytes together. */
  sizeWith(entries: number, size: number): number {
    return grown(this.data.length, this.end + size) + grown(this.offsets.length, this.length + entries + 1) * 4
  }

  /** Where the next entry starts. */
  get end(): number {
    return this.offsets[this.length]!
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const from = this.reserve(end - start)
    const { data } = this
    for (let i = start, at = from; i < end; i++, at++) data[at] = bytes[i]!
  }

  /** Appends an entry of `size` bytes that the caller fills; returns where it starts. */
  reserve(size: number): number {
    const from = this.end
    if (from + size > this.data.length) {
      const data = new Uint8Array(grown(this.data.length, from + size))
      data.set(this.data.subarray(0, from))
      this.data = data
    }
    if (this.length + 2 > this.offsets.length) {
      const offsets = new Uint32Array(this.offsets.length * 2)
      offsets.set(this.offsets)
      this.offsets = offsets
    }
    this.length++
    this.offsets[this.length] = from + size
    return from
  }

  clear(): void {
    this.length = 0
  }
}

const grown = (size: number, needed: number): number => (needed <= size ? size : Math.max(needed, size * 2))
