import { sortByBytes, sortByPartition } from '../aggregate/sort.ts'
import { BytesList } from './bytes-list.ts'
import type { Cursor } from './cursor.ts'

/** Work space of a sort, and the end of the key, per record. */
const RECORD_BYTES = 16

/**
 * Records held in memory until they are sorted and written out: each its key and, right behind it, its payload. They are sorted as a whole; as no key is the
 * beginning of another, that is by key, and by payload where keys are equal.
 */
export class RecordBuffer {
  readonly records = new BytesList()
  #keyEnds = new Uint32Array(64)
  readonly #budget: number

  constructor(budgetBytes: number) {
    this.#budget = budgetBytes
  }

  get length(): number {
    return this.records.length
  }

  /** Whether `records` more, of so many bytes together, stay within the budget; an empty buffer takes anything. */
  fits(records: number, bytes: number): boolean {
    if (this.length === 0) return true
    return this.records.sizeWith(records, bytes) + (this.length + records) * RECORD_BYTES <= this.#budget
  }

  /** Appends a record that the caller fills, first the key; returns where it starts. */
  reserve(keyBytes: number, payloadBytes: number): number {
    const row = this.length
    const from = this.records.reserve(keyBytes + payloadBytes)
    if (row === this.#keyEnds.length) {
      const ends = new Uint32Array(row * 2)
      ends.set(this.#keyEnds)
      this.#keyEnds = ends
    }
    this.#keyEnds[row] = from + keyBytes
    return from
  }

  clear(): void {
    this.records.clear()
  }

  /** The records of each partition in order. */
  sorted(partitions: number, partitionOfRow: (row: number) => number): readonly Cursor[] {
    const { length } = this
    let rows: Uint32Array = new Uint32Array(length)
    for (let row = 0; row < length; row++) rows[row] = row
    sortByBytes(rows, this.records.data, this.records.offsets)
    const ends = new Uint32Array(partitions).fill(length)
    if (partitions > 1) {
      const of = new Uint16Array(length)
      for (let row = 0; row < length; row++) of[row] = partitionOfRow(row)
      rows = sortByPartition(rows, of, ends)
    }
    return Array.from(
      { length: partitions },
      (_, i) => new BufferCursor(this.records, this.#keyEnds, rows, i === 0 ? 0 : ends[i - 1]!, ends[i]!),
    )
  }
}

class BufferCursor implements Cursor {
  readonly bytes: Uint8Array
  keyStart = 0
  keyEnd = 0
  payloadStart = 0
  payloadEnd = 0
  readonly #offsets: Uint32Array
  readonly #keyEnds: Uint32Array
  readonly #rows: Uint32Array
  readonly #end: number
  #next: number

  constructor(records: BytesList, keyEnds: Uint32Array, rows: Uint32Array, first: number, end: number) {
    this.bytes = records.data
    this.#offsets = records.offsets
    this.#keyEnds = keyEnds
    this.#rows = rows
    this.#next = first
    this.#end = end
  }

  next(): boolean {
    if (this.#next === this.#end) return false
    const row = this.#rows[this.#next++]!
    this.keyStart = this.#offsets[row]!
    this.keyEnd = this.#keyEnds[row]!
    this.payloadStart = this.keyEnd
    this.payloadEnd = this.#offsets[row + 1]!
    return true
  }
}
