import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { compareBytes } from '../../flow/canonical.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { gatherRows } from '../../flow/gather.ts'
import type { AggregateSpec } from '../program.ts'
import { ByteBuffer } from '../shuffle/byte-buffer.ts'
import type { RecordSink } from '../shuffle/cursor.ts'
import { columnOf } from './aggregate-set.ts'
import { FoldMemory } from './fold-memory.ts'
import { partitionOf } from './hash.ts'
import { RecordList } from './record-list.ts'
import { sortByPartition, sortByWords } from './sort.ts'
import type { TableOptions } from './table.ts'
import { AggregateTable } from './table.ts'
import { WordPacker } from './word-packer.ts'

/** Inputs whose sums the kernel adds: unsigned, so that the sum of all is a bound on each. */
const SUMMED: readonly string[] = ['u8', 'u16', 'u32', 'u53', 'boolean']

/** Doubles count exactly to here. */
const EXACT = Number.MAX_SAFE_INTEGER

/** Part of the budget that the general table may take, for the rows that do not fit the kernel. */
const GENERAL_SHARE = 0.25

/**
 * An `AggregateTable` for the common shape, keys of a few words with counts and unsigned sums, folded by a kernel in one memory. Rows with other keys
 * (IPv6) go to a general table beside it, and the two are written out as one. Its records are the same as those of an `AggregateTable`.
 */
export class FoldTable {
  readonly #packer: WordPacker
  readonly #memory: FoldMemory
  readonly #general: AggregateTable
  readonly #key: readonly ColumnSpec[]
  readonly #sums: readonly string[]
  /** For each aggregate the number of its sum, or -1 for a count. */
  readonly #parts: readonly number[]
  #wide = new Uint32Array(0)
  #wideRows: Batch | undefined
  readonly #columns: readonly ColumnSpec[]
  /** No sum of this table is above this. */
  #bound = 0

  /** A table for a program of the common shape, undefined for any other. */
  static for(options: TableOptions): FoldTable | undefined {
    const { key, value, aggregates } = options
    const packer = WordPacker.for(key)
    const fits = aggregates.every((spec) => isCount(spec) || isSum(spec, value))
    return packer && fits && aggregates.length > 0 ? new FoldTable(options, packer) : undefined
  }

  private constructor({ key, value, aggregates, budgetBytes }: TableOptions, packer: WordPacker) {
    const general = Math.floor(budgetBytes * GENERAL_SHARE)
    this.#packer = packer
    this.#key = key
    this.#columns = [...key, ...value]
    this.#general = new AggregateTable({ key, value, aggregates, budgetBytes: general })
    this.#sums = [...new Set(aggregates.flatMap((spec) => (isCount(spec) ? [] : [spec.input ?? ''])))]
    this.#parts = aggregates.map((spec) => (isCount(spec) ? -1 : this.#sums.indexOf(spec.input ?? '')))
    this.#memory = new FoldMemory({ width: packer.width, sums: this.#sums.length, budgetBytes: budgetBytes - general })
  }

  /** Groups held. */
  get length(): number {
    return this.#memory.length + this.#general.length
  }

