import { corrupt } from '../avro/codec.ts'
import type { ByteRange } from '../store.ts'
import type { RangeReader } from './range-reader.ts'

/**
 * Neighbouring byte ranges of one object, read in order, with the next in flight while the caller works on the one before: as many as the reader has room for.
 * Holds those, the one that is worked on, and what was left of the range before it.
 */
export class ByteRun {
  /** The bytes at hand, until more of them are asked for; `at` is the caller's place among them. */
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  /** Where `bytes` begins in the object. */
  private base: number
  private nextRange = 0
  /** Bytes that `has` found missing. */
  private missing = 1
  /** Reads under way, in order; the last of them is that of `nextRange - 1`. */
  private inFlight: Promise<Uint8Array>[] = []
  private readonly reader: RangeReader
  private readonly ranges: readonly ByteRange[]

  constructor(reader: RangeReader, ranges: readonly ByteRange[]) {
    this.reader = reader
    this.ranges = ranges
    this.base = ranges[0]?.offset ?? 0
    for (let i = reader.ahead; i > 0; i--) this.request()
  }

  /** The caller's place in the object. */
  get position(): number {
    return this.base + this.at
  }

  /** Bytes at hand from the caller's place. */
  get available(): number {
    return this.bytes.length - this.at
  }

  /** Whether `length` bytes are available; `more` makes it so. */
  has(length: number): boolean {
    if (this.available >= length) return true
    this.missing = length
    return false
  }

  /** Makes as many bytes available as `has` found missing. Throws `corrupt` when the object ends before. */
  more(): Promise<void> {
    return this.ensure(this.missing)
  }

  /** Makes at least `length` bytes available. Throws `corrupt` when the object ends before. */
  async ensure(length: number): Promise<void> {
    while (this.available < length) {
      const next = this.inFlight[0]
      if (!next) throw corrupt(`${length} bytes`, `${this.available}`)
      await this.fetch(next)
    }
  }

  /** Goes on at a later place of the object, or at its end, dropping what lies before it. */
  async skipTo(position: number): Promise<void> {
    for (let next = this.inFlight[0]; next && position > this.base + this.bytes.length; next = this.inFlight[0]) {
      this.at = this.bytes.length
      await this.fetch(next)
    }
    this.at = Math.min(this.bytes.length, position - this.base)
  }

  private async fetch(next: Promise<Uint8Array>): Promise<void> {
    const range = this.ranges[this.nextRange - this.inFlight.length]
    const bytes = await next
    this.inFlight.shift()
    this.base += this.at
    this.bytes = this.available === 0 ? bytes : this.reader.join(this.bytes.subarray(this.at), bytes)
    this.at = 0
    if (bytes.length === range?.length) this.request()
    // After a short range nothing that follows would be in its place.
    else this.inFlight = []
  }

  private request(): void {
    const range = this.ranges[this.nextRange]
    if (!range) return
    this.nextRange++
    const read = this.reader.read(range)
    // A caller that stops early never looks at this promise; `ensure` sees the rejection all the same.
    read.catch(() => undefined)
    this.inFlight.push(read)
  }
}
