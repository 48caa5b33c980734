import { beforeAll, describe, expect, it } from 'vitest'
import type { ChunkWriter } from '../../src/ingest/daemon/chunk.ts'
import { importDataset } from '../../src/ingest/import-dataset.ts'
import { compact } from '../../src/storage/compact/compact.ts'
import { type Manifest, openManifest } from '../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { realSystem } from '../../src/storage/system.ts'
import { startSession, trafficChunks } from './daemon/session.ts'
import { eachBatch, storedLedger, storedTotals } from './flows.ts'

const system = realSystem()
const FLOWS = 1200
let chunks: ChunkWriter[]
beforeAll(() => {
  chunks = trafficChunks(4, FLOWS / 4)
})

interface Place {
  readonly store: ObjectStore
  readonly manifest: Manifest
}

let places = 0
async function emptyPlace(): Promise<Place> {
  const store = openMemoryStore({ name: `import-dataset-${places++}`, system })
  return { store, manifest: await openManifest(store, { system, create: true }) }
}

/** A store in which a daemon has kept the datagrams of all chunks, rolled after every second one. */
async function kept(): Promise<Place> {
  const place = await emptyPlace()
  const session = await startSession({ store: place.store, spoolFolder: undefined, keepDatagrams: true })
  for (const [index, chunk] of chunks.entries()) {
    await session.feed(chunk)
    if (index % 2 === 1) session.collector.roll()
  }
  expect(await session.outbox.drain(true)).toBe(true)
  return place
}

async function keys({ manifest }: Place, dataset: string): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of (await manifest.snapshot()).blocks(dataset)) found.push(key)
  return found
}

/** All rows of the flows, one line each, sorted. */
async function rows({ store, manifest }: Place, dataset = 'flows'): Promise<string[]> {
  const lines: string[] = []
  await eachBatch(store, manifest, dataset, ({ length, columns }) => {
    for (let row = 0; row < length; row++) {
      const { start, end, srcPort, dstPort, bytes, packets, received, exporter } = columns
      const values = [start, end, received, srcPort, dstPort, bytes, packets].map((column) => column.values[row])
      lines.push(`${values.join(' ')} ${exporter.v4[row]}`)
    }
  })
  return lines.sort()
}

describe('datagrams that a daemon keeps', () => {
  it('lie beside the flows, in the same commits', async () => {
    const place = await kept()
    expect((await keys(place, 'datagrams')).length).toBe(2)
    const snapshot = await place.manifest.snapshot()
    let records = 0
    for await (const block of snapshot.blocks('datagrams')) records += block.records
    expect(records).toBe(chunks.reduce((sum, { datagrams }) => sum + datagrams, 0))
  })

  it('decoded again take the place of the flows, with new columns, and leave the ledger as it is', async () => {
    const place = await kept()
    const before = {
      rows: await rows(place),
      keys: await keys(place, 'flows'),
      ledger: await storedLedger(place.manifest),
    }
    const decoder = { elements: ['samplerMode'] }
    const summary = await importDataset({ ...place, system, decoder })
    expect(summary.files).toMatchObject([{ file: 'dataset datagrams', kind: 'dataset', flows: FLOWS }])
    expect(await rows(place)).toEqual(before.rows)
    const after = await keys(place, 'flows')
    expect(after.filter((key) => before.keys.includes(key))).toEqual([])
    expect(await storedLedger(place.manifest)).toEqual(before.ledger)
    const snapshot = await place.manifest.snapshot()
    for await (const { schemaId } of snapshot.blocks('flows')) {
      expect(JSON.stringify(await snapshot.schema(schemaId))).toContain('samplerMode')
    }
  })

  it('can be decoded again and again, also with what came in between', async () => {
    const place = await kept()
    await importDataset({ ...place, system })
    const session = await startSession({ store: place.store, spoolFolder: undefined, keepDatagrams: true })
    for (const chunk of trafficChunks(5, FLOWS / 4).slice(4)) await session.feed(chunk)
    session.collector.roll()
    await session.outbox.drain(true)
    // The second daemon knows no templates; decoded in one go, its datagrams find those that came before.
    expect((await rows(place)).length).toBeLessThan(FLOWS + FLOWS / 4)
    await importDataset({ ...place, system })
    const whole = await rows(place)
    expect(whole.length).toBe(FLOWS + FLOWS / 4)
    await importDataset({ ...place, system })
    expect(await rows(place)).toEqual(whole)
  })

  it('leave flows of other collectors alone', async () => {
    const place = await kept()
    const other = await startSession({ store: place.store, spoolFolder: undefined })
    await other.feed(chunks[0]!)
    other.collector.roll()
    await other.outbox.drain(true)
    await importDataset({ ...place, system })
    expect((await storedTotals(place.store, place.manifest)).flows).toBe(FLOWS + FLOWS / 4)
  })

  it('decoded into another store or dataset are an import like any other, refused the second time', async () => {
    const source = await kept()
    const place = await emptyPlace()
    await importDataset({ ...place, source, system })
    expect(await rows(place)).toEqual(await rows(source))
    const received = (await storedLedger(place.manifest)).reduce((sum, entry) => sum + entry.received, 0)
    expect(received).toBeGreaterThan(0)
    await expect(importDataset({ ...place, source, system })).rejects.toMatchObject({ code: 'already-imported' })
    await importDataset({ ...source, system, into: 'flows-again' })
    expect(await rows(source, 'flows-again')).toEqual(await rows(source))
  })

  it('whose flows have been compacted are decoded into another dataset only', async () => {
    const place = await kept()
    await compact({ ...place, system, writer: 'compact' })
    expect(await keys(place, 'flows')).toHaveLength(1)
    const refused = importDataset({ ...place, system })
    await expect(refused).rejects.toMatchObject({ code: 'compacted' })
    await expect(refused).rejects.toThrow(
      /expected in a block of their own, got compacted ones; import into another dataset$/,
    )
    expect((await storedTotals(place.store, place.manifest)).flows).toBe(FLOWS)
  })

  it('that were never kept are missed by name', async () => {
    await expect(importDataset({ ...(await emptyPlace()), system })).rejects.toThrow(
      'import: dataset datagrams expected datagrams, got none; ingest keeps them with --keep-datagrams',
    )
  })
})
