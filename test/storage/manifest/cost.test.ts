import { beforeAll, describe, expect, it } from 'vitest'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { countingStore } from '../counting-store.ts'
import { addBlock, collect, DAY, exampleBlock, NOON, SETUP } from './examples.ts'

/** What things cost in requests, on a store of 10,000 blocks: 1,000 commits of 10 blocks on 10 days. */
const COMMITS = 1023
const DAYS = 10
let filled: ObjectStore
const block = (number: number) => exampleBlock(number, { start: NOON + Math.floor(number / 1000) * DAY })

beforeAll(async () => {
  filled = openMemoryStore()
  const manifest = await openManifest(filled, { system: seededSystem(1), create: true })
  await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
  for (let i = 0; i < COMMITS - 2; i++) {
    const numbers = i < 1000 ? Array.from({ length: 10 }, (_, j) => i * 10 + j) : []
    await manifest.commit({ operation: 'ingest', writer: 'edge', actions: numbers.map((n) => addBlock(block(n))) })
  }
})

describe('requests', () => {
  it('to open a store of 10,000 blocks: the hint, a checkpoint, one listing, at most 63 commits', async () => {
    const { store, calls, counts } = countingStore(filled)
    const manifest = await openManifest(store, { system: seededSystem(2) })
    const reads = calls.filter(({ method }) => method === 'read').map(({ key }) => key.split('/')[0])
    expect(reads.filter((folder) => folder === 'hint')).toHaveLength(1)
    expect(reads.filter((folder) => folder === 'checkpoint')).toHaveLength(1)
    expect(reads.filter((folder) => folder === 'manifest')).toHaveLength(63)
    expect(counts()).toEqual({ read: 65, write: 0, list: 1, stat: 0, remove: 0 })
    expect((await (await manifest.snapshot()).datasets())[0]?.blocks).toBe(10_000)
    expect(counts()).toEqual({ read: 65, write: 0, list: 2, stat: 0, remove: 0 })
  })

  it('to list a period: a page per day', async () => {
    const { store, counts, reset } = countingStore(filled)
    const snapshot = await (await openManifest(store, { system: seededSystem(2) })).snapshot()
    reset()
    const period = { from: NOON + 2 * DAY, to: NOON + 4 * DAY }
    expect(await collect(snapshot.blocks('flows', period))).toHaveLength(2000)
    expect(counts()).toEqual({ read: 2, write: 0, list: 0, stat: 0, remove: 0 })
    expect(await collect(snapshot.blocks('flows'))).toHaveLength(10_000)
    expect(counts().read).toBeLessThanOrEqual(2 + DAYS)
  })

  it('to commit when nobody races: one write', async () => {
    const { store, counts, reset } = countingStore(openMemoryStore())
    const manifest = await openManifest(store, { system: seededSystem(1), create: true })
    await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
    for (let i = 3; i < 64; i++) {
      reset()
      const actions = [addBlock(exampleBlock(i)), { type: 'setTransaction', writer: 'edge', sequence: i } as const]
      await manifest.commit({ operation: 'ingest', writer: 'edge', actions })
      expect(counts()).toEqual({ read: 0, write: 1, list: 0, stat: 0, remove: 0 })
    }
  })

  it('to commit a removal or a transaction: one write and at most one read of a page', async () => {
    const { store, counts, reset } = countingStore(filled)
    const manifest = await openManifest(store, { system: seededSystem(3) })
    await manifest.commit({ operation: 'test', writer: 'test', actions: [] })
    reset()
    const actions = [{ type: 'removeBlock', dataset: 'flows', key: block(5).key } as const]
    await manifest.commit({ operation: 'remove', writer: 'test', actions })
    expect(counts()).toEqual({ read: 1, write: 1, list: 0, stat: 0, remove: 0 })
  })

  it('to write a checkpoint: the changed pages, itself and the hint', async () => {
    const { store, counts, reset } = countingStore(openMemoryStore())
    const manifest = await openManifest(store, { system: seededSystem(1), create: true })
    await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
    for (let i = 3; i <= 128; i++) {
      reset()
      const actions = [addBlock(exampleBlock(i, { start: NOON + (i > 64 ? DAY : 0) }))]
      await manifest.commit({ operation: 'ingest', writer: 'edge', actions })
    }
    expect(counts()).toEqual({ read: 0, write: 1 + 1 + 2, list: 0, stat: 0, remove: 0 })
  })
})
