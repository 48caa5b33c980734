import type { Batch } from '../../flow/batch.ts'
import type { FoldTable } from '../aggregate/fold-table.ts'
import type { Program } from '../program.ts'
import { ScanPlan } from './scan-plan.ts'

/** Kernel memory that must be free beside what is taken, for who reads. */
const SPARE_BYTES = 1 << 20

/**
 * Has a kernel add the batches that a mapper fills again and again to the table by one call each. Any other, and what a batch needs beyond, is left to `FoldTable.add`, which does the same.
 */
export class BatchScanner {
  readonly #plan: ScanPlan
  readonly #table: FoldTable
  /** The batch that came last, and whether kernels know where it lies; undefined when it has come once. */
  #batch: Batch | undefined
  #isPlaced: boolean | undefined

  /** A scanner, which takes some of the table's memory, before anything is read into that; undefined where there is none for a program. */
  static for(program: Program, table: FoldTable): BatchScanner | undefined {
    const { key, value } = program
    const columnwise = {
      key: key.map(({ name }) => ({ type: 'column' as const, column: name })),
      value: value.map(({ name }) => name),
    }
    if (!ScanPlan.hasRoom(columnwise) || table.kernels.memory.free < SPARE_BYTES) return undefined
    return new BatchScanner(table, new ScanPlan(program, columnwise, table))
  }

  private constructor(table: FoldTable, plan: ScanPlan) {
    this.#table = table
    this.#plan = plan
  }

  /** Adds a batch, or returns false, having added nothing. */
  add(batch: Batch): boolean {
    if (batch !== this.#batch) {
      this.#batch = batch
      this.#isPlaced = undefined
      return false
    }
    this.#isPlaced ??= this.#place(batch)
    if (!this.#isPlaced || !this.#plan.begin(batch.length)) return false
    const isAdded = this.#table.kernels.kernels.scanRows(this.#plan.words.byteOffset, batch.length) !== 0
    this.#plan.end()
    return isAdded
  }

  #place(batch: Batch): boolean {
    const columns = this.#plan.columnsOf(batch)
    if (!columns) return false
    this.#plan.place(columns, ({ byteOffset }) => byteOffset)
    return true
  }
}
