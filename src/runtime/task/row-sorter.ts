import type { Batch } from '../../flow/batch.ts'
import { ByteRows, invertBytes, RowCodec } from '../../flow/canonical.ts'
import type { Program } from '../program.ts'
import { rowForm } from '../row-form.ts'
import type { Cursor } from '../shuffle/cursor.ts'
import { drain, firstOf } from '../shuffle/cursor.ts'
import { mergeRuns } from '../shuffle/merge-runs.ts'
import { RecordBuffer } from '../shuffle/record-buffer.ts'
import type { RunFile, RunHeader } from '../shuffle/run-file.ts'
import type { AttemptFiles } from './attempt-files.ts'
import type { RowOutput } from './row-output.ts'
import { rowHeader } from './row-output.ts'
import { writeRun } from './write-run.ts'

/** One column of the order of a result. */
interface OrderPart {
  readonly codec: RowCodec
  readonly descending: boolean
  readonly rows: ByteRows
}

export interface RowSorterOptions {
  readonly program: Program
  readonly files: AttemptFiles
  /** Where the rows are left. */
  readonly path: string
  readonly budgetBytes: number
  /** Only the first so many rows are wanted. */
  readonly limit?: number | undefined
}

/** Sorts result rows by `sort`, ties by the key or, after a custom reduce, by the whole row, within a budget, and leaves them as a run file of one partition; see `RowForm`. */
export class RowSorter implements RowOutput {
  readonly #header: RunHeader
  readonly #files: AttemptFiles
  readonly #path: string
  readonly #budget: number
  readonly #order: readonly OrderPart[]
  readonly #row: RowCodec
  readonly #rows = new ByteRows()
  readonly #buffer: RecordBuffer
  readonly #spills: string[] = []
  readonly #limit: number | undefined

  constructor({ program, files, path, budgetBytes, limit }: RowSorterOptions) {
    this.#limit = limit
    const { order, rest } = rowForm(program)
    this.#header = rowHeader(program, true)
    this.#files = files
    this.#path = path
    this.#budget = budgetBytes
    this.#order = order.map(({ column, descending }) => ({
      ...{ codec: new RowCodec([column]), descending, rows: new ByteRows() },
    }))
    this.#row = new RowCodec(rest)
    this.#buffer = new RecordBuffer(budgetBytes)
  }

  add(batch: Batch): void {
    const { length } = batch
    let size = 0
    for (const { codec, descending, rows } of this.#order) {
      codec.encode(codec.columnsOf(batch), 0, length, rows)
      if (descending) invertBytes(rows.data, 0, rows.offsets[length]!)
      size += rows.offsets[length]!
    }
    this.#row.encode(this.#row.columnsOf(batch), 0, length, this.#rows)
    if (!this.#buffer.fits(length, size + this.#rows.offsets[length]!)) this.#spill()
    for (let row = 0; row < length; row++) this.#append(row)
  }

  finish(): RunFile {
    const path = this.#path
    if (this.#spills.length === 0) return writeRun(path, this.#header, (writer) => drain(this.#sorted(), 0, writer))
    this.#spill()
    const merge = {
      paths: this.#spills,
      header: this.#header,
      budgetBytes: this.#budget,
      combine: (merged: Cursor) => firstOf(merged, this.#limit),
      nextPath: () => this.#files.nextPath(),
    }
    return writeRun(path, this.#header, (writer) => mergeRuns(merge, writer))
  }

  abandon(): void {
    this.#buffer.clear()
  }

  #sorted(): Cursor {
    return firstOf(this.#buffer.sorted(1, () => 0)[0]!, this.#limit)
  }

  #spill(): void {
    const path = this.#files.nextPath()
    writeRun(path, this.#header, (writer) => drain(this.#sorted(), 0, writer))
    this.#spills.push(path)
    this.#buffer.clear()
  }

  #append(row: number): void {
    let keyBytes = 0
    for (const { rows } of this.#order) keyBytes += rows.offsets[row + 1]! - rows.offsets[row]!
    let at = this.#buffer.reserve(keyBytes, this.#rows.offsets[row + 1]! - this.#rows.offsets[row]!)
    const { data } = this.#buffer.records
    for (const { rows } of this.#order) at = copyRow(rows, row, data, at)
    copyRow(this.#rows, row, data, at)
  }
}

function copyRow(rows: ByteRows, row: number, out: Uint8Array, at: number): number {
  let end = at
  for (let i = rows.offsets[row]!; i < rows.offsets[row + 1]!; i++) out[end++] = rows.data[i]!
  return end
}
