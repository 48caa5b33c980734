import type { Batch } from '../../flow/batch.ts'
import { ByteRows, RowCodec } from '../../flow/canonical.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { BatchSink, Program } from '../program.ts'
import { rowForm } from '../row-form.ts'
import type { RunFile, RunHeader } from '../shuffle/run-file.ts'
import { RunWriter } from '../shuffle/run-writer.ts'

/** Takes the rows that a reduce task makes and leaves one run file of one partition: keys are what orders the rows, payloads the rows, without what the keys hold where the result is ordered. */
export interface RowOutput extends BatchSink {
  finish(): RunFile
  /** Lets go of what is open, after a failure. */
  abandon(): void
}

export function rowHeader(program: Program, ordered: boolean): RunHeader {
  return { content: 'rows', key: [], value: payloadOf(program, ordered), partitions: 1 }
}

/** The columns of payloads: those of an ordered result that do not order it, all of rows that go on to another stage. */
const payloadOf = (program: Program, ordered: boolean): readonly ColumnSpec[] =>
  ordered ? rowForm(program).rest : program.output

/** Writes rows as they come: those of aggregates come in order of key. */
export class RowWriter implements RowOutput {
  readonly #writer: RunWriter
  readonly #order: RowCodec
  readonly #row: RowCodec
  readonly #keys = new ByteRows()
  readonly #rows = new ByteRows()

  constructor(program: Program, path: string, ordered: boolean) {
    this.#writer = new RunWriter(path, rowHeader(program, ordered))
    this.#order = new RowCodec(program.key)
    this.#row = new RowCodec(payloadOf(program, ordered))
  }

  add(batch: Batch): void {
    const keys = this.#keys
    const rows = this.#rows
    this.#order.encode(this.#order.columnsOf(batch), 0, batch.length, keys)
    this.#row.encode(this.#row.columnsOf(batch), 0, batch.length, rows)
    for (let row = 0; row < batch.length; row++)
      this.#writer.append(
        0,
        keys.data,
        keys.offsets[row]!,
        keys.offsets[row + 1]!,
        rows.data,
        rows.offsets[row]!,
        rows.offsets[row + 1]!,
      )
  }

  finish(): RunFile {
    return this.#writer.finish()
  }

  abandon(): void {
    this.#writer.abandon()
  }
}
