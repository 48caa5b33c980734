/** Bytes that are appended piece by piece, in the given memory or, when that is full, in more. */
export class ByteSink {
  length = 0
  #bytes: Uint8Array<ArrayBuffer>

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes
  }

  add(piece: Uint8Array): void {
    const end = this.length + piece.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.length))
      this.#bytes = grown
    }
    this.#bytes.set(piece, this.length)
    this.length = end
  }

  /** All of them; nothing may be added after that. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length)
  }
}
