import type { KernelInstance } from '../../kernels/pool.ts'
import type { Batch } from '../batch.ts'
import type { MarkStep } from './mark-step.ts'

/** A parsed, type-checked filter, ready to run over batches. */
export interface FilterPlan {
  /** The filter in canonical text; parses back to an equal plan. */
  readonly text: string
  /** Columns it reads. */
  readonly columns: readonly string[]
  /** The same as steps, when kernels can carry them out. */
  readonly steps?: readonly MarkStep[]
  /** Writes the indices of matching rows into `selection` (capacity >= batch.length) and returns how many there are. */
  select(batch: Batch, selection: Uint32Array): number
  /** `select`, carried out by kernels where columns and selection lie in their memory, of which it takes a part. */
  selectIn(instance: KernelInstance): FilterPlan['select']
}
