import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../../src/storage/manifest/checkpoint.ts'
import { checkpointKey, HINT_KEY } from '../../../src/storage/manifest/layout.ts'
import type { Manifest } from '../../../src/storage/manifest/manifest.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { crashingStore } from '../faulty-store.ts'
import { addBlock, collect, DAY, exampleBlock, exampleLedger, liveKeys, NOON, objectKeys, SETUP } from './examples.ts'

const open = (store: ObjectStore, seed = 1): Promise<Manifest> =>
  openManifest(store, { system: seededSystem(seed), create: true })

/** A store with `commits` commits, each after the second with one block, in turn on three days. */
async function filled(store: ObjectStore, commits: number): Promise<Manifest> {
  const manifest = await open(store)
  await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
  for (let i = 3; i <= commits; i++) await addNumbered(manifest, i)
  return manifest
}

const numbered = (i: number) => exampleBlock(i, { start: NOON + (i % 3) * DAY })

const addNumbered = (manifest: Manifest, i: number) =>
  manifest.commit({
    operation: 'ingest',
    writer: 'edge',
    actions: [
      addBlock(numbered(i)),
      { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(NOON, { received: i })] },
      { type: 'setTransaction', writer: 'edge', sequence: i },
    ],
  })

async function checkpointOf(store: ObjectStore, version: number): Promise<Checkpoint> {
  return JSON.parse(new TextDecoder().decode(await store.read(checkpointKey(version))))
}

const expectedKeys = (commits: number): string[] =>
  Array.from({ length: commits - 2 }, (_, i) => numbered(i + 3).key).sort()

