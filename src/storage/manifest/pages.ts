import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { StorageError } from '../errors.ts'
import type { ObjectStore } from '../store.ts'
import type { BlockInfo, LedgerEntry } from './actions.ts'
import { blockShape, checked, LEDGER_UNITS, parseJson } from './parse.ts'
import { listOf, object, shape } from './shape.ts'
import type { Transaction } from './transaction-tree.ts'
import type { PageRef } from './tree.ts'

/** A ledger entry as pages hold it: its fields in order, without their names. */
export type LedgerRow = readonly [
  exporter: string,
  sourcePort: number,
  version: number,
  domain: number,
  unit: LedgerEntry['unit'],
  interval: number,
  received: number,
  lost: number,
  duplicates: number,
  restarts: number,
  undecodable: number,
  malformed: number,
  dropped: number,
  quarantined: number,
]

const LEDGER_FIELDS = 14
const UNIT = 4
/** One loop, as a page holds thousands of rows. */
const ledgerRows = shape<readonly LedgerRow[]>(
  'a list of ledger entries',
  (value) => Array.isArray(value) && value.every(isLedgerRow),
)

function isLedgerRow(row: unknown): boolean {
  if (!Array.isArray(row) || row.length !== LEDGER_FIELDS || typeof row[0] !== 'string') return false
  if (!LEDGER_UNITS.includes(row[UNIT])) return false
  for (let i = 1; i < LEDGER_FIELDS; i++) if (i !== UNIT && !Number.isSafeInteger(row[i])) return false
  return true
}

const transaction = shape<readonly [writer: string, sequence: number]>(
  '[writer, sequence]',
  (value) =>
    Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && Number.isSafeInteger(value[1]),
)

const blockPage = object({ blocks: listOf(blockShape) })
const ledgerPage = object({ ledger: ledgerRows })
const transactionPage = object({ transactions: listOf(transaction) })

export const ledgerToRow = (entry: LedgerEntry): LedgerRow => [
  entry.exporter,
  entry.sourcePort,
  entry.version,
  entry.domain,
  entry.unit,
  entry.interval,
  entry.received,
  entry.lost,
  entry.duplicates,
  entry.restarts,
  entry.undecodable,
  entry.malformed,
  entry.dropped,
  entry.quarantined,
]

function rowToLedger(row: LedgerRow): LedgerEntry {
  return {
    exporter: row[0],
    sourcePort: row[1],
    version: row[2],
    domain: row[3],
    unit: row[4],
    interval: row[5],
    received: row[6],
    lost: row[7],
    duplicates: row[8],
    restarts: row[9],
    undecodable: row[10],
    malformed: row[11],
    dropped: row[12],
    quarantined: row[13],
  }
}

const unzip = promisify(gunzip)

/** Reads pages, and keeps the last few read. */
export class PageReader {
  readonly #store: ObjectStore
  readonly #keep: number
  readonly #cache = new Map<string, Promise<unknown>>()

  constructor(store: ObjectStore, { keep = 8 } = {}) {
    this.#store = store
    this.#keep = keep
  }

  readonly blocks = (ref: PageRef): Promise<readonly BlockInfo[]> =>
    this.#cached(ref, (json) => checked(blockPage, json, ref.key).blocks)

  readonly ledger = (ref: PageRef): Promise<readonly LedgerEntry[]> =>
    this.#cached(ref, (json) => checked(ledgerPage, json, ref.key).ledger.map(rowToLedger))

  readonly transactions = (ref: PageRef): Promise<readonly Transaction[]> =>
    this.#cached(ref, (json) =>
      checked(transactionPage, json, ref.key).transactions.map(([writer, sequence]) => ({ writer, sequence })),
    )

  /** A page key belongs to one kind of page for ever, so what is cached under it has type `T`. */
  #cached<T>(ref: PageRef, parse: (json: unknown) => readonly T[]): Promise<readonly T[]> {
    const known = this.#cache.get(ref.key)
    const page = known === undefined ? this.#read(ref, parse) : (known as Promise<readonly T[]>)
    this.#cache.delete(ref.key)
    this.#cache.set(ref.key, page)
    if (known === undefined) page.catch(() => this.#cache.delete(ref.key))
    const oldest = this.#cache.keys().next()
    if (this.#cache.size > this.#keep && oldest.done !== true) this.#cache.delete(oldest.value)
    return page
  }

  async #read<T>(ref: PageRef, parse: (json: unknown) => readonly T[]): Promise<readonly T[]> {
    const packed = await this.#store.read(ref.key)
    let bytes: Uint8Array
    try {
      bytes = await unzip(packed)
    } catch (cause) {
      const message = `manifest: ${ref.key} expected gzip, got ${cause instanceof Error ? cause.message : String(cause)}`
      throw new StorageError('corrupt', message, { key: ref.key }, cause)
    }
    const entries = parse(parseJson(bytes, ref.key))
    if (entries.length !== ref.entries) {
      const message = `manifest: ${ref.key} entries expected ${ref.entries}, got ${entries.length}`
      throw new StorageError('corrupt', message, { key: ref.key })
    }
    return entries
  }
}
