import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import { compareBytes } from '../../flow/canonical.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { gatherRows } from '../../flow/gather.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { RuntimeError } from '../error.ts'
import type { AggregateSpec } from '../program.ts'
import type { RecordSink } from '../shuffle/cursor.ts'
import { columnOf } from './aggregate-set.ts'
import { FoldMemory } from './fold-memory.ts'
import { FoldRecords, MAX_PARTS } from './fold-records.ts'
import { RecordList } from './record-list.ts'
import { firstNot } from './sort.ts'
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
    const { length } = aggregates
    return packer && fits && length > 0 && length <= MAX_PARTS ? new FoldTable(options, packer) : undefined
  }

  private constructor({ key, value, aggregates, budgetBytes }: TableOptions, packer: WordPacker) {
    const general = Math.floor(budgetBytes * GENERAL_SHARE)
    this.#packer = packer
    this.#key = key
    this.#columns = [...key, ...value]
    this.#general = new AggregateTable({ key, value, aggregates, budgetBytes: general })
    this.#sums = [...new Set(aggregates.flatMap((spec) => (isCount(spec) ? [] : [spec.input ?? ''])))]
    this.#parts = aggregates.map((spec) => (isCount(spec) ? -1 : this.#sums.indexOf(spec.input ?? '')))
    const { width, directBytes } = packer
    const sums = this.#sums.length
    this.#memory = new FoldMemory({ width, sums, directBytes, budgetBytes: budgetBytes - general })
  }

  /** Memory in which columns can be read where they lie. */
  get kernels(): KernelInstance {
    return this.#memory.instance
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
    const direct = this.#packer.isDirect ? directKeys(columns[0]!) : undefined
    const wide = direct ? 0 : this.#packer.pack(columns, length, this.#wide)
    const values = this.#sums.map((name) => columnOf(batch, name))
    const bound = values.reduce((most, column) => Math.max(most, this.#memory.boundOf(column, length)), 0)
    if (this.#bound + bound > EXACT || !this.#memory.reserve(length)) return this.#addGeneral(batch)
    if (wide > 0 && !this.#addWide(batch, wide)) return false
    this.#bound += bound
    this.#memory.add(direct ?? this.#packer.words, values, length, this.#wide.subarray(0, wide))
    return true
  }

  /** Writes every group in order of partition and key; the table stays as it is. */
  writeTo(sink: RecordSink, partitions: number): void {
    const others = new RecordList()
    this.#general.writeTo(others, partitions)
    const records = new FoldRecords(this.#memory, this.#packer, this.#parts, { sink, partitions })
    const key = new Uint8Array(this.#packer.width * 8)
    const { words, strideBytes } = this.#memory
    const isBefore = (at: number, other: number): boolean => {
      const order = records.comparePartition(at, others.partitionOf(other))
      if (order !== 0) return order < 0
      const keyEnd = this.#packer.write(words, records.slot(at), key, 0, strideBytes / 4)
      return compareBytes(key, 0, keyEnd, others.bytes, others.keyStart(other), others.keyEnd(other)) < 0
    }
    let written = 0
    for (let other = 0; other < others.length; other++) {
      const end = firstNot(written, records.length, (at) => isBefore(at, other))
      records.write(written, end)
      others.forward(sink)
      written = end
    }
    records.write(written, records.length)
    records.close()
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
}

const isCount = ({ aggregate, input, custom }: AggregateSpec): boolean =>
  aggregate === 'count' && input === undefined && custom === undefined

function isSum({ aggregate, input, custom }: AggregateSpec, value: readonly ColumnSpec[]): boolean {
  const column = value.find(({ name }) => name === input)
  return aggregate === 'sum' && custom === undefined && column?.nullable !== true && SUMMED.includes(column?.type ?? '')
}

/** The values of a column of keys that have an entry each. */
function directKeys(column: Column): Uint8Array | Uint16Array {
  if (column.type === 'u8' || column.type === 'u16' || column.type === 'boolean') return column.values
  throw new RuntimeError('bad-program', `aggregate: key expected numbers of 8 or 16 bits, got ${column.type}`)
}
