import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { createFlowBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { Column } from '../../../src/flow/column.ts'
import { setValue, valueAt } from '../../../src/flow/value.ts'
import { timeOrder } from '../../../src/kernels/time-order.ts'
import { BlockEncoder } from '../../../src/storage/block/encode.ts'
import { blockKey } from '../../../src/storage/block/keys.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import { compact } from '../../../src/storage/compact/compact.ts'
import { expire } from '../../../src/storage/compact/expire.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import type { Manifest } from '../../../src/storage/manifest/manifest.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { ulid } from '../../../src/storage/ulid.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'
import { wrapStore } from '../wrapped-store.ts'

const HOUR = 3_600_000
const T0 = Date.UTC(2026, 0, 1)

interface Setting {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: ReturnType<typeof seededSystem>
}

async function newStore(seed: number, inner: ObjectStore = openMemoryStore()): Promise<Setting> {
  const system = seededSystem(seed)
  return { store: inner, system, manifest: await openManifest(inner, { system, create: true }) }
}

function flows(count: number, from: number, random: () => number): Batch {
  const batch = createFlowBatch(Math.max(1, count))
  for (let row = 0; row < count; row++) {
    const start = from + Math.floor(random() * HOUR)
    const values = {
      start,
      end: start + Math.floor(random() * 60_000),
      received: from + HOUR,
      bytes: Math.floor(random() * 1e6),
      dstPort: Math.floor(random() * 65536),
    }
    for (const [name, value] of Object.entries(values)) setValue(batch.columns[name] as Column, row, value)
    setValue(batch.columns.exporter, row, '192.0.2.1')
    setValue(batch.columns.srcAddr, row, random() < 0.8 ? '10.1.2.3' : '2001:db8::7')
  }
  batch.length = count
  return batch
}

async function addBlock({ store, manifest, system }: Setting, batch: Batch): Promise<void> {
  const encoder = new BlockEncoder({ name: 'Flow', columns: FLOW_COLUMNS, recordsPerSync: 50 })
  encoder.add(batch)
  const { bytes, schema, info } = encoder.finish()
  const key = blockKey('flows', T0, ulid(system))
  await store.write(key, bytes, { ifAbsent: true })
  const block = { key, collector: 'test', ...info }
  await manifest.commit({
    operation: 'import',
    writer: 'test',
    actions: [
      { type: 'addDataset', dataset: 'flows' },
      { type: 'addSchema', schemaId: info.schemaId, schema },
      { type: 'addBlock', dataset: 'flows', block },
    ],
  })
}

/** Every live flow as text, in the order of the blocks, and the formats of the blocks. */
async function live({ store, manifest }: Setting): Promise<{ rows: string[]; formats: string[] }> {
  const snapshot = await manifest.snapshot()
  const rows: string[] = []
  const formats: string[] = []
  for await (const block of snapshot.blocks('flows')) {
    formats.push(block.format)
    const schema = await snapshot.schema(block.schemaId)
    for await (const { batch } of readBlock({ store, block, schema, columns: FLOW_COLUMNS })) {
      for (let row = 0; row < batch.length; row++) {
        rows.push(FLOW_COLUMNS.map(({ name }) => String(valueAt(batch.columns[name] as Column, row))).join(' '))
      }
    }
  }
  return { rows, formats }
}

describe('compaction', () => {
  it('keeps every flow, sorted by start, in fewer Parquet blocks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.nat(300), { minLength: 1, maxLength: 5 }), async (seed, sizes) => {
        const setting = await newStore(seed)
        const random = seededRandom(seed)
        for (const size of sizes) await addBlock(setting, flows(size + 1, T0, random))
        const before = await live(setting)
        const summary = await compact({ ...setting, writer: 'compactor', targetRecords: 500 })
        const after = await live(setting)
        expect(after.formats.every((format) => format === 'parquet')).toBe(true)
        expect(after.formats).toHaveLength(summary.blocksAfter)
        expect([...after.rows].sort()).toEqual([...before.rows].sort())
        expect(summary.records).toBe(before.rows.length)
        if (summary.blocksAfter === 1)
          expect(after.rows.map((row) => row.split(' ')[0])).toEqual(before.rows.map((row) => row.split(' ')[0]).sort())
      }),
      { numRuns: 20 },
    )
  })

  it('leaves blocks that are not sealed, and a second run finds nothing to do', async () => {
    const setting = await newStore(1)
    const random = seededRandom(1)
    await addBlock(setting, flows(10, T0, random))
    await addBlock(setting, flows(10, T0 + 5 * HOUR, random))
    const sealedBefore = T0 + 3 * HOUR
    expect((await compact({ ...setting, writer: 'c', sealedBefore })).blocksBefore).toBe(1)
    expect((await live(setting)).formats.sort()).toEqual(['avro', 'parquet'])
    expect((await compact({ ...setting, writer: 'c', sealedBefore })).blocksBefore).toBe(0)
  })

  it('gives way when another compactor swapped the same blocks first, and no flow is doubled', async () => {
    const inner = openMemoryStore()
    let rival: (() => Promise<unknown>) | undefined
    const store = wrapStore(inner, {
      after: async ({ method, key }) => {
        if (method !== 'write' || !key.endsWith('.parquet') || !rival) return
        const run = rival
        rival = undefined
        await run()
      },
    })
    const setting = await newStore(2, store)
    await addBlock(setting, flows(40, T0, seededRandom(2)))
    const before = await live(setting)
    const other = {
      store: inner,
      system: seededSystem(3),
      manifest: await openManifest(inner, { system: seededSystem(4) }),
    }
    rival = () => compact({ ...other, writer: 'rival' })
    const summary = await compact({ ...setting, writer: 'slow' })
    expect(summary).toMatchObject({ conflicts: 1, blocksAfter: 0 })
    const after = await live(setting)
    expect([...after.rows].sort()).toEqual([...before.rows].sort())
    expect(after.formats).toEqual(['parquet'])
  })

  it('drops with expire just the blocks that ended before the time', async () => {
    const setting = await newStore(5)
    const random = seededRandom(5)
    await addBlock(setting, flows(10, T0, random))
    await addBlock(setting, flows(10, T0 + 24 * HOUR, random))
    const before = T0 + 12 * HOUR
    expect(await expire({ ...setting, before, writer: 'e', dryRun: true })).toMatchObject({ blocks: 1, records: 10 })
    expect((await live(setting)).rows).toHaveLength(20)
    await expire({ ...setting, before, writer: 'e' })
    expect((await live(setting)).rows).toHaveLength(10)
  })

  it('stops with the error of a corrupt block and changes nothing', async () => {
    const setting = await newStore(6)
    await addBlock(setting, flows(100, T0, seededRandom(6)))
    const snapshot = await setting.manifest.snapshot()
    for await (const { key, sizeBytes } of snapshot.blocks('flows')) {
      const bytes = Uint8Array.from(await setting.store.read(key))
      bytes[sizeBytes - 40] = (bytes[sizeBytes - 40] as number) ^ 1
      await setting.store.write(key, bytes)
    }
    await expect(compact({ ...setting, writer: 'c' })).rejects.toThrow(StorageError)
    expect((await setting.manifest.snapshot()).version).toBe(snapshot.version)
  })
})

describe('time order', () => {
  it('is the stable order of any times', () => {
    const time = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.maxSafeInteger())
    fc.assert(
      fc.property(fc.array(time, { maxLength: 200 }), (times) => {
        const expected = times.map((_, row) => row).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b)
        expect([...timeOrder(Float64Array.from(times), times.length)]).toEqual(expected)
      }),
    )
  })
})
