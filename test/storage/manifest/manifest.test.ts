import { describe, expect, it } from 'vitest'
import type { Action } from '../../../src/storage/manifest/actions.ts'
import type { Manifest } from '../../../src/storage/manifest/manifest.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { type SeededSystem, seededSystem } from '../../../src/storage/system.ts'
import { countingStore } from '../counting-store.ts'
import {
  addBlock,
  collect,
  DAY,
  exampleBlock,
  exampleLedger,
  liveKeys,
  NOON,
  objectKeys,
  SCHEMA,
  SCHEMA_ID,
  SETUP,
} from './examples.ts'

const system = (): SeededSystem => seededSystem(1)

async function newManifest(store = openMemoryStore()): Promise<Manifest> {
  const manifest = await openManifest(store, { system: system(), create: true })
  await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
  return manifest
}

const commit = (manifest: Manifest, actions: readonly Action[]) =>
  manifest.commit({ operation: 'test', writer: 'test', actions })

describe('openManifest', () => {
  it('refuses a store without a commit unless it is to create one', async () => {
    const store = openMemoryStore()
    await expect(openManifest(store, { system: system() })).rejects.toMatchObject({ code: 'not-a-store' })
    expect(await objectKeys(store)).toEqual([])
    const manifest = await openManifest(store, { system: system(), create: true })
    expect(await objectKeys(store)).toEqual(['manifest/00000000000000000001.json'])
    expect((await manifest.snapshot()).version).toBe(1)
  })

  it('gives one store to all who create it at once', async () => {
    const store = openMemoryStore()
    const opened = await Promise.all(
      Array.from({ length: 20 }, (_, i) => openManifest(store, { system: seededSystem(i), create: true })),
    )
    expect(new Set(opened.map(({ storeId }) => storeId)).size).toBe(1)
    expect(await objectKeys(store)).toHaveLength(1)
  })
})

describe('commits', () => {
  it('make blocks live and dead in snapshots from then on', async () => {
    const manifest = await newManifest()
    const [a, b] = [exampleBlock(1), exampleBlock(2)]
    await commit(manifest, [addBlock(a), addBlock(b)])
    const before = await manifest.snapshot()
    await commit(manifest, [{ type: 'removeBlock', dataset: 'flows', key: a.key }])
    expect(await liveKeys(await manifest.snapshot())).toEqual([b.key])
    expect(await liveKeys(before)).toEqual([a.key, b.key])
    expect(await liveKeys(await manifest.snapshot({ version: before.version }))).toEqual([a.key, b.key])
  })

  it('of 50 racing writers are all made, each once', async () => {
    const store = openMemoryStore()
    await newManifest(store)
    const writers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => openManifest(store, { system: seededSystem(i) })),
    )
    await Promise.all(writers.map((writer, i) => commit(writer, [addBlock(exampleBlock(i))])))
    const reader = await openManifest(store, { system: system() })
    const snapshot = await reader.snapshot()
    expect(snapshot.version).toBe(52)
    expect(await liveKeys(snapshot)).toEqual(Array.from({ length: 50 }, (_, i) => exampleBlock(i).key).sort())
  })

  it('of one process take turns and lose no race', async () => {
    const { store, counts, reset } = countingStore(openMemoryStore())
    const manifest = await newManifest(store)
    reset()
    await Promise.all(Array.from({ length: 10 }, (_, i) => commit(manifest, [addBlock(exampleBlock(i))])))
    expect(counts()).toEqual({ read: 0, write: 10, list: 0, stat: 0, remove: 0 })
  })

  it('carry times that rise when the clock does not', async () => {
    const store = openMemoryStore()
    const clock = system()
    const manifest = await openManifest(store, { system: clock, create: true })
    const first = (await manifest.snapshot()).time
    await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
    expect((await manifest.snapshot()).time).toBe(first + 1)
  })

  it('are made from the snapshot they follow when the actions are a function', async () => {
    const store = openMemoryStore()
    const one = await newManifest(store)
    const two = await openManifest(store, { system: seededSystem(7) })
    await commit(one, [addBlock(exampleBlock(1)), addBlock(exampleBlock(2))])
    await two.commit({
      operation: 'remove',
      writer: 'two',
      actions: async (snapshot) =>
        (await liveKeys(snapshot)).map((key) => ({ type: 'removeBlock', dataset: 'flows', key })),
    })
    expect(await liveKeys(await one.snapshot())).toEqual([])
  })

  it('are refused only by the newest snapshot, not by one that is out of date', async () => {
    const store = openMemoryStore()
    const one = await newManifest(store)
    const two = await openManifest(store, { system: seededSystem(7) })
    const { key } = exampleBlock(1)
    await commit(one, [addBlock(exampleBlock(1))])
    await commit(two, [{ type: 'removeBlock', dataset: 'flows', key }])
    expect(await liveKeys(await one.snapshot())).toEqual([])
    await expect(commit(one, [{ type: 'removeBlock', dataset: 'flows', key }])).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('are not made when validation on the newest snapshot throws', async () => {
    const store = openMemoryStore()
    const one = await newManifest(store)
    const two = await openManifest(store, { system: seededSystem(7) })
    await commit(one, [{ type: 'setProperty', name: 'mode', old: null, value: 'closed' }])
    const attempt = two.commit({
      operation: 'test',
      writer: 'two',
      actions: [addBlock(exampleBlock(1))],
      validate: async (snapshot) => {
        if ((await snapshot.property('mode')) === 'closed') throw new Error('closed')
      },
    })
    await expect(attempt).rejects.toThrow('closed')
    expect(await liveKeys(await one.snapshot())).toEqual([])
  })
})

