import { StorageError } from '../../storage/errors.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import type { JobReference } from '../job-reference.ts'
import type { Plan } from '../plan/plan.ts'
import { planKey } from './layout.ts'

/** What is stored of a run before it starts, and all that `resume` needs beside the journal. Format 1. */
export interface RunRecord {
  readonly formatVersion: 1
  readonly run: string
  /** Identifies equal work. */
  readonly runKey: string
  /** When it was started, milliseconds. */
  readonly created: number
  readonly job: JobReference
  readonly plan: Plan
  /** Avro schemas of the blocks read, by id. */
  readonly schemas: { readonly [schemaId: string]: unknown }
  readonly onCorrupt: 'fail' | 'skip'
  readonly maxBadRecords: number
  /** Whether run files are kept in the store, for other machines. */
  readonly keepsFiles: boolean
}

export async function writeRecord(store: ObjectStore, record: RunRecord): Promise<void> {
  await store.write(planKey(record.run), new TextEncoder().encode(JSON.stringify(record)), { ifAbsent: true })
}

/** Throws `not-found` when there is no such run. */
export async function readRecord(store: ObjectStore, run: string): Promise<RunRecord> {
  const record = await readJson<RunRecord>(store, planKey(run))
  if (!record) throw new RuntimeError('not-found', `run ${run}: expected in ${store.url}, got none`, { run })
  if (record.formatVersion === 1) return record
  throw new StorageError('bad-format', `run ${run}: plan expected format 1, got ${record.formatVersion}`, { run })
}

/** An object of a run that this program wrote, or undefined when there is none. */
export async function readJson<T>(store: ObjectStore, key: string): Promise<T | undefined> {
  try {
    return JSON.parse(new TextDecoder().decode(await store.read(key))) as T
  } catch (error) {
    if (error instanceof StorageError && (error.code === 'not-found' || error.code === 'bad-key')) return undefined
    if (error instanceof SyntaxError)
      throw new StorageError('corrupt', `storage: ${key} expected JSON, got other bytes`, { key }, error)
    throw error
  }
}
