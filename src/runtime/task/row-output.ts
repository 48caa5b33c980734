import type { Batch } from '../../flow/batch.ts'
import { ByteRows, RowCodec } from '../../flow/canonical.ts'
import type { BatchSink, Program } from '../program.ts'
import type { RunFile, RunHeader } from '../shuffle/run-file.ts'
import { RunWriter } from '../shuffle/run-writer.ts'

/** Takes the rows that a reduce task makes and leaves one run file of one partition: keys are what orders the rows, payloads the rows. */
export interface RowOutput extends BatchSink {
  finish(): RunFile
  /** Lets go of what is open, after a failure. */
  abandon(): void
}

export function rowHeader({ output }: Program): RunHeader {
  return { content: 'rows', key: [], value: output, partitions: 1 }
}

/** Writes rows as they come: those of aggregates come in order of key. */
export class RowWriter implements RowOutput {
  readonly #writer: RunWriter
  readonly #order: RowCodec
  readonly #row: RowCodec
  readonly #keys = new ByteRows()
  readonly #rows = new ByteRows()

  constructor(program: Program, path: string) {
    this.#writer = new RunWriter(path, rowHeader(program))
    this.#order = new RowCodec(program.key)
    this.#row = new RowCodec(program.output)
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