describe('checkpoints', () => {
  it('are written every 64 commits, and the hint names the newest', async () => {
    const store = openMemoryStore()
    await filled(store, 130)
    const checkpoints = (await objectKeys(store)).filter((key) => key.startsWith('checkpoint/'))
    expect(checkpoints).toEqual([checkpointKey(64), checkpointKey(128)])
    expect(JSON.parse(new TextDecoder().decode(await store.read(HINT_KEY)))).toEqual({ version: 128 })
  })

  it('hold the whole state: a store opened from one equals one that never was', async () => {
    const store = openMemoryStore()
    const writer = await filled(store, 130)
    const reader = await open(store)
    for (const manifest of [writer, reader]) {
      for (const version of [63, 64, 65, 127, 128, 129, 130]) {
        const snapshot = await manifest.snapshot({ version })
        expect(await liveKeys(snapshot)).toEqual(expectedKeys(version))
        const received = Array.from({ length: version - 2 }, (_, i) => i + 3).reduce((sum, i) => sum + i, 0)
        expect(await collect(snapshot.ledger('flows'))).toEqual([exampleLedger(NOON, { received })])
        expect(await snapshot.transaction('edge')).toBe(version)
        expect(await snapshot.transaction('core')).toBe(-1)
        expect((await snapshot.datasets())[0]).toMatchObject({ blocks: version - 2, records: 10 * (version - 2) })
      }
    }
  })

  it('keep pages of a dataset and a day, and refer to those that have not changed', async () => {
    const store = openMemoryStore()
    const manifest = await filled(store, 64)
    const first = (await checkpointOf(store, 64)).datasets[0]!
    expect(first.blocks.map(({ first: key }) => key.slice(0, 21))).toEqual(
      [21, 22, 23].map((day) => `data/flows/2026-11-${day}`),
    )
    expect(first.blocks.map(({ entries }) => entries).reduce((a, b) => a + b)).toBe(62)
    for (let i = 65; i <= 128; i++) {
      await manifest.commit({
        operation: 'ingest',
        writer: 'edge',
        actions: [addBlock(exampleBlock(i, { start: NOON }))],
      })
    }
    const second = (await checkpointOf(store, 128)).datasets[0]!
    expect(second.blocks.slice(1)).toEqual(first.blocks.slice(1))
    expect(second.blocks[0]?.key).not.toBe(first.blocks[0]?.key)
    expect(second.ledger).toEqual(first.ledger)
  })

  it('describe their pages', async () => {
    const store = openMemoryStore()
    await filled(store, 64)
    const checkpoint = await checkpointOf(store, 64)
    for (const ref of checkpoint.datasets[0]!.blocks) {
      const { blocks } = JSON.parse(gunzipSync(await store.read(ref.key)).toString()) as { blocks: { key: string }[] }
      expect(blocks).toHaveLength(ref.entries)
      expect([blocks[0]?.key, blocks.at(-1)?.key]).toEqual([ref.first, ref.last])
      expect(ref.records).toBe(10 * ref.entries)
    }
  })

  it('leave totals exact when blocks of old pages are removed', async () => {
    const store = openMemoryStore()
    const manifest = await filled(store, 70)
    const gone = [3, 4, 6].map((i) => numbered(i))
    await manifest.commit({
      operation: 'remove',
      writer: 'test',
      actions: gone.map(({ key }) => ({ type: 'removeBlock', dataset: 'flows', key })),
    })
    const snapshot = await (await open(store)).snapshot()
    const left = await collect(snapshot.blocks('flows'))
    expect(left).toHaveLength(65)
    expect((await snapshot.datasets())[0]).toEqual({
      dataset: 'flows',
      blocks: left.length,
      records: left.reduce((sum, { records }) => sum + records, 0),
      sizeBytes: left.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      minStart: NOON,
      maxEnd: NOON + 2 * DAY + 60_000,
    })
    await expect(
      manifest.commit({
        operation: 'remove',
        writer: 'test',
        actions: [{ type: 'removeBlock', dataset: 'flows', key: gone[0]!.key }],
      }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })

  it('are written by another writer when the one that should has died', async () => {
    const inner = openMemoryStore()
    await filled(inner, 63)
    const { store } = crashingStore(inner, { call: await callsOfCommit(inner), when: 'before' })
    const dying = await openManifest(store, { system: seededSystem(5) })
    await expect(addNumbered(dying, 64)).rejects.toThrow('crash')
    expect(await inner.stat(checkpointKey(64))).toBeUndefined()
    const next = await openManifest(inner, { system: seededSystem(6) })
    for (let i = 65; i <= 72; i++) await addNumbered(next, i)
    expect(await inner.stat(checkpointKey(64))).toBeDefined()
    expect(await liveKeys(await (await open(inner)).snapshot())).toEqual(expectedKeys(72))
  })

  it('are not needed: without hint and checkpoints a store opens from its commits', async () => {
    const store = openMemoryStore()
    await filled(store, 130)
    for (const key of await objectKeys(store)) if (!key.startsWith('manifest/')) await store.remove(key)
    expect(await liveKeys(await (await open(store)).snapshot())).toEqual(expectedKeys(130))
  })

  it('are found when the hint is gone, old, or nonsense', async () => {
    const store = openMemoryStore()
    await filled(store, 130)
    const hints = [undefined, '{"version":64}', '{"version":192}', '{"version":7}', 'x', '{}']
    for (const hint of hints) {
      if (hint === undefined) await store.remove(HINT_KEY)
      else await store.write(HINT_KEY, new TextEncoder().encode(hint))
      expect(await liveKeys(await (await open(store)).snapshot())).toEqual(expectedKeys(130))
    }
  })

  it('are taken over by writers that did not write them', async () => {
    const store = openMemoryStore()
    const one = await filled(store, 60)
    const two = await open(store)
    for (let i = 61; i <= 140; i++) await addNumbered(i % 2 === 0 ? one : two, i)
    for (const manifest of [one, two]) expect(await liveKeys(await manifest.snapshot())).toEqual(expectedKeys(140))
  })
})

/** How many calls opening a store and one commit to it take, without the checkpoint. */
async function callsOfCommit(store: ObjectStore): Promise<number> {
  const { store: counting, calls } = crashingStore(store)
  await openManifest(counting, { system: seededSystem(5) })
  return calls.length + 1
}
