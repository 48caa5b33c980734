import { RowCodec } from '../../flow/canonical.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { AggregateSet } from '../aggregate/aggregate-set.ts'
import { CombinedCursor } from '../aggregate/combine.ts'
import { FoldTable } from '../aggregate/fold-table.ts'
import { AggregateTable } from '../aggregate/table.ts'
import type { BatchSink, Program, TaskContext } from '../program.ts'
import type { Cursor, RecordSink } from '../shuffle/cursor.ts'
import { GroupWriter } from '../shuffle/group-writer.ts'
import { mergeRuns } from '../shuffle/merge-runs.ts'
import type { RunFile, RunHeader } from '../shuffle/run-file.ts'
import type { AttemptFiles } from './attempt-files.ts'
import { BatchScanner } from './batch-scanner.ts'
import { orderedValues } from './ordered-values.ts'
import { ValuesBuffer } from './values-buffer.ts'
import { writeRun } from './write-run.ts'

/** Takes what a mapper emits and leaves one run file. */
export interface MapOutput extends BatchSink {
  /** Runs written because the budget was full. */
  readonly spills: number
  /** Memory in which the columns of batches are read where they lie. */
  readonly kernels: KernelInstance | undefined
  /** The table that kernels may add to as well. */
  readonly table?: FoldTable
  finish(): RunFile
  /** Lets go of what is open, after a failure. */
  abandon(): void
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
  /** False when the batch does not fit beside what is there. */
  add(batch: Parameters<BatchSink['add']>[0]): boolean
  writeTo(sink: RecordSink, partitions: number): void
  clear(): void
}

export function createMapOutput(options: MapOutputOptions): MapOutput {
  const { program, partitions, budgetBytes } = options
  const { key, value, fold, sort, limit } = program
  if (fold.type === 'aggregate') {
    const shape = { key, value, aggregates: fold.aggregates, budgetBytes }
    const firstOf = limit === undefined ? undefined : sort
    const folded = FoldTable.for({ ...shape, partitions, firstOf })
    if (folded) return new GroupOutput(options, folded)
    const table = new AggregateTable(shape)
    const combine = (merged: Cursor): Cursor =>
      new CombinedCursor(merged, new RowCodec(key), new AggregateSet(fold.aggregates, value))
    return new SpillingOutput(options, table, { content: 'aggregate', key, value, partitions }, combine)
  }
  const buffer = new ValuesBuffer(program, options.context, budgetBytes)
  const header = { content: 'values' as const, key, value: orderedValues(program), partitions }
  return new SpillingOutput(options, buffer, header, (merged) => buffer.combined(merged))
}

class SpillingOutput implements MapOutput {
  readonly kernels = undefined
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

  get spills(): number {
    return this.#spills.length
  }

  add(batch: Parameters<BatchSink['add']>[0]): void {
    if (this.#memory.add(batch)) return
    this.#spill()
    this.#memory.add(batch)
  }

  abandon(): void {
    this.#memory.clear()
  }

  finish(): RunFile {
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

/** Leaves the groups of a fold table: each time it is full, as a section of the run file itself. */
class GroupOutput implements MapOutput {
  readonly kernels: KernelInstance
  readonly table: FoldTable
  readonly #options: MapOutputOptions
  readonly #scanner: BatchScanner | undefined
  #writer: GroupWriter | undefined

  constructor(options: MapOutputOptions, table: FoldTable) {
    this.kernels = table.kernels
    this.#options = options
    this.table = table
    this.#scanner = BatchScanner.for(options.program, table)
  }

  /** Sections but the last. */
  get spills(): number {
    return Math.max(0, (this.#writer?.sections ?? 0) - 1)
  }

  add(batch: Parameters<BatchSink['add']>[0]): void {
    if (this.#scanner?.add(batch) || this.table.add(batch)) return
    this.#writeSection()
    this.table.add(batch)
  }

  finish(): RunFile {
    if (this.table.length > 0 || !this.#writer) this.#writeSection()
    const file = this.#open().finish(this.table.sketch)
    this.table.close()
    return file
  }

  abandon(): void {
    this.table.close()
    this.#writer?.abandon()
  }

  #writeSection(): void {
    this.table.writeTo(this.#open().section())
    this.table.clear()
  }

  #open(): GroupWriter {
    const { program, files, partitions } = this.#options
    const { key, value } = program
    const { entryBytes, sketch } = this.table
    const header = { content: 'groups' as const, key, value, partitions, entryBytes }
    this.#writer ??= new GroupWriter(files.runFile, { ...header, ...(sketch && { counters: sketch.perSlice }) })
    return this.#writer
  }
}
