import { createHash } from 'node:crypto'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { setValue } from '../../flow/value.ts'
import { BlockEncoder } from '../../storage/block/encode.ts'
import { StorageError } from '../../storage/errors.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import type { BadRecord } from '../task/description.ts'
import type { JournalEntry } from './journal.ts'
import type { RunState } from './run-state.ts'
import { inOrder } from './totals.ts'

/** Columns of `quarantine/<run>`: where a bad record lies, what the job read of it, and what its `map` threw. */
export const QUARANTINE_COLUMNS: readonly ColumnSpec[] = [
  { name: 'block', type: 'text' },
  { name: 'position', type: 'u53' },
  { name: 'record', type: 'text' },
  { name: 'error', type: 'text' },
  { name: 'stack', type: 'text' },
]

export const quarantineDataset = (run: string): string => `quarantine/${run}`

/** Bad records of a run in the order of its tasks. */
export const badRecordsOf = (entries: readonly JournalEntry[]): readonly BadRecord[] =>
  inOrder(entries).flatMap(({ badRecords }) => badRecords)

/** The error of a run whose committed attempts together have met more bad records than it may: each attempt by itself only knows of its own. */
export function tooManyBadRecords({ entries, facts }: Pick<RunState, 'entries' | 'facts'>): RuntimeError | undefined {
  const { maxBadRecords, run } = facts
  const count = entries.reduce((sum, { badRecords }) => sum + badRecords.length, 0)
  if (count <= maxBadRecords) return undefined
  const { block, position, error } = badRecordsOf(entries)[0]!
  const message = `run ${run}: bad records expected at most ${maxBadRecords}, got ${count}; the first is record ${position} of ${block}: ${error}`
  return new RuntimeError('bad-records', message, { run, block, position })
}

/** Stores the bad records of a run as one block, which the commit of the run makes visible. */
export async function storeQuarantine(
  store: ObjectStore,
  run: string,
  records: readonly BadRecord[],
): Promise<{ dataset: string; blocks: readonly BlockInfo[]; schema: unknown }> {
  const batch = createBatch(QUARANTINE_COLUMNS, records.length)
  records.forEach((record, row) => {
    setValue(batch.columns.block!, row, record.block)
    setValue(batch.columns.position!, row, record.position)
    setValue(batch.columns.record!, row, record.record)
    setValue(batch.columns.error!, row, record.error)
    setValue(batch.columns.stack!, row, record.stack)
  })
  batch.length = records.length
  const encoder = new BlockEncoder({ name: 'quarantine', columns: QUARANTINE_COLUMNS })
  encoder.add(batch)
  const { bytes, schema, info } = encoder.finish()
  const dataset = quarantineDataset(run)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const key = `data/${dataset}/000000-${hash}.avro`
  try {
    await store.write(key, bytes, { ifAbsent: true })
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'exists')) throw error
  }
  return { dataset, blocks: [{ key, collector: run, ...info }], schema }
}
