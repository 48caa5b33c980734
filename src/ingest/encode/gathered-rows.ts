import { createBatch, type FlowBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { PackedRows } from '../../storage/avro/sync-block-encoder.ts'
import type { BlockStatistics, TimeSpan } from '../../storage/block/statistics.ts'
import type { V5Records } from '../decode/v5-records.ts'

/** Packed rows, with the times of their records of NetFlow v5 when there are any. */
export interface PackedGathered extends PackedRows {
  readonly v5Span: TimeSpan | undefined
}

/** Rows of one sync-block: first records of NetFlow v5 as they came, then those of the batch, whose rows before are not used. */
export class GatheredRows {
  readonly batch: FlowBatch
  readonly v5: V5Records | undefined

  constructor(batch: FlowBatch, v5: V5Records | undefined) {
    this.batch = batch
    this.v5 = v5
  }

  /** In memory of this thread. Rows with further elements are columns from the start, because a record of v5 has none: without `v5`. */
  static create(columns: readonly ColumnSpec[], capacity: number, v5: V5Records | undefined): GatheredRows {
    return new GatheredRows(createBatch(columns, capacity) as FlowBatch, v5) // the caller gives the columns of a flow
  }

  /** Rows of both forms. */
  get length(): number {
    return this.batch.length
  }

  /** Of these, records of v5. */
  get records(): number {
    return this.v5?.rows ?? 0
  }

  get firstReceivedMs(): number {
    return this.v5 && this.v5.rows > 0 ? this.v5.firstReceivedMs : this.batch.columns.received.values[0]!
  }

  clear(): void {
    this.batch.length = 0
    this.v5?.clear()
  }

  /** Tells the statistics of a block about these rows. */
  describe(statistics: BlockStatistics, { v5Span }: PackedGathered): void {
    this.v5?.describe(statistics)
    if (v5Span) statistics.addSpan(v5Span)
    statistics.add(this.batch, this.records, this.length)
  }
}
