import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { Action, BlockInfo, ChunkInfo, Commit, LedgerEntry } from './actions.ts'
import { FORMAT_VERSION, KNOWN_FEATURES } from './layout.ts'
import type { Shape } from './shape.ts'
import {
  anything,
  between,
  count,
  integer,
  listOf,
  object,
  oneOf,
  optional,
  orNull,
  positive,
  shape,
  text,
  variants,
} from './shape.ts'

/** Reading of the manifest's objects: JSON whose every field is checked, with errors that name the key and the field. */

const time = orNull(integer)

/** Up to 64 tuples per block: one loop, because a page holds more than a hundred thousand of them. */
const chunks = shape<readonly ChunkInfo[]>(
  'a list of [offset, length, records, minStart, maxEnd]',
  (value) => Array.isArray(value) && value.every(isChunk),
)

function isChunk(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 5) return false
  for (let i = 0; i < 5; i++) {
    const item: unknown = value[i]
    if (!Number.isSafeInteger(item) && !(i >= 3 && item === null)) return false
  }
  return true
}

export const blockShape = object<BlockInfo>({
  key: text,
  format: oneOf('avro', 'parquet'),
  sizeBytes: count,
  records: count,
  crc32: between(0, 0xffffffff),
  schemaId: text,
  collector: text,
  minStart: time,
  maxStart: time,
  minEnd: time,
  maxEnd: time,
  exporters: listOf(text),
  samplingUnknown: count,
  chunks,
})

export const LEDGER_UNITS = ['flows', 'datagrams', 'records'] as const

const ledgerShape = object<LedgerEntry>({
  exporter: text,
  sourcePort: count,
  version: count,
  domain: count,
  unit: oneOf(...LEDGER_UNITS),
  interval: count,
  received: integer,
  lost: integer,
  duplicates: integer,
  restarts: integer,
  undecodable: integer,
  malformed: integer,
  dropped: integer,
  quarantined: integer,
})

const property = orNull(text)
const actionShape = variants<Action>({
  addDataset: object({ dataset: text }),
  addSchema: object({ schemaId: text, schema: anything }),
  addBlock: object({ dataset: text, block: blockShape }),
  removeBlock: object({ dataset: text, key: text }),
  addLedger: object({ dataset: text, entries: listOf(ledgerShape) }),
  setTransaction: object({ writer: text, sequence: count }),
  setProperty: object({ name: text, old: property, value: property }),
})

const notEmpty = shape<string>('text that is not empty', (value) => typeof value === 'string' && value !== '')
const format = { formatVersion: integer, requires: listOf(text) }
const formatShape = object<Pick<Commit['header'], keyof typeof format>>(format)
const headShape = object({ header: formatShape })

const commitShape = object<Commit>({
  header: object<Commit['header']>({
    ...format,
    version: positive,
    storeId: notEmpty,
    writer: text,
    nonce: notEmpty,
    time: integer,
    operation: text,
    epoch: optional(integer),
  }),
  actions: listOf(actionShape),
})

/** The commit in `bytes`; `key` is for messages, `version` is what its header must say. */
export function parseCommit(bytes: Uint8Array, key: string, version: number): Commit {
  const json = parseJson(bytes, key)
  checkFormat(json, key, 'header')
  const commit = checked(commitShape, json, key)
  if (commit.header.version !== version) {
    throw badFormat(key, `header.version expected ${version}, got ${commit.header.version}`)
  }
  return commit
}

/** Refuses another format, or a required feature this code does not know, before anything else is looked at. */
export function checkFormat(json: unknown, key: string, field?: 'header'): void {
  const { formatVersion, requires } =
    field === undefined ? checked(formatShape, json, key) : checked(headShape, json, key).header
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

/** `value` when it has the shape, or an error that names `key` and the first field that is wrong. */
export function checked<T>(shape: Shape<T>, value: unknown, key: string): T {
  const flaw = shape(value)
  if (flaw === undefined) return value as T
  const got = JSON.stringify(flaw.got) ?? 'nothing'
  const shown = got.length > 80 ? `${got.slice(0, 77)}...` : got
  throw badFormat(key, `${flaw.path.replace(/^\./, '') || 'value'} expected ${flaw.expected}, got ${shown}`)
}

export function badFormat(key: string, problem: string): StorageError {
  return new StorageError('bad-format', `manifest: ${key} ${problem}`, { key })
}
