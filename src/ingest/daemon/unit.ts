import type { AvroRecordSchema } from '../../flow/schema.ts'
import type { BlockInfo, LedgerEntry } from '../../storage/manifest/actions.ts'
import type { Arrival } from './latency.ts'

/** What one roll of the daemon commits: blocks and ledger, at once, under one transaction number. */
export interface RollUnit {
  /** Transaction number; rises by one from roll to roll. */
  readonly sequence: number
  readonly blocks: readonly WaitingBlock[]
  readonly ledger: readonly LedgerEntry[]
  /** When its datagrams came. */
  readonly arrivals: readonly Arrival[]
}

/** A block that waits for the store: in memory, or in a file once it has been set aside. */
export interface WaitingBlock {
  readonly dataset: string
  readonly firstReceivedMs: number
  readonly schema: AvroRecordSchema
  readonly info: Omit<BlockInfo, 'key' | 'collector'>
  readonly body: Uint8Array | { readonly path: string }
}

/** Bytes of the blocks of a unit. */
export function unitBytes({ blocks }: RollUnit): number {
  return blocks.reduce((sum, { info }) => sum + info.sizeBytes, 0)
}

/** Flows in the blocks of a unit, of all datasets but raw datagrams. */
export function unitRecords({ blocks }: RollUnit): number {
  return blocks.reduce((sum, { dataset, info }) => sum + (dataset === 'datagrams' ? 0 : info.records), 0)
}

/** The unit without its blocks: what its sessions had received is lost now. */
export function shed({ sequence, ledger }: RollUnit): RollUnit {
  const lost = ledger.map((entry) => ({ ...entry, received: 0, lost: entry.lost + entry.received }))
  return { sequence, blocks: [], ledger: lost, arrivals: [] }
}
