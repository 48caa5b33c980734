import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { readBlock } from '../../storage/block/read.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { Counters, UserCounters } from '../counters.ts'
import type { Plan } from '../plan/plan.ts'
import type { Coverage } from './coverage.ts'

/** What a committed run gives back. */
export interface RunOutcome {
  readonly run: string
  readonly runKey: string
  readonly job: string
  /** Version of the snapshot that it read. */
  readonly snapshot: number
  /** Version of the commit that made the result visible. */
  readonly committed: number
  readonly coverage: Coverage
  readonly counters: Counters
  readonly userCounters: UserCounters
  readonly columns: readonly ColumnSpec[]
  readonly plan: Plan
  readonly blocks: readonly BlockInfo[]
  readonly elapsedMs: number
  /** The rows of the result in order; each batch is used again for the next. */
  rows(): AsyncIterable<Batch>
}

/** Reads the rows of result blocks in order. */
export async function* readRows(
  store: ObjectStore,
  blocks: readonly BlockInfo[],
  schema: unknown,
  columns: readonly ColumnSpec[],
): AsyncGenerator<Batch, void, undefined> {
  for (const block of blocks) for await (const { batch } of readBlock({ store, block, schema, columns })) yield batch
}
