import { corrupt } from '../avro/codec.ts'
import type { ByteRange, ObjectStore } from '../store.ts'

/**
 * Neighbouring byte ranges of one object, read in order, with the next range in flight while the caller works on the one before.
 * Holds at most two ranges and what was left of the range before them.
 */
export class ByteRun {
  /** The bytes at hand; `at` is the reader's place among them. */
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  /** Where `bytes` begins in the object. */
  private base: number
  private nextRange = 0
  private inFlight: Promise<Uint8Array> | undefined
  private readonly store: Pick<ObjectStore, 'read'>
  private readonly key: string
  private readonly ranges: readonly ByteRange[]

  constructor(store: Pick<ObjectStore, 'read'>, key: string, ranges: readonly ByteRange[]) {
    this.store = store
    this.key = key
    this.ranges = ranges
    this.base = ranges[0]?.offset ?? 0
    this.request()
  }

  /** The reader's place in the object. */
  get position(): number {
    return this.base + this.at
  }

  /** Bytes at hand from the reader's place. */
  get available(): number {
    return this.bytes.length - this.at
  }

  /** Makes at least `length` bytes available. Throws `corrupt` when the object ends before. */
  async ensure(length: number): Promise<void> {
    while (this.available < length) {
      if (!this.inFlight) throw corrupt(`${length} bytes`, `${this.available}`)
      await this.fetch(this.inFlight)
    }
  }

  /** Goes on at a later place of the object, or at its end, dropping what lies before it. */
  async skipTo(position: number): Promise<void> {
    while (position > this.base + this.bytes.length && this.inFlight) {
      this.at = this.bytes.length
      await this.fetch(this.inFlight)
    }
    this.at = Math.min(this.bytes.length, position - this.base)
  }

  private async fetch(inFlight: Promise<Uint8Array>): Promise<void> {
    const range = this.ranges[this.nextRange - 1]
    const bytes = await inFlight
    this.inFlight = undefined
    // After a short range nothing that follows would be in its place.
    if (bytes.length === range?.length) this.request()
    this.base += this.at
    this.bytes = this.available === 0 ? bytes : Buffer.concat([this.bytes.subarray(this.at), bytes])
    this.at = 0
  }

  private request(): void {
    const range = this.ranges[this.nextRange]
    if (!range) return
    this.nextRange++
    this.inFlight = this.store.read(this.key, range)
    // A caller that stops early never looks at this promise; `ensure` sees the rejection all the same.
    this.inFlight.catch(() => undefined)
  }
}
