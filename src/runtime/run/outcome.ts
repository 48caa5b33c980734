import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { columnSpecs } from '../../flow/schema.ts'
import { readBlock } from '../../storage/block/read.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { InjectedFaults } from '../chaos/chaos.ts'
import type { Counters, UserCounters } from '../counters.ts'
import type { Plan } from '../plan/plan.ts'
import type { Coverage } from './coverage.ts'

/** What a committed run leaves in the store beside its blocks: enough to print its result again. Format 1. */
export interface StoredOutcome {
  readonly formatVersion: 1
  readonly run: string
  readonly runKey: string
  readonly job: string
  /** Version of the snapshot that it read. */
  readonly snapshot: number
  /** Version of the commit that made the result visible; null when a coordinator died before it could note it. */
  readonly committed: number | null
  readonly coverage: Coverage
  readonly counters: Counters
  readonly userCounters: UserCounters
  /** Records in the dataset `quarantine/<run>`. */
  readonly badRecords: number
  readonly blocks: readonly BlockInfo[]
  /** Avro schema of the blocks. */
  readonly schema: unknown
  /** What went wrong on purpose in the process that committed it. */
  readonly chaos?: { readonly seed: number; readonly injected: InjectedFaults }
  readonly finished: number
  readonly elapsedMs: number
}

/** What a committed run gives back. */
export interface RunOutcome extends StoredOutcome {
  readonly columns: readonly ColumnSpec[]
  readonly plan: Plan
  /** The rows of the result in order; each batch is used again for the next. */
  rows(): AsyncIterable<Batch>
}

/** A stored outcome as it is given back. */
export function openOutcome(store: ObjectStore, stored: StoredOutcome, plan: Plan): RunOutcome {
  const columns = columnSpecs(stored.schema)
  return { ...stored, columns, plan, rows: () => readRows(store, stored.blocks, stored.schema, columns) }
}

/** Reads the rows of result blocks in order. */
async function* readRows(
  store: ObjectStore,
  blocks: readonly BlockInfo[],
  schema: unknown,
  columns: readonly ColumnSpec[],
): AsyncGenerator<Batch, void, undefined> {
  for (const block of blocks) for await (const { batch } of readBlock({ store, block, schema, columns })) yield batch
}
