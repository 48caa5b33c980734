import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { StorageError } from '../errors.ts'
import type { ColumnWriter } from './write-column.ts'
import { columnWriter } from './write-column.ts'

/**
 * Encodes rows of batches as Avro, one after another, into one growing buffer of plain bytes. It goes through the columns twice, one column at a time:
 * once to learn how long each row is, once to write; so every loop runs over one typed array of one kind, and nothing is allocated per row.
 */
export class RowEncoder {
  /** The plain bytes of the rows added since `clear`; a view that is good until the next call. */
  private bytes = new Uint8Array(256 * 1024)
  private length = 0
  private readonly specs: readonly ColumnSpec[]
  private readonly writers: readonly ColumnWriter[]
  private readonly positions: Int32Array

  /** `maxRows` is the largest number of rows added at once. */
  constructor(specs: readonly ColumnSpec[], maxRows: number) {
    this.specs = specs
    this.writers = specs.map((spec) => columnWriter(spec, maxRows))
    this.positions = new Int32Array(maxRows)
  }

  get sizeBytes(): number {
    return this.length
  }

  /** The plain bytes of the rows since `clear`; a view that is good until the next call. */
  get plain(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** Appends rows `from` to `to` (exclusive) of a batch. Throws `bad-format` for a value that Avro or the column's type cannot hold; nothing is appended then. */
  add(batch: Batch, from: number, to: number): void {
    const rows = to - from
    const { positions, writers } = this
    positions.fill(0, 0, rows)
    let common = 0
    for (const [i, writer] of writers.entries())
      common += writer.measure(this.columnOf(batch, i), from, rows, positions)
    this.reserve(this.toOffsets(rows, common))
    for (const [i, writer] of writers.entries()) {
      writer.write(this.columnOf(batch, i), from, rows, this.bytes, positions)
    }
    // The last row was written up to the end of everything.
    if (rows > 0) this.length = positions[rows - 1]!
  }

  private columnOf(batch: Batch, i: number) {
    const { name, type } = this.specs[i]!
    const column = batch.columns[name]
    if (column?.type === type) return column
    throw new StorageError(
      'bad-format',
      `storage: batch expected a column ${name} of ${type}, got ${column?.type ?? 'none'}`,
    )
  }

  /** Turns the lengths of rows, beyond the bytes they have in common, into the offsets where they begin, and returns where the last one ends. */
  private toOffsets(rows: number, common: number): number {
    const { positions } = this
    let at = this.length
    for (let row = 0; row < rows; row++) {
      const length = positions[row]!
      positions[row] = at
      at += length + common
    }
    return at
  }

  private reserve(needed: number): void {
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}
