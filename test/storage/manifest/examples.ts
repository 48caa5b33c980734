import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { avroSchema, schemaId } from '../../../src/flow/schema.ts'
import type { Action, BlockInfo, LedgerEntry } from '../../../src/storage/manifest/actions.ts'
import type { Snapshot } from '../../../src/storage/manifest/snapshot.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
export const DAY = 86_400_000
export const NOON = Date.UTC(2026, 10, 21, 12)

/** A ULID with this time and, in place of randomness, this number. */
export function exampleUlid(time: number, number: number): string {
  const base32 = (value: number, digits: number): string =>
    Array.from({ length: digits }, (_, i) => DIGITS[Math.floor(value / 32 ** (digits - 1 - i)) % 32]).join('')
  return base32(time, 10) + base32(number, 16)
}

/** A block of a minute of flows from `start` on, uploaded at that time. */
export function exampleBlock(number: number, { start = NOON, dataset = 'flows', uploaded = NOON } = {}): BlockInfo {
  const time = new Date(start).toISOString()
  return {
    key: `data/${dataset}/${time.slice(0, 10)}/${time.slice(11, 13)}/${exampleUlid(uploaded, number)}.avro`,
    format: 'avro',
    sizeBytes: 1000 + number,
    records: 10,
    crc32: number,
    schemaId: SCHEMA_ID,
    collector: 'edge',
    minStart: start,
    maxStart: start + 50_000,
    minEnd: start + 1000,
    maxEnd: start + 60_000,
    exporters: ['192.0.2.1'],
    samplingUnknown: 0,
    chunks: [[200, 800 + number, 10, start, start + 60_000]],
  }
}

export const exampleLedger = (interval: number, counts: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ exporter: '192.0.2.1', sourcePort: 2055, version: 9, domain: 0, unit: 'datagrams', interval },
  ...{ received: 0, lost: 0, duplicates: 0, restarts: 0, undecodable: 0, malformed: 0, dropped: 0, quarantined: 0 },
  ...counts,
})

export const SCHEMA = avroSchema('Flow', FLOW_COLUMNS)
export const SCHEMA_ID = schemaId(SCHEMA)

export const SETUP: readonly Action[] = [
  { type: 'addDataset', dataset: 'flows' },
  { type: 'addSchema', schemaId: SCHEMA_ID, schema: SCHEMA },
]

export const addBlock = (block: BlockInfo, dataset = 'flows'): Action => ({ type: 'addBlock', dataset, block })

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = []
  for await (const item of items) result.push(item)
  return result
}

export const objectKeys = async (store: ObjectStore): Promise<string[]> =>
  (await collect(store.list(''))).map(({ key }) => key)

export const liveKeys = async (snapshot: Snapshot, dataset = 'flows'): Promise<string[]> =>
  (await collect(snapshot.blocks(dataset))).map(({ key }) => key)
