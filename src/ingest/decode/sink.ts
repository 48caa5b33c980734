import type { Batch, FlowBatch } from '../../flow/batch.ts'
import { createBatch, FLOW_COLUMNS } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { V5Intake } from './v5-intake.ts'
import type { V5Records } from './v5-records.ts'

/**
 * Where a decoder puts flows. It appends rows to `batch` and calls `flush` when the batch cannot take the next rows; `flush` must leave
 * `batch` (the same or another one) with room, by setting its length back. What is in the batch after the last datagram is the caller's to flush.
 */
export interface FlowSink {
  /** At least two rows of capacity (a biflow is two flows). */
  batch: FlowBatch
  /**
   * Takes records of NetFlow v5 as they came, as long as there are no other rows: they count as rows of `batch`, which are left as they are there. Without it they are
   * written into the batch as well.
   */
  v5?: V5Records | undefined
  /** Who made the memory of `v5`, when many datagrams can be taken at once. */
  readonly intake?: V5Intake | undefined
  flush(): void
  /** Flows whose counters do not fit; without it they are counted only. */
  readonly quarantine?: QuarantineSink
}

/** As `FlowSink`, for flows with a counter above 2^53 - 1. */
export interface QuarantineSink {
  batch: Batch
  flush(): void
}

const WIDE = new Set(['bytes', 'packets'])

/** The columns of the dataset `quarantine/ingest`: a flow record whose counters have 64 bits. */
export const QUARANTINE_COLUMNS: readonly ColumnSpec[] = FLOW_COLUMNS.map(({ name, type }) => ({
  name,
  type: WIDE.has(name) ? 'u64' : type,
}))

/** Makes an empty quarantine batch; `elements` as for `createFlowBatch`. */
export function createQuarantineBatch(capacity: number, elements: readonly ColumnSpec[] = []): Batch {
  return createBatch([...QUARANTINE_COLUMNS, ...elements], capacity)
}
