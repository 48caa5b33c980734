import { RuntimeError } from '../error.ts'

const BYTE = 0x80
const TWO_28 = 0x1000_0000

/** Bytes that grow: states and rows are written into one and copied on from there. */
export class ByteBuffer {
  data: Uint8Array
  length = 0

  constructor(capacity = 256) {
    this.data = new Uint8Array(capacity)
  }

  /** Makes room for `size` more bytes, keeping what is there. */
  ensure(size: number): void {
    if (this.length + size <= this.data.length) return
    const grown = new Uint8Array(Math.max(this.length + size, this.data.length * 2))
    grown.set(this.data.subarray(0, this.length))
    this.data = grown
  }

  putByte(value: number): void {
    this.ensure(1)
    this.data[this.length++] = value
  }

  /** Appends a whole number of 0 .. 2^53-1, seven bits a byte, lowest first. */
  putVarint(value: number): void {
    this.ensure(8)
    this.length = writeVarint(this.data, this.length, value)
  }

  putBytes(bytes: Uint8Array, start: number, end: number): void {
    this.ensure(end - start)
    const { data } = this
    let at = this.length
    for (let i = start; i < end; i++) data[at++] = bytes[i]!
    this.length = at
  }
}

/** A place in bytes that moves on as values are read from it. */
export class ByteReader {
  bytes: Uint8Array = new Uint8Array(0)
  offset = 0

  at(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes
    this.offset = offset
    return this
  }

  getByte(): number {
    return this.bytes[this.offset++]!
  }

  getVarint(): number {
    const { bytes } = this
    let value = 0
    let scale = 1
    for (;;) {
      const byte = bytes[this.offset++]
      if (byte === undefined) throw new RuntimeError('corrupt-run-file', 'run file: number expected an end, got none')
      value += (byte & 0x7f) * scale
      if (byte < BYTE) return value
      scale *= BYTE
    }
  }
}

/** Bytes that `writeVarint` takes for a value. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= BYTE; rest = Math.floor(rest / BYTE)) length++
  return length
}

/** Writes a whole number of 0 .. 2^53-1 at `offset` and returns the end. */
export function writeVarint(out: Uint8Array, offset: number, value: number): number {
  let rest = value
  let end = offset
  while (rest >= TWO_28) {
    out[end++] = (rest % BYTE) | BYTE
    rest = Math.floor(rest / BYTE)
  }
  let low = rest | 0
  while (low >= BYTE) {
    out[end++] = (low & 0x7f) | BYTE
    low >>>= 7
  }
  out[end++] = low
  return end
}
