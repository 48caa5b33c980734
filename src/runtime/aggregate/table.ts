import type { Batch } from '../../flow/batch.ts'
import { ByteRows } from '../../flow/canonical.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { AggregateSpec } from '../program.ts'
import { ByteBuffer } from '../shuffle/byte-buffer.ts'
import type { RecordSink } from '../shuffle/cursor.ts'
import { AggregateSet, columnOf } from './aggregate-set.ts'
import { BytesIndex } from './bytes-index.ts'
import { partitionOf } from './hash.ts'
import { KeyTable } from './key-table.ts'
import { sortByBytes, sortByPartition } from './sort.ts'

export interface TableOptions {
  readonly key: readonly ColumnSpec[]
  readonly value: readonly ColumnSpec[]
  readonly aggregates: readonly AggregateSpec[]
  /** Bytes that the table may hold. */
  readonly budgetBytes: number
}

/**
 * The map-side combine: groups rows by key and folds their values, within a budget. A batch is taken in two steps, each a few tight loops over columns: number
 * the keys, then add each input to the states of its groups. Nothing is allocated per row.
 */
export class AggregateTable {
  readonly #keys: KeyTable
  readonly #set: AggregateSet
  readonly #budget: number
  readonly #key: readonly ColumnSpec[]
  #groups = new Uint32Array(0)
  /** Different values of the inputs of value folds, as key, tag, value; and how often each came. */
  readonly #values = new BytesIndex()
  #counts = new Float64Array(0)
  readonly #keyRows = new ByteRows()
  readonly #scratch = new ByteBuffer()

  constructor({ key, value, aggregates, budgetBytes }: TableOptions) {
    this.#key = key
    this.#keys = new KeyTable(key)
    this.#set = new AggregateSet(aggregates, value)
    this.#budget = budgetBytes
  }

  /** Groups held. */
  get length(): number {
    return this.#keys.length
  }

  /** Adds a batch, or returns false when it could take more than the budget: write the table out, clear it and add the batch again. An empty table takes any batch. */
  add(batch: Batch): boolean {
    const { length } = batch
    if (length === 0) return true
    const columns = this.#key.map(({ name }) => columnOf(batch, name))
    const keys = this.#keys
    keys.prepare(columns, length)
    const size = keys.sizeWith(length) + this.#set.sizeWith(keys.length + length) + this.#valuesSize(batch)
    if (size > this.#budget && keys.length > 0) return false
    keys.reserve(length)
    this.#set.reserve(keys.length + length)
    if (this.#groups.length < length) this.#groups = new Uint32Array(length)
    keys.add(length, this.#groups)
    this.#set.add(this.#groups, batch, length)
    if (this.#set.valueInputs.length > 0) this.#addValues(batch)
    return true
  }

  /** Writes every group in order of partition and key; the table stays as it is. */
  writeTo(sink: RecordSink, partitions: number): void {
    const { groups, ends } = this.#keys.sorted(partitions)
    const key = new Uint8Array(this.#keys.maxKeyBytes)
    const payload = new ByteBuffer()
    const values = this.#sortedValues(partitions)
    let nextValue = 0
    let partition = 0
    for (let i = 0; i < groups.length; i++) {
      while (i >= ends[partition]!) partition++
      const keyEnd = this.#keys.writeKey(groups[i]!, key, 0)
      payload.length = 0
      this.#set.write(groups[i]!, payload)
      sink.append(partition, key, 0, keyEnd, payload.data, 0, payload.length)
      while (nextValue < values.length && this.#startsWith(values[nextValue]!, key, keyEnd))
        this.#appendValue(values[nextValue++]!, partition, payload, sink)
    }
  }

  clear(): void {
    this.#keys.clear()
    this.#set.clear()
    this.#values.clear()
    this.#counts.fill(0)
  }

  #valuesSize(batch: Batch): number {
    const inputs = this.#set.valueInputs
    if (inputs.length === 0) return 0
    const rows = batch.length * inputs.length
    return this.#values.sizeWith(rows, this.#encodedSize(batch)) + (this.#values.length + rows) * 8
  }

  /** Encodes the keys of a batch and returns the bytes that its values take with them. */
  #encodedSize(batch: Batch): number {
    const { codec } = this.#keys
    codec.encode(codec.columnsOf(batch), 0, batch.length, this.#keyRows)
    let size = this.#set.valueInputs.length * (this.#keyRows.offsets[batch.length]! + batch.length)
    for (const input of this.#set.valueInputs) {
      const column = columnOf(batch, input.column)
      for (let row = 0; row < batch.length; row++) size += input.codec.measure(column, row)
    }
    return size
  }

  #addValues(batch: Batch): void {
    const inputs = this.#set.valueInputs
    const rows = batch.length * inputs.length
    this.#values.reserve(rows, this.#encodedSize(batch))
    if (this.#counts.length < this.#values.length + rows) {
      const counts = new Float64Array(Math.max(this.#values.length + rows, this.#counts.length * 2))
      counts.set(this.#counts)
      this.#counts = counts
    }
    const { data, offsets } = this.#keyRows
    const scratch = this.#scratch
    for (const { tag, column: name, codec } of inputs) {
      const column = columnOf(batch, name)
      for (let row = 0; row < batch.length; row++) {
        if (column.valid && column.valid[row] === 0) continue
        scratch.length = 0
        scratch.putBytes(data, offsets[row]!, offsets[row + 1]!)
        scratch.putByte(tag)
        scratch.ensure(codec.measure(column, row))
        scratch.length = codec.write(column, row, scratch.data, scratch.length)
        this.#counts[this.#values.insert(scratch.data, 0, scratch.length)]!++
      }
    }
  }

  #sortedValues(partitions: number): Uint32Array {
    const { data, offsets, length } = this.#values
    const rows = Uint32Array.from({ length }, (_, row) => row)
    if (length === 0) return rows
    sortByBytes(rows, data, offsets)
    if (partitions === 1) return rows
    const of = new Uint16Array(length)
    for (let row = 0; row < length; row++)
      of[row] = partitionOf(data, offsets[row]!, this.#keys.codec.skip(data, offsets[row]!), partitions)
    return sortByPartition(rows, of, new Uint32Array(partitions))
  }

  #startsWith(value: number, key: Uint8Array, keyEnd: number): boolean {
    const { data, offsets } = this.#values
    const from = offsets[value]!
    if (offsets[value + 1]! - from <= keyEnd) return false
    for (let i = 0; i < keyEnd; i++) if (data[from + i] !== key[i]) return false
    return true
  }

  #appendValue(value: number, partition: number, payload: ByteBuffer, sink: RecordSink): void {
    const { data, offsets } = this.#values
    payload.length = 0
    payload.putVarint(this.#counts[value]!)
    sink.append(partition, data, offsets[value]!, offsets[value + 1]!, payload.data, 0, payload.length)
  }
}
