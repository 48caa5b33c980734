import { ByteBuffer } from '../shuffle/byte-buffer.ts'
import type { RecordSink } from '../shuffle/cursor.ts'

/** Records kept in memory in the order in which they came, to be handed on one by one between others. */
export class RecordList implements RecordSink {
  readonly #buffer = new ByteBuffer(0)
  /** Four numbers a record: partition, start of key, end of key, end of payload. */
  #places = new Uint32Array(0)
  #length = 0
  #next = 0

  get bytes(): Uint8Array {
    return this.#buffer.data
  }

  append(
    partition: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    payload: Uint8Array,
    payloadStart: number,
    payloadEnd: number,
  ): void {
    if (this.#places.length < (this.#length + 1) * 4) {
      const grown = new Uint32Array(Math.max(64, this.#places.length * 2))
      grown.set(this.#places)
      this.#places = grown
    }
    const at = this.#length++ * 4
    this.#places[at] = partition
    this.#places[at + 1] = this.#buffer.length
    this.#buffer.putBytes(key, keyStart, keyEnd)
    this.#places[at + 2] = this.#buffer.length
    this.#buffer.putBytes(payload, payloadStart, payloadEnd)
    this.#places[at + 3] = this.#buffer.length
  }

  partitionOf(at: number): number {
    return this.#places[at * 4]!
  }

  keyStart(at: number): number {
    return this.#places[at * 4 + 1]!
  }

  keyEnd(at: number): number {
    return this.#places[at * 4 + 2]!
  }

  get length(): number {
    return this.#length
  }

  /** Hands on the first record that is left. */
  forward(sink: RecordSink): void {
    const { bytes } = this
    const at = this.#next++ * 4
    const keyEnd = this.#places[at + 2]!
    sink.append(this.#places[at]!, bytes, this.#places[at + 1]!, keyEnd, bytes, keyEnd, this.#places[at + 3]!)
  }
}
