import { createFlowBatch } from '../../src/flow/batch.ts'
import { FLOW_FIELDS } from '../../src/flow/fields.ts'
import { schemaId } from '../../src/flow/schema.ts'
import { BlockEncoder } from '../../src/storage/block/encode.ts'
import { blockKey } from '../../src/storage/block/keys.ts'
import type { Action } from '../../src/storage/manifest/actions.ts'
import type { Manifest } from '../../src/storage/manifest/manifest.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import type { System } from '../../src/storage/system.ts'
import { ulid } from '../../src/storage/ulid.ts'

/** A flow of the tests, in the fields that their jobs look at. */
export interface TestFlow {
  readonly start: number
  readonly end: number
  /** IPv4 as a number, or the last 32 bits of an IPv6 address below 2001:db8::. */
  readonly src: number
  readonly dst: number
  readonly v6: boolean
  readonly srcPort: number
  readonly dstPort: number
  readonly proto: number
  readonly bytes: number
  readonly packets: number
}

export const START = Date.UTC(2026, 0, 1)

/** Repeatable randomness of 32 bits. */
export function random32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** Flows of a seed, over an hour; `hosts` bounds how many addresses there are. */
export function testFlows(count: number, { seed = 1, hosts = 50 } = {}): TestFlow[] {
  const draw = random32(seed)
  return Array.from({ length: count }, () => {
    const start = START + (draw() % 3_600_000)
    const bytes = draw() % 10 === 0 ? Number.MAX_SAFE_INTEGER - (draw() % 1000) : draw() % 100_000
    return {
      ...{ start, end: start + (draw() % 10 === 0 ? 0 : draw() % 5_000), src: 0x0a000000 + (draw() % hosts) },
      ...{ dst: 0xc0000200 + (draw() % hosts), v6: draw() % 8 === 0, srcPort: draw() % 65_536, dstPort: draw() % 100 },
      ...{ proto: draw() % 2 === 0 ? 6 : 17, bytes, packets: 1 + (draw() % 50) },
    }
  })
}

export interface FlowStore {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
}

/** Fills a store with blocks of so many flows each, in one commit. */
export async function storeFlows(
  { store, system }: { store: ObjectStore; system: System },
  flows: readonly TestFlow[],
  { flowsPerBlock = 100, recordsPerSync = 20 } = {},
): Promise<FlowStore> {
  const manifest = await openManifest(store, { system, create: true })
  const known = (await (await manifest.snapshot()).datasets()).some(({ dataset }) => dataset === 'flows')
  const actions: Action[] = known ? [] : [{ type: 'addDataset', dataset: 'flows' }]
  for (let first = 0; first < flows.length; first += flowsPerBlock)
    actions.push(...(await storeBlock(store, system, flows.slice(first, first + flowsPerBlock), recordsPerSync)))
  await manifest.commit({ operation: 'import', writer: 'test', actions })
  return { store, manifest, system }
}

async function storeBlock(
  store: ObjectStore,
  system: System,
  flows: readonly TestFlow[],
  recordsPerSync: number,
): Promise<Action[]> {
  const columns = FLOW_FIELDS.map(({ name, type, id }) => ({ name, type, fieldId: id }))
  const encoder = new BlockEncoder({ name: 'Flow', columns, recordsPerSync })
  encoder.add(flowBatch(flows))
  const { bytes, schema, info } = encoder.finish()
  const key = blockKey('flows', flows[0]!.start, ulid(system))
  await store.write(key, bytes)
  return [
    { type: 'addSchema', schemaId: schemaId(schema), schema },
    { type: 'addBlock', dataset: 'flows', block: { key, collector: 'test', ...info } },
  ]
}

function flowBatch(flows: readonly TestFlow[]) {
  const batch = createFlowBatch(flows.length)
  const { columns } = batch
  flows.forEach((flow, row) => {
    columns.start.values[row] = flow.start
    columns.end.values[row] = flow.end
    columns.received.values[row] = flow.end
    columns.exporter.family[row] = 4
    columns.exporter.v4[row] = 0xc0000201
    setAddress(columns.srcAddr, row, flow.src, flow.v6)
    setAddress(columns.dstAddr, row, flow.dst, flow.v6)
    columns.srcPort.values[row] = flow.srcPort
    columns.dstPort.values[row] = flow.dstPort
    columns.proto.values[row] = flow.proto
    columns.bytes.values[row] = flow.bytes
    columns.packets.values[row] = flow.packets
    columns.sampleSize.values[row] = flow.proto === 6 ? 1 : 0
    columns.samplePopulation.values[row] = flow.proto === 6 ? 1 : 0
  })
  batch.length = flows.length
  return batch
}

function setAddress(
  { family, v4, v6 }: { family: Uint8Array; v4: Uint32Array; v6: Uint8Array },
  row: number,
  value: number,
  isV6: boolean,
): void {
  family[row] = isV6 ? 6 : 4
  if (!isV6) v4[row] = value
  else {
    v6.set([0x20, 0x01, 0x0d, 0xb8], row * 16)
    new DataView(v6.buffer).setUint32(row * 16 + 12, value)
  }
}
