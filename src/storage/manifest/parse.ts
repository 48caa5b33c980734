import { z } from 'zod'
import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { Action, BlockInfo, ChunkInfo, Commit, LedgerEntry } from './actions.ts'
import { FORMAT_VERSION, KNOWN_FEATURES } from './layout.ts'

/** Reading of the manifest's objects: JSON whose every field is checked, with errors that name the key and the field. */

const count = z.int().nonnegative()
const time = z.int().nullable()

/** Up to 64 tuples per block: one loop, because a page holds more than a hundred thousand of them. */
const chunks = z.custom<readonly ChunkInfo[]>((value) => Array.isArray(value) && value.every(isChunk), {
  message: 'expected a list of [offset, length, records, minStart, maxEnd]',
})

function isChunk(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 5) return false
  for (let i = 0; i < 5; i++) {
    const item: unknown = value[i]
    if (!Number.isSafeInteger(item) && !(i >= 3 && item === null)) return false
  }
  return true
}

const blockSchema: z.ZodType<BlockInfo> = z.looseObject({
  key: z.string(),
  format: z.enum(['avro', 'parquet']),
  sizeBytes: count,
  records: count,
  crc32: z.int().min(0).max(0xffffffff),
  schemaId: z.string(),
  collector: z.string(),
  minStart: time,
  maxStart: time,
  minEnd: time,
  maxEnd: time,
  exporters: z.array(z.string()),
  samplingUnknown: count,
  chunks,
})

export const LEDGER_UNITS = ['flows', 'datagrams', 'records'] as const

const ledgerSchema: z.ZodType<LedgerEntry> = z.object({
  exporter: z.string(),
  sourcePort: count,
  version: count,
  domain: count,
  unit: z.enum(LEDGER_UNITS),
  interval: count,
  received: z.int(),
  lost: z.int(),
  duplicates: z.int(),
  restarts: z.int(),
  undecodable: z.int(),
  malformed: z.int(),
  dropped: z.int(),
  quarantined: z.int(),
})

const actionSchema: z.ZodType<Action> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('addDataset'), dataset: z.string() }),
  z.object({ type: z.literal('addSchema'), schemaId: z.string(), schema: z.unknown() }),
  z.object({ type: z.literal('addBlock'), dataset: z.string(), block: blockSchema }),
  z.object({ type: z.literal('removeBlock'), dataset: z.string(), key: z.string() }),
  z.object({ type: z.literal('addLedger'), dataset: z.string(), entries: z.array(ledgerSchema) }),
  z.object({ type: z.literal('setTransaction'), writer: z.string(), sequence: count }),
  z.object({
    type: z.literal('setProperty'),
    name: z.string(),
    old: z.string().nullable(),
    value: z.string().nullable(),
  }),
])

const formatSchema = z.object({ formatVersion: z.int(), requires: z.array(z.string()) })
const headSchema = z.object({ header: formatSchema })

const commitSchema: z.ZodType<Commit> = z.object({
  header: z.object({
    formatVersion: z.int(),
    requires: z.array(z.string()),
    version: z.int().positive(),
    storeId: z.string().min(1),
    writer: z.string(),
    nonce: z.string().min(1),
    time: z.int(),
    operation: z.string(),
    epoch: z.int().exactOptional(),
  }),
  actions: z.array(actionSchema),
})

/** The commit in `bytes`; `key` is for messages, `version` is what its header must say. */
export function parseCommit(bytes: Uint8Array, key: string, version: number): Commit {
  const json = parseJson(bytes, key)
  checkFormat(json, key, 'header')
  const commit = checked(commitSchema, json, key)
  if (commit.header.version !== version) {
    throw badFormat(key, `header.version expected ${version}, got ${commit.header.version}`)
  }
  return commit
}

/** Refuses another format, or a required feature this code does not know, before anything else is looked at. */
export function checkFormat(json: unknown, key: string, field?: 'header'): void {
  const { formatVersion, requires } =
    field === undefined ? checked(formatSchema, json, key) : checked(headSchema, json, key).header
  if (formatVersion !== FORMAT_VERSION) {
    throw badFormat(key, `formatVersion expected ${FORMAT_VERSION}, got ${formatVersion}`)
  }
  const unknown = requires.filter((feature) => !KNOWN_FEATURES.includes(feature))
  if (unknown.length > 0) {
    const known = KNOWN_FEATURES.length > 0 ? KNOWN_FEATURES.join(', ') : 'none'
    const message = `manifest: ${key} requires features, expected of (${known}), got ${unknown.join(', ')}`
    throw new StorageError('unknown-feature', message, { key, features: unknown.join(', ') })
  }
}

/** Reads and parses a JSON object of the manifest. */
export async function readJson(store: ObjectStore, key: string): Promise<unknown> {
  return parseJson(await store.read(key), key)
}

export function parseJson(bytes: Uint8Array, key: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new StorageError('bad-format', `manifest: ${key} expected JSON, got ${String(cause)}`, { key }, cause)
  }
}

/** `value` as `schema` describes it, or an error that names `key` and the first field that is wrong. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, key: string): T {
  // Code generated for a schema costs more than it saves: most schemas see a few objects in a process, and large pages are no slower without.
  const result = schema.safeParse(value, { jitless: true })
  if (result.success) return result.data
  const { path = [], message = 'invalid' } = result.error.issues[0] ?? {}
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  const expected = message.replace(/^Invalid (input|option): /, '').replace(/, received .*/, '')
  const got = JSON.stringify(path.reduce<unknown>((at, part) => Reflect.get(Object(at), part), value)) ?? 'nothing'
  const shown = got.length > 80 ? `${got.slice(0, 77)}...` : got
  throw badFormat(key, `${field.replace(/^\./, '') || 'value'} ${lowerFirst(expected)}, got ${shown}`)
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

export function badFormat(key: string, problem: string): StorageError {
  return new StorageError('bad-format', `manifest: ${key} ${problem}`, { key })
}

export { blockSchema }