describe('a commit that could not be read again', () => {
  it('is refused before it is written', async () => {
    const manifest = await newManifest()
    const wrong = [
      { records: -1 },
      { minStart: 0.5 },
      { sizeBytes: Number.NaN },
      { crc32: 2 ** 32 },
      { chunks: [[1]] as never },
    ]
    for (const change of wrong) {
      const attempt = commit(manifest, [addBlock({ ...exampleBlock(1), ...change })])
      await expect(attempt).rejects.toMatchObject({ code: 'bad-format' })
    }
    expect((await manifest.snapshot()).version).toBe(2)
  })
})

describe('snapshots', () => {
  it('are found by time', async () => {
    const clock = system()
    const manifest = await openManifest(openMemoryStore(), { system: clock, create: true })
    const created = clock.now()
    for (let i = 0; i < 20; i++) {
      await clock.advance(1000)
      await manifest.commit({ operation: 'test', writer: 'test', actions: i === 0 ? SETUP : [] })
    }
    expect((await manifest.snapshot({ time: created })).version).toBe(1)
    expect((await manifest.snapshot({ time: created + 999 })).version).toBe(1)
    expect((await manifest.snapshot({ time: created + 7000 })).version).toBe(8)
    expect((await manifest.snapshot({ time: created + 7999 })).version).toBe(8)
    expect((await manifest.snapshot({ time: created + DAY })).version).toBe(21)
    await expect(manifest.snapshot({ time: created - 1 })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('of a version that does not exist are refused', async () => {
    const manifest = await newManifest()
    for (const version of [0, -1, 3, 1.5]) {
      await expect(manifest.snapshot({ version })).rejects.toMatchObject({ code: 'not-found' })
    }
  })

  it('give the blocks that a period may touch', async () => {
    const manifest = await newManifest()
    const [a, b, c] = [0, 1, 2].map((hour) => exampleBlock(hour, { start: NOON + hour * 3_600_000 }))
    const untimed = { ...exampleBlock(9), minStart: null, maxStart: null, minEnd: null, maxEnd: null }
    await commit(manifest, [addBlock(a!), addBlock(b!), addBlock(c!), addBlock(untimed)])
    const snapshot = await manifest.snapshot()
    const keys = async (from?: number, to?: number): Promise<string[]> =>
      (
        await collect(
          snapshot.blocks('flows', { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }),
        )
      ).map(({ key }) => key)
    expect(await keys(NOON + 60_001)).toEqual([untimed.key, b!.key, c!.key])
    expect(await keys(NOON + 60_000, NOON + 3_600_000)).toEqual([a!.key, untimed.key])
    expect(await keys(undefined, NOON)).toEqual([untimed.key])
  })

  it('sum the ledger per session and interval', async () => {
    const manifest = await newManifest()
    const minute = 60_000
    const other = { exporter: '192.0.2.9' }
    await commit(manifest, [
      { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(NOON, { received: 10, lost: 3 })] },
      { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(NOON + minute, { received: 5 })] },
    ])
    await commit(manifest, [
      { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(NOON, { received: 2, lost: -2, ...other })] },
      { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(NOON, { received: 2, lost: -2 })] },
    ])
    const snapshot = await manifest.snapshot()
    expect(await collect(snapshot.ledger('flows'))).toEqual([
      exampleLedger(NOON, { received: 12, lost: 1 }),
      exampleLedger(NOON, { received: 2, lost: -2, ...other }),
      exampleLedger(NOON + minute, { received: 5 }),
    ])
    expect(await collect(snapshot.ledger('flows', { from: NOON + minute }))).toHaveLength(1)
    expect(await collect(snapshot.ledger('flows', { from: NOON + minute - 1 }))).toHaveLength(3)
    expect(await collect(snapshot.ledger('flows', { to: NOON + minute }))).toHaveLength(2)
  })

  it('sum up datasets', async () => {
    const manifest = await newManifest()
    await commit(manifest, [addBlock(exampleBlock(1)), addBlock(exampleBlock(2, { start: NOON + DAY }))])
    expect(await (await manifest.snapshot()).datasets()).toEqual([
      { dataset: 'flows', blocks: 2, sizeBytes: 2003, records: 20, minStart: NOON, maxEnd: NOON + DAY + 60_000 },
    ])
  })

  it('name an unknown dataset or schema', async () => {
    const snapshot = await (await newManifest()).snapshot()
    expect(() => snapshot.blocks('flow')).toThrow('manifest: dataset expected one of version 2 (flows), got flow')
    await expect(snapshot.schema('x')).rejects.toMatchObject({ code: 'bad-schema' })
    expect(await snapshot.schema(SCHEMA_ID)).toEqual(SCHEMA)
  })
})

describe('history', () => {
  it('goes from the newest commit to the first', async () => {
    const manifest = await newManifest()
    for (let i = 0; i < 20; i++) await commit(manifest, [])
    const versions = (await collect(manifest.history())).map(({ header }) => header.version)
    expect(versions).toEqual(Array.from({ length: 22 }, (_, i) => 22 - i))
    expect((await collect(manifest.history({ before: 2 }))).map(({ header }) => header.operation)).toEqual(['create'])
  })
})
