import type { RowCodec } from '../../flow/canonical.ts'
import { compareBytes } from '../../flow/canonical.ts'
import { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import type { AggregateSet } from './aggregate-set.ts'

/** Merges neighbouring records of one key into one: what turns the merge of several spills of a table back into one run. */
export class CombinedCursor implements Cursor {
  keyStart = 0
  keyEnd = 0
  payloadStart = 0
  payloadEnd = 0
  readonly #source: Cursor
  readonly #codec: RowCodec
  readonly #set: AggregateSet
  readonly #out = new ByteBuffer()
  readonly #reader = new ByteReader()
  #ready = false
  #started = false

  /** `set` must be of this cursor alone. */
  constructor(source: Cursor, codec: RowCodec, set: AggregateSet) {
    this.#source = source
    this.#codec = codec
    this.#set = set
    set.reserve(1)
  }

  get bytes(): Uint8Array {
    return this.#out.data
  }

  next(): boolean {
    const source = this.#source
    if (!this.#started) {
      this.#started = true
      this.#ready = source.next()
    }
    if (!this.#ready) return false
    const out = this.#out
    const { bytes, keyStart, payloadStart, payloadEnd } = source
    out.length = 0
    out.putBytes(bytes, keyStart, source.keyEnd)
    this.keyEnd = out.length
    out.putBytes(bytes, payloadStart, payloadEnd)
    this.#ready = source.next()
    if (this.#ready && this.#sameKey()) this.#mergeAll()
    this.payloadStart = this.keyEnd
    this.payloadEnd = out.length
    return true
  }

  #sameKey(): boolean {
    const { bytes, keyStart, keyEnd } = this.#source
    return compareBytes(bytes, keyStart, keyEnd, this.#out.data, 0, this.keyEnd) === 0
  }

  #mergeAll(): void {
    if (this.#codec.skip(this.#out.data, 0) === this.keyEnd) this.#mergeStates()
    else this.#addCounts()
  }

  #mergeStates(): void {
    const source = this.#source
    this.#set.clear()
    this.#set.merge(0, this.#reader.at(this.#out.data, this.keyEnd))
    do {
      this.#set.merge(0, this.#reader.at(source.bytes, source.payloadStart))
      this.#ready = source.next()
    } while (this.#ready && this.#sameKey())
    this.#out.length = this.keyEnd
    this.#set.write(0, this.#out)
  }

  #addCounts(): void {
    const source = this.#source
    let count = this.#reader.at(this.#out.data, this.keyEnd).getVarint()
    do {
      count += this.#reader.at(source.bytes, source.payloadStart).getVarint()
      this.#ready = source.next()
    } while (this.#ready && this.#sameKey())
    this.#out.length = this.keyEnd
    this.#out.putVarint(count)
  }
}
