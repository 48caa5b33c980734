import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { RowSlots } from '../../kernels/avro-rows.ts'
import { decodeRows, FAULT } from '../../kernels/avro-rows.ts'
import { corrupt } from './codec.ts'
import { fillColumn, fillDefault } from './fill.ts'
import type { RowProgram } from './program.ts'
import { compileProgram } from './program.ts'
import { parseAvroRecord } from './type.ts'

/** Decodes the wanted columns of plain Avro rows into one batch, which is used again for every call. */
export class RowDecoder {
  readonly batch: Batch
  private readonly program: RowProgram
  private readonly slots: RowSlots

  /** Throws `bad-schema` when rows of the writer's schema can never fit the columns. */
  constructor(writerSchema: unknown, columns: readonly ColumnSpec[], capacity: number) {
    this.program = compileProgram(parseAvroRecord(writerSchema), columns)
    this.batch = createBatch(columns, capacity)
    const entries = this.program.reads.length * capacity
    this.slots = {
      stride: capacity,
      numbers: new Float64Array(entries),
      positions: new Int32Array(entries),
      lengths: new Int32Array(entries),
      present: new Uint8Array(entries),
    }
    for (const spec of this.program.missing) fillDefault(this.batch.columns[spec.name]!, spec, capacity)
  }

  /** Decodes `rows` rows (at most the batch's capacity) that begin at `at` and returns where they end. Throws `corrupt`. */
  decode(plain: Uint8Array, at: number, rows: number): number {
    this.slots.present.fill(1)
    const next = decodeRows(this.program.code, plain, at, plain.length, rows, this.slots)
    if (next < 0) throw corrupt(...(FAULTS[next] ?? ['rows', 'none']))
    for (const [slot, read] of this.program.reads.entries()) {
      fillColumn(this.batch.columns[read.spec.name]!, read, slot, rows, plain, this.slots)
    }
    this.batch.length = rows
    return next
  }
}

const FAULTS: { readonly [fault: number]: readonly [expected: string, got: string] } = {
  [FAULT.end]: ['whole rows', 'the end within one'],
  [FAULT.varint]: ['varints of at most 64 bits', 'a longer one'],
  [FAULT.length]: ['a length within the data', 'another'],
  [FAULT.boolean]: ['a boolean of 0 or 1', 'another byte'],
  [FAULT.branch]: ['a branch of the union', 'another'],
  [FAULT.refused]: ['a value that the column can hold', 'null or another branch of the union'],
  [FAULT.depth]: ['at most 200 nested values', 'more'],
}
