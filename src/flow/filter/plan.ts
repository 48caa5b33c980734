import type { Batch } from '../batch.ts'

/** A parsed, type-checked filter, ready to run over batches. */
export interface FilterPlan {
  /** The filter in canonical text; parses back to an equal plan. */
  readonly text: string
  /** Columns it reads. */
  readonly columns: readonly string[]
  /** Writes the indices of matching rows into `selection` (capacity >= batch.length) and returns how many there are. */
  select(batch: Batch, selection: Uint32Array): number
}
