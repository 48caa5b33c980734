import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { compareBytes, RowCodec } from '../../flow/canonical.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { ByteBuffer } from '../shuffle/byte-buffer.ts'
import type { Cursor } from '../shuffle/cursor.ts'

/** Values handed out at a time. */
const VALUES = 1024

/** The groups of a sorted cursor, one after the other, their values streamed: a group never has to fit in memory. */
export class GroupedValues {
  /** The key of the group, in row 0. */
  readonly key: Batch
  /** Records taken from the source so far. */
  records = 0
  readonly #source: Cursor
  readonly #keyCodec: RowCodec
  readonly #valueCodec: RowCodec
  readonly #keyColumns: readonly Column[]
  readonly #values: Batch
  readonly #valueColumns: readonly Column[]
  readonly #keyBytes = new ByteBuffer()
  /** Whether the source stands at a record that has not been handed out. */
  #pending = false
  #started = false
  #inGroup = false

  constructor(key: readonly ColumnSpec[], value: readonly ColumnSpec[], source: Cursor) {
    this.#source = source
    this.#keyCodec = new RowCodec(key)
    this.#valueCodec = new RowCodec(value)
    this.key = createBatch(key, 1)
    this.key.length = 1
    this.#keyColumns = this.#keyCodec.columnsOf(this.key)
    this.#values = createBatch(value, VALUES)
    this.#valueColumns = this.#valueCodec.columnsOf(this.#values)
  }

  /** Moves to the next group, passing over values of the last one that were not asked for. */
  next(): boolean {
    const source = this.#source
    if (!this.#started) {
      this.#started = true
      this.#pending = this.#advance()
    }
    while (this.#pending && this.#inGroup && this.#sameGroup()) this.#pending = this.#advance()
    if (!this.#pending) return false
    this.#inGroup = true
    const end = this.#keyCodec.read(this.#keyColumns, 0, source.bytes, source.keyStart)
    this.#keyBytes.length = 0
    this.#keyBytes.putBytes(source.bytes, source.keyStart, end)
    return true
  }

  /** Canonical encoding of the key of the group; a copy. */
  keyBytes(): Uint8Array {
    return this.#keyBytes.data.slice(0, this.#keyBytes.length)
  }

  /** The values of the group in order, in batches that are used again; may be left early, and gives each value once. */
  *values(): Generator<Batch, void, undefined> {
    while (this.#fill()) yield this.#values
  }

  #fill(): boolean {
    const source = this.#source
    const values = this.#values
    const { length: keyLength } = this.#keyBytes
    let row = 0
    while (row < VALUES && this.#pending && this.#sameGroup()) {
      this.#valueCodec.read(this.#valueColumns, row++, source.bytes, source.keyStart + keyLength)
      this.#pending = this.#advance()
    }
    values.length = row
    return row > 0
  }

  #advance(): boolean {
    const more = this.#source.next()
    if (more) this.records++
    return more
  }

  #sameGroup(): boolean {
    const { bytes, keyStart, keyEnd } = this.#source
    const { data, length } = this.#keyBytes
    return keyEnd - keyStart >= length && compareBytes(bytes, keyStart, keyStart + length, data, 0, length) === 0
  }
}
