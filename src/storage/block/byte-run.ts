import { corrupt } from '../avro/codec.ts'
import { readsUnderWay } from '../read-ahead.ts'
import type { ByteRange, ObjectStore } from '../store.ts'

/**
 * Neighbouring byte ranges of one object, read in order, with the next in flight while the caller works on the one before: as many as the store says, within
 * `readsUnderWay`. Holds those, the one that is worked on, and what was left of the range before it.
 */
export class ByteRun {
  /** The bytes at hand; `at` is the reader's place among them. */
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  /** Where `bytes` begins in the object. */
  private base: number
  private nextRange = 0
  /** Reads under way, in order; the last of them is that of `nextRange - 1`. */
  private inFlight: Promise<Uint8Array>[] = []
  private readonly store: Pick<ObjectStore, 'read' | 'readsAhead'>
  private readonly key: string
  private readonly ranges: readonly ByteRange[]

  constructor(store: Pick<ObjectStore, 'read' | 'readsAhead'>, key: string, ranges: readonly ByteRange[]) {
    this.store = store
    this.key = key
    this.ranges = ranges
    this.base = ranges[0]?.offset ?? 0
    const largest = ranges.reduce((most, { length }) => Math.max(most, length), 0)
    for (let i = readsUnderWay(store, largest); i > 0; i--) this.request()
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
    if (bytes.length === range?.length) this.request()
    // After a short range nothing that follows would be in its place.
    else this.inFlight = []
    this.base += this.at
    this.bytes = this.available === 0 ? bytes : Buffer.concat([this.bytes.subarray(this.at), bytes])
    this.at = 0
  }

  private request(): void {
    const range = this.ranges[this.nextRange]
    if (!range) return
    this.nextRange++
    const read = this.store.read(this.key, range)
    // A caller that stops early never looks at this promise; `ensure` sees the rejection all the same.
    read.catch(() => undefined)
    this.inFlight.push(read)
  }
}
