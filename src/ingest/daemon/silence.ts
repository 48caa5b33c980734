import type { LedgerEntry } from '../../storage/manifest/actions.ts'
import { type ExporterAddress, parseExporter } from '../decode/exporter-address.ts'
import { IngestError } from '../error.ts'
import { MINUTE_MS, minuteOf } from '../ledger/account.ts'

/** An exporter is called silent after this long. */
const SILENT_MS = 120_000

/** Minutes of a time in which no daemon ran that are noted afterwards, at most: a day. */
const MAX_MISSED_MS = 86_400_000

/** What is known of an expected exporter, as plain data. */
export interface ExpectedExporter {
  readonly exporter: string
  readonly heardMs: number
  /** Minutes, by their start, in which it was heard and that are not accounted for yet. */
  readonly heard: readonly number[]
  /** Start of the first minute that is not accounted for yet. */
  readonly nextMinute: number
}

interface Expected {
  readonly exporter: string
  heardMs: number
  readonly heard: Set<number>
  nextMinute: number
  silent: boolean
}

/** Watches exporters that should always be heard: a minute without a datagram from one of them gets an entry in the ledger. */
export class Silence {
  readonly #expected = new Map<string, Expected>()

  /** `exporters` are addresses; those that `before` knows go on from there. Throws IngestError `bad-option`. */
  constructor(exporters: readonly string[], nowMs: number, before: readonly ExpectedExporter[] = []) {
    for (const text of exporters) {
      const exporter = parseExporter(text)?.text
      if (!exporter) {
        throw new IngestError('bad-option', `ingest: expect expected an address, got ${text}`, { option: 'expect' })
      }
      const known = before.find((record) => record.exporter === exporter)
      const begin = known?.nextMinute ?? Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS
      const nextMinute = Math.max(begin, minuteOf(nowMs - MAX_MISSED_MS))
      const heard = new Set(known?.heard)
      this.#expected.set(exporter, { exporter, heardMs: known?.heardMs ?? nowMs, heard, nextMinute, silent: false })
    }
  }

  /** Notes a datagram. */
  heard(exporter: ExporterAddress, receivedMs: number): void {
    const expected = this.#expected.get(exporter.text)
    if (!expected) return
    expected.heardMs = receivedMs
    expected.heard.add(minuteOf(receivedMs))
  }

  /** Notes that flows of an exporter came in a minute: the agent inside an sFlow datagram need not be its sender. */
  heardIn(exporter: string, interval: number): void {
    const expected = this.#expected.get(exporter)
    if (!expected) return
    expected.heardMs = Math.max(expected.heardMs, interval + MINUTE_MS - 1)
    expected.heard.add(interval)
  }

  /** Entries for the whole minutes until `nowMs` in which an expected exporter was not heard. */
  entries(nowMs: number): LedgerEntry[] {
    const entries: LedgerEntry[] = []
    for (const expected of this.#expected.values()) {
      for (; expected.nextMinute + MINUTE_MS <= nowMs; expected.nextMinute += MINUTE_MS) {
        if (!expected.heard.has(expected.nextMinute)) {
          entries.push(silentMinute(expected.exporter, expected.nextMinute))
        }
      }
      for (const minute of expected.heard) if (minute < expected.nextMinute) expected.heard.delete(minute)
    }
    return entries
  }

  /** What to tell since the last call: who fell silent, who is back. */
  changes(nowMs: number): string[] {
    const messages: string[] = []
    for (const expected of this.#expected.values()) {
      const silent = nowMs - expected.heardMs >= SILENT_MS
      if (silent === expected.silent) continue
      expected.silent = silent
      const since = new Date(expected.heardMs).toISOString()
      messages.push(`ingest: exporter ${expected.exporter} ${silent ? `silent since ${since}` : 'is heard again'}`)
    }
    return messages
  }

  /** For another life. */
  state(): ExpectedExporter[] {
    return [...this.#expected.values()].map(({ exporter, heardMs, heard, nextMinute }) => {
      return { exporter, heardMs, heard: [...heard], nextMinute }
    })
  }

  /** Those silent now. */
  silent(): string[] {
    return [...this.#expected.values()].filter(({ silent }) => silent).map(({ exporter }) => exporter)
  }
}

function silentMinute(exporter: string, interval: number): LedgerEntry {
  return { ...NOTHING, exporter, sourcePort: 0, version: 0, domain: 0, unit: 'datagrams', interval }
}

const NOTHING = {
  received: 0,
  lost: 0,
  duplicates: 0,
  restarts: 0,
  undecodable: 0,
  malformed: 0,
  dropped: 0,
  quarantined: 0,
} as const

/** The entry in which a collector says what it dropped itself, at the socket on `port`. */
export function droppedEntry(collector: string, port: number, dropped: number, nowMs: number): LedgerEntry {
  const interval = minuteOf(nowMs)
  return {
    ...NOTHING,
    exporter: collector,
    sourcePort: port,
    version: 0,
    domain: 0,
    unit: 'datagrams',
    interval,
    dropped,
  }
}
