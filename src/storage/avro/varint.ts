import { corrupt } from './codec.ts'

/** A place in bytes from which varints and byte runs are read; reading past the end throws `corrupt`. */
export class Cursor {
  at: number
  readonly bytes: Uint8Array
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** A zig-zag varint within +-(2^53-1). */
  long(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      if (this.at >= this.end) throw corrupt('a varint', 'the end')
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      scale *= 128
    }
    throw corrupt('a varint below 2^53', 'a longer one')
  }

  /** The next `length` bytes; a view, not a copy. */
  take(length: number): Uint8Array {
    if (length < 0 || length > this.end - this.at) throw corrupt(`${length} bytes`, `${this.end - this.at}`)
    const from = this.at
    this.at += length
    return this.bytes.subarray(from, this.at)
  }
}

/** The zig-zag varint of an integer from 0 to 2^53-1. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value * 2
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.from([...bytes, rest])
}
