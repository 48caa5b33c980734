import { createBatch, FLOW_COLUMNS, type FlowBatch } from '../../src/flow/batch.ts'
import { readBlock } from '../../src/storage/block/read.ts'
import type { LedgerEntry } from '../../src/storage/manifest/actions.ts'
import type { Manifest } from '../../src/storage/manifest/manifest.ts'
import type { ObjectStore } from '../../src/storage/store.ts'

/** What is in a dataset of flows, added up. */
export interface StoredTotals {
  flows: number
  packets: number
  bytes: number
  /** Flows, packets, bytes by destination port. */
  readonly ports: Map<number, { port: number; flows: number; packets: number; bytes: number }>
}

/** Reads all live flows and adds them up by destination port. */
export async function storedTotals(store: ObjectStore, manifest: Manifest, dataset = 'flows'): Promise<StoredTotals> {
  const totals: StoredTotals = { flows: 0, packets: 0, bytes: 0, ports: new Map() }
  await eachBatch(store, manifest, dataset, ({ length, columns }) => {
    for (let row = 0; row < length; row++) {
      const port = columns.dstPort.values[row]!
      const sum = totals.ports.get(port) ?? { port, flows: 0, packets: 0, bytes: 0 }
      totals.ports.set(port, sum)
      for (const counts of [totals, sum]) {
        counts.flows++
        counts.packets += columns.packets.values[row]!
        counts.bytes += columns.bytes.values[row]!
      }
    }
  })
  return totals
}

/** Hands every batch of live flows to `visit`. */
export async function eachBatch(
  store: ObjectStore,
  manifest: Manifest,
  dataset: string,
  visit: (batch: FlowBatch) => void,
): Promise<void> {
  const snapshot = await manifest.snapshot()
  for await (const block of snapshot.blocks(dataset)) {
    const schema = await snapshot.schema(block.schemaId)
    for await (const { batch } of readBlock({ store, block, schema, columns: FLOW_COLUMNS })) visit(batch as FlowBatch)
  }
}

/** The ledger of the flows, in order. */
export async function storedLedger(manifest: Manifest): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  for await (const entry of (await manifest.snapshot()).ledger('flows')) entries.push(entry)
  return entries
}

export const emptyFlows = (capacity: number): FlowBatch => createBatch(FLOW_COLUMNS, capacity) as FlowBatch
