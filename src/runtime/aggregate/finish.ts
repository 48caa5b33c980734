import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { compareBytes, RowCodec } from '../../flow/canonical.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import type { AggregateSpec, BatchSink } from '../program.ts'
import { ByteBuffer, ByteReader } from '../shuffle/byte-buffer.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { AggregateSet, columnOf } from './aggregate-set.ts'

/** Groups per batch of results. */
const GROUPS = 1024

export interface FinishOptions {
  readonly key: readonly ColumnSpec[]
  readonly value: readonly ColumnSpec[]
  readonly aggregates: readonly AggregateSpec[]
  readonly output: readonly ColumnSpec[]
}

/** The reduce side of aggregates: merges the records of each key, which follow each other, and hands on batches of result rows in order of key. */
export class AggregateFinisher {
  readonly #sink: BatchSink
  readonly #codec: RowCodec
  readonly #set: AggregateSet
  readonly #output: Batch
  readonly #keyColumns: readonly Column[]
  readonly #reader = new ByteReader()
  readonly #key = new ByteBuffer()
  /** The value record being counted: tag and value. */
  readonly #value = new ByteBuffer()
  #count = 0
  #row = -1
  #streaming = false

  constructor({ key, value, aggregates, output }: FinishOptions, sink: BatchSink) {
    this.#sink = sink
    this.#codec = new RowCodec(key)
    this.#set = new AggregateSet(aggregates, value)
    this.#set.reserve(GROUPS)
    const keys = createBatch(key, GROUPS)
    this.#keyColumns = this.#codec.columnsOf(keys)
    const results = createBatch(
      output.filter(({ name }) => !keys.columns[name]),
      GROUPS,
    )
    this.#output = { length: 0, capacity: GROUPS, columns: { ...keys.columns, ...results.columns } }
  }

  /** Takes the record that a cursor stands at. */
  add(cursor: Cursor): void {
    const { bytes, keyStart, keyEnd } = cursor
    const groupEnd = this.#codec.skip(bytes, keyStart)
    const key = this.#key
    if (this.#row < 0 || compareBytes(bytes, keyStart, groupEnd, key.data, 0, key.length) !== 0)
      this.#startGroup(bytes, keyStart, groupEnd)
    if (groupEnd === keyEnd) this.#set.merge(this.#row, this.#reader.at(bytes, cursor.payloadStart))
    else this.#addValue(bytes, groupEnd, keyEnd, this.#reader.at(bytes, cursor.payloadStart).getVarint())
  }

  /** Hands on the last groups. */
  finish(): void {
    if (this.#row >= 0) this.#endGroup()
    this.#flush(this.#row + 1)
  }

  #startGroup(bytes: Uint8Array, keyStart: number, groupEnd: number): void {
    if (this.#row >= 0) this.#endGroup()
    if (this.#row + 1 === GROUPS) this.#flush(GROUPS)
    this.#row++
    this.#codec.read(this.#keyColumns, this.#row, bytes, keyStart)
    this.#key.length = 0
    this.#key.putBytes(bytes, keyStart, groupEnd)
    this.#streaming = false
    this.#value.length = 0
  }

  #addValue(bytes: Uint8Array, start: number, end: number, count: number): void {
    if (!this.#streaming) this.#startValues()
    const value = this.#value
    if (value.length > 0 && compareBytes(bytes, start, end, value.data, 0, value.length) === 0) {
      this.#count += count
      return
    }
    this.#deliver()
    value.length = 0
    value.putBytes(bytes, start, end)
    this.#count = count
  }

  #startValues(): void {
    this.#streaming = true
    for (const { totals, folds } of this.#set.valueInputs)
      for (const { fold } of folds) fold.begin(totals.counts[this.#row]!)
  }

  #deliver(): void {
    const value = this.#value
    if (value.length === 0) return
    const input = this.#set.valueInputs[value.data[0]! - 1]!
    for (let i = 0; i < input.folds.length; i++) input.folds[i]!.fold.value(value.data, 1, value.length, this.#count)
  }

  #endGroup(): void {
    if (this.#set.valueInputs.length === 0) return
    if (!this.#streaming) this.#startValues()
    this.#deliver()
    for (const { folds } of this.#set.valueInputs)
      for (const { name, fold } of folds) fold.end(columnOf(this.#output, name), this.#row)
  }

  #flush(groups: number): void {
    if (groups > 0) {
      this.#set.results(this.#output, groups)
      this.#output.length = groups
      this.#sink.add(this.#output)
      this.#set.clear()
    }
    this.#row = -1
  }
}
