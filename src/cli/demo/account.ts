import type { ExporterTotals } from '../../ingest/simulate/totals.ts'
import { thousands } from '../../report/number.ts'
import type { LedgerEntry } from '../../storage/manifest/actions.ts'

/** Whether every flow that was sent is in the store or in the ledger as lost. */

/** Flows in the store of one exporter and domain. */
export interface StoredFlows {
  readonly exporter: string
  readonly domain: number
  readonly flows: number
}

export interface Account {
  readonly sent: number
  readonly stored: number
  /** Units lost by the ledger: flows (v5), datagrams (v9), records (IPFIX). */
  readonly lost: number
  /** What does not add up, a line each; empty when every flow is accounted for. */
  readonly problems: readonly string[]
}

const VERSIONS = { v5: 5, v9: 9, ipfix: 10 } as const

/** A v9 datagram holds at most this many flows: 1,440 bytes of the smallest record the simulator sends. */
const MAX_FLOWS_PER_DATAGRAM = 48

/**
 * Compares exporter by exporter. NetFlow v5 counts flows, so what is missing must be exactly what was lost; IPFIX counts records, options
 * records among them, and v9 counts datagrams: there what is missing must be explained by what was lost.
 */
export function account(
  sent: readonly ExporterTotals[],
  stored: readonly StoredFlows[],
  ledger: readonly LedgerEntry[],
): Account {
  const problems: string[] = []
  let lostUnits = 0
  for (const { exporter, sourcePort, domain, protocol, flows } of sent) {
    const own = ledger.filter(
      (entry) => entry.exporter === exporter && entry.sourcePort === sourcePort && entry.version === VERSIONS[protocol],
    )
    const lost = own.reduce((sum, entry) => sum + entry.lost, 0)
    const found = stored.find((row) => row.exporter === exporter && row.domain === domain)?.flows ?? 0
    const missing = flows - found
    const most = protocol === 'v9' ? lost * MAX_FLOWS_PER_DATAGRAM : lost
    const explained = protocol === 'v5' ? missing === lost : missing >= 0 && missing <= most
    lostUnits += lost
    if (!explained) {
      problems.push(
        `${exporter} (${protocol}): sent ${thousands(flows)} flows, stored ${thousands(found)}, but the ledger lost ${thousands(lost)}`,
      )
    }
  }
  const total = (rows: readonly { readonly flows: number }[]): number => rows.reduce((sum, row) => sum + row.flows, 0)
  return { sent: total(sent), stored: total(stored), lost: lostUnits, problems }
}
