import type { LedgerEntry, LedgerUnit } from '../../storage/manifest/actions.ts'
import type { SessionKey } from './session.ts'

/** A ledger entry being filled: deltas of one session, unit and minute. */
export type Deltas = { -readonly [K in keyof LedgerEntry]: LedgerEntry[K] }

export const MINUTE_MS = 60_000

export const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS) * MINUTE_MS

/** Every property by name: what spreads an object gets a hidden class of its own from V8, and all that reads the entries is slow then. */
export function createDeltas(
  { exporter, sourcePort, version, domain }: SessionKey,
  unit: LedgerUnit,
  interval: number,
): Deltas {
  return {
    exporter,
    sourcePort,
    version,
    domain,
    unit,
    interval,
    received: 0,
    lost: 0,
    duplicates: 0,
    restarts: 0,
    undecodable: 0,
    malformed: 0,
    dropped: 0,
    quarantined: 0,
  }
}

/** What one session has told the ledger in one unit, and the entry it is telling now. */
export class Account {
  readonly #key: SessionKey
  readonly #unit: LedgerUnit
  #received = 0
  #lost = 0
  #restarts = 0
  #duplicates = 0
  #open: Deltas | undefined

  constructor(key: SessionKey, unit: LedgerUnit) {
    this.#key = key
    this.#unit = unit
  }

  /** The entry of the minute of `ms`; a new one is appended to `entries`. */
  entry(ms: number, entries: Deltas[]): Deltas {
    const interval = minuteOf(ms)
    if (this.#open?.interval !== interval || !this.#open) {
      this.#open = createDeltas(this.#key, this.#unit, interval)
      entries.push(this.#open)
    }
    return this.#open
  }

  /** Writes the difference between `now` and what was told before. */
  tell(
    now: { received: number; lost: number; restarts: number; duplicates: number },
    ms: number,
    entries: Deltas[],
  ): void {
    const entry = this.entry(ms, entries)
    entry.received += now.received - this.#received
    entry.lost += now.lost - this.#lost
    entry.restarts += now.restarts - this.#restarts
    entry.duplicates += now.duplicates - this.#duplicates
    this.#received = now.received
    this.#lost = now.lost
    this.#restarts = now.restarts
    this.#duplicates = now.duplicates
  }

  /** After a drain: the entry told last is out of reach. */
  close(): void {
    this.#open = undefined
  }
}

/** False for an entry in which nothing happened. */
export function isChanged(entry: Deltas): boolean {
  const { received, lost, duplicates, restarts, undecodable, malformed, dropped, quarantined } = entry
  return [received, lost, duplicates, restarts, undecodable, malformed, dropped, quarantined].some((n) => n !== 0)
}