  /** Adds a batch, or returns false, having added nothing, when it could take more than the budget. An empty table takes any batch. */
  add(batch: Batch): boolean {
    const { length } = batch
    if (length === 0) return true
    const columns = this.#key.map(({ name }) => columnOf(batch, name))
    if (this.#wide.length < length) this.#wide = new Uint32Array(length)
    const wide = this.#packer.pack(columns, length, this.#wide)
    const values = this.#sums.map((name) => columnOf(batch, name))
    const bound = this.#bound + boundOf(values, length)
    if (bound > EXACT || !this.#memory.reserve(length)) return this.#addGeneral(batch)
    if (wide > 0 && !this.#addWide(batch, wide)) return false
    this.#bound = bound
    this.#memory.add(this.#packer.words, values, length, this.#wide.subarray(0, wide))
    return true
  }

  /** Writes every group in order of partition and key; the table stays as it is. */
  writeTo(sink: RecordSink, partitions: number): void {
    const others = new RecordList()
    this.#general.writeTo(others, partitions)
    const { rows, ends, key } = this.#sorted(partitions)
    const words = this.#memory.words
    const payload = new ByteBuffer()
    let partition = 0
    for (let i = 0; i < rows.length; i++) {
      while (i >= ends[partition]!) partition++
      const row = rows[i]!
      const keyEnd = this.#packer.write(words, row, key, 0, this.#memory.strideWords)
      others.forwardWhile(sink, (at) => isBefore(others, at, partition, key, keyEnd))
      payload.length = 0
      this.#writeState(row, payload)
      sink.append(partition, key, 0, keyEnd, payload.data, 0, payload.length)
    }
    others.forwardWhile(sink, () => true)
  }

  clear(): void {
    this.#memory.clear()
    this.#general.clear()
    this.#bound = 0
  }

  /** Gives its memory back; the table is gone. */
  close(): void {
    this.#memory.close()
  }

  /** A batch that the kernel cannot take: alone in an empty table it goes the general way, otherwise the table is written out first. */
  #addGeneral(batch: Batch): boolean {
    return this.length === 0 && this.#general.add(batch)
  }

  #addWide(batch: Batch, count: number): boolean {
    if (!this.#wideRows || this.#wideRows.capacity < count) this.#wideRows = createBatch(this.#columns, batch.capacity)
    gatherRows(batch, this.#wide, count, this.#wideRows)
    return this.#general.add(this.#wideRows)
  }

  /** Slots in use, by partition and key, and where each partition ends. */
  #sorted(partitions: number): { rows: Uint32Array; ends: Uint32Array; key: Uint8Array } {
    const { strideWords } = this.#memory
    const words = this.#memory.words
    const key = new Uint8Array(this.#packer.width * 8)
    const ordered = this.#memory.slots()
    sortByWords(ordered, words, this.#packer.width, strideWords)
    const ends = new Uint32Array(partitions)
    ends[partitions - 1] = ordered.length
    if (partitions === 1) return { rows: ordered, ends, key }
    const of = new Uint16Array(this.#memory.capacity)
    for (let i = 0; i < ordered.length; i++) {
      const row = ordered[i]!
      of[row] = partitionOf(key, 0, this.#packer.write(words, row, key, 0, strideWords), partitions)
    }
    return { rows: sortByPartition(ordered, of, ends), ends, key }
  }

  /** The states as `Count` and `Sum` write them; a sum never leaves the low limb here. */
  #writeState(row: number, out: ByteBuffer): void {
    for (let i = 0; i < this.#parts.length; i++) {
      const sum = this.#parts[i]!
      if (sum >= 0) out.putByte(0)
      out.putVarint(this.#memory.stateOf(row, sum))
    }
  }
}

const isCount = ({ aggregate, input, custom }: AggregateSpec): boolean =>
  aggregate === 'count' && input === undefined && custom === undefined

function isSum({ aggregate, input, custom }: AggregateSpec, value: readonly ColumnSpec[]): boolean {
  const column = value.find(({ name }) => name === input)
  return aggregate === 'sum' && custom === undefined && column?.nullable !== true && SUMMED.includes(column?.type ?? '')
}

/** At least the sum of any of the columns: rounding of `length` additions is made good. */
function boundOf(columns: readonly Column[], length: number): number {
  let bound = 0
  for (const column of columns) {
    if ('values' in column && column.type !== 'u64' && column.type !== 'i64')
      bound = Math.max(bound, sumOf(column.values, length))
  }
  return bound * (1 + Number.EPSILON * length)
}

function sumOf(values: { readonly [row: number]: number }, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += values[i]!
  return sum
}

function isBefore(others: RecordList, at: number, partition: number, key: Uint8Array, keyEnd: number): boolean {
  const other = others.partitionOf(at)
  if (other !== partition) return other < partition
  return compareBytes(others.bytes, others.keyStart(at), others.keyEnd(at), key, 0, keyEnd) < 0
}
