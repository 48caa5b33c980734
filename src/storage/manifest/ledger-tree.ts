import type { LedgerEntry } from './actions.ts'
import type { PageRef, TreeKind } from './tree.ts'

/** The ledger of a dataset: one entry per interval and session, the sum of all deltas committed for it. */

const DAY_MS = 86_400_000
export const INTERVAL_MS = 60_000

/** Orders entries by interval, then by session. */
export function ledgerKey({ interval, exporter, version, domain, sourcePort, unit }: LedgerEntry): string {
  return `${String(interval).padStart(16, '0')} ${exporter} ${version} ${domain} ${sourcePort} ${unit}`
}

const intervalOf = (key: string): number => Number(key.slice(0, 16))

/** First and last interval on a page, milliseconds, both inclusive. */
export const intervalsOf = (ref: PageRef): { first: number; last: number } => ({
  first: intervalOf(ref.first),
  last: intervalOf(ref.last),
})

export const LEDGER_TREE: TreeKind<LedgerEntry, LedgerEntry, PageRef> = {
  pageEntries: 16_384,
  keyOf: ledgerKey,
  groupOf: (key) => String(Math.floor(intervalOf(key) / DAY_MS)),
  merge: (entry, delta) => (entry === undefined ? delta : addLedgerEntries(entry, delta)),
  describe: (page) => page,
}

/** The counters of two entries of one session and interval, added. */
export function addLedgerEntries(a: LedgerEntry, b: LedgerEntry): LedgerEntry {
  return {
    ...a,
    received: a.received + b.received,
    lost: a.lost + b.lost,
    duplicates: a.duplicates + b.duplicates,
    restarts: a.restarts + b.restarts,
    undecodable: a.undecodable + b.undecodable,
    malformed: a.malformed + b.malformed,
    dropped: a.dropped + b.dropped,
    quarantined: a.quarantined + b.quarantined,
  }
}
