import { RowCodec } from '../../flow/canonical.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { AggregateSet } from '../aggregate/aggregate-set.ts'
import { CombinedCursor } from '../aggregate/combine.ts'
import { FoldTable } from '../aggregate/fold-table.ts'
import { AggregateTable } from '../aggregate/table.ts'
import type { BatchSink, Program, TaskContext } from '../program.ts'
import type { Cursor, RecordSink } from '../shuffle/cursor.ts'
import { mergeRuns } from '../shuffle/merge-runs.ts'
import type { RunFile, RunHeader } from '../shuffle/run-file.ts'
import type { AttemptFiles } from './attempt-files.ts'
import { orderedValues } from './ordered-values.ts'
import { ValuesBuffer } from './values-buffer.ts'
import { writeRun } from './write-run.ts'

/** Takes what a mapper emits and leaves one run file. */
export interface MapOutput extends BatchSink {
  /** Runs written because the budget was full. */
  readonly spills: number
  /** Memory in which the columns of batches are read where they lie. */
  readonly kernels: KernelInstance | undefined
  finish(): RunFile
}

export interface MapOutputOptions {
  readonly program: Program
  readonly context: TaskContext
  readonly files: AttemptFiles
  readonly partitions: number
  readonly budgetBytes: number
}

/** What is kept in memory and written out sorted when it is full. */
interface Spillable {
  readonly length: number
  readonly kernels?: KernelInstance
  /** False when the batch does not fit beside what is there. */
  add(batch: Parameters<BatchSink['add']>[0]): boolean
  writeTo(sink: RecordSink, partitions: number): void
  clear(): void
  /** Gives its memory back; it is not used again. An attempt that fails leaves that to the garbage collector. */
  close?(): void
}

export function createMapOutput(options: MapOutputOptions): MapOutput {
  const { program, partitions, budgetBytes } = options
  const { key, value, fold } = program
  if (fold.type === 'aggregate') {
    const shape = { key, value, aggregates: fold.aggregates, budgetBytes }
    const table = FoldTable.for(shape) ?? new AggregateTable(shape)
    const combine = (merged: Cursor): Cursor =>
      new CombinedCursor(merged, new RowCodec(key), new AggregateSet(fold.aggregates, value))
    return new SpillingOutput(options, table, { content: 'aggregate', key, value, partitions }, combine)
  }
  const buffer = new ValuesBuffer(program, options.context, budgetBytes)
  const header = { content: 'values' as const, key, value: orderedValues(program), partitions }
  return new SpillingOutput(options, buffer, header, (merged) => buffer.combined(merged))
}

class SpillingOutput implements MapOutput {
  readonly #options: MapOutputOptions
  readonly #memory: Spillable
  readonly #header: RunHeader
  readonly #combine: (merged: Cursor) => Cursor
  readonly #spills: string[] = []

  constructor(options: MapOutputOptions, memory: Spillable, header: RunHeader, combine: (merged: Cursor) => Cursor) {
    this.#options = options
    this.#memory = memory
    this.#header = header
    this.#combine = combine
  }

  get kernels(): KernelInstance | undefined {
    return this.#memory.kernels
  }

  get spills(): number {
    return this.#spills.length
  }

  add(batch: Parameters<BatchSink['add']>[0]): void {
    if (this.#memory.add(batch)) return
    this.#spill()
    this.#memory.add(batch)
  }

  finish(): RunFile {
    try {
      return this.#write()
    } finally {
      this.#memory.close?.()
    }
  }

  #write(): RunFile {
    const { files, partitions, budgetBytes } = this.#options
    if (this.#spills.length === 0)
      return writeRun(files.runFile, this.#header, (writer) => this.#memory.writeTo(writer, partitions))
    if (this.#memory.length > 0) this.#spill()
    const merge = {
      paths: this.#spills,
      header: this.#header,
      budgetBytes,
      combine: this.#combine,
      nextPath: () => files.nextPath(),
    }
    return writeRun(files.runFile, this.#header, (writer) => mergeRuns(merge, writer))
  }

  #spill(): void {
    const { files, partitions } = this.#options
    const path = files.nextPath()
    writeRun(path, this.#header, (writer) => this.#memory.writeTo(writer, partitions))
    this.#spills.push(path)
    this.#memory.clear()
  }
}
