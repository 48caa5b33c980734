import { describe, expect, it } from 'vitest'
import { fsck } from '../../src/storage/fsck.ts'
import type { GcOptions } from '../../src/storage/gc.ts'
import { gc } from '../../src/storage/gc.ts'
import { acquireLease, LEASE_MS } from '../../src/storage/lease.ts'
import type { BlockInfo } from '../../src/storage/manifest/actions.ts'
import { checkpointKey } from '../../src/storage/manifest/layout.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { seededSystem } from '../../src/storage/system.ts'
import { crashingStore } from './faulty-store.ts'
import { addBlock, collect, DAY, exampleBlock, liveKeys, objectKeys, SETUP } from './manifest/examples.ts'
import { wrapStore } from './wrapped-store.ts'

const HOUR = 3_600_000
const SETTINGS = { retainMs: 7 * DAY, graceMs: DAY }

async function setUp() {
  const store = openMemoryStore()
  const system = seededSystem(1)
  const manifest = await openManifest(store, { system, create: true })
  await manifest.commit({ operation: 'setup', writer: 'test', actions: SETUP })
  let number = 0
  const upload = async (): Promise<BlockInfo> => {
    const block = exampleBlock(number++, { start: system.now(), uploaded: system.now() })
    await store.write(block.key, new Uint8Array(block.sizeBytes))
    return block
  }
  const add = (...blocks: BlockInfo[]) =>
    manifest.commit({ operation: 'ingest', writer: 'test', actions: blocks.map((block) => addBlock(block)) })
  const remove = (...blocks: BlockInfo[]) => {
    const actions = blocks.map(({ key }) => ({ type: 'removeBlock', dataset: 'flows', key }) as const)
    return manifest.commit({ operation: 'remove', writer: 'test', actions })
  }
  const options: GcOptions = { store, manifest, system, ...SETTINGS }
  const dataKeys = async () => (await objectKeys(store)).filter((key) => key.startsWith('data/'))
  return { store, system, manifest, upload, add, remove, options, dataKeys }
}

describe('gc', () => {
  it('deletes what no kept snapshot needs, and nothing else', async () => {
    const { system, upload, add, remove, options, dataKeys, manifest, store } = await setUp()
    const [live, removedLongAgo, removedLately, orphan] = [
      await upload(),
      await upload(),
      await upload(),
      await upload(),
    ]
    await add(live, removedLongAgo, removedLately)
    await remove(removedLongAgo)
    await system.advance(8 * DAY)
    await remove(removedLately)
    const fresh = await upload()
    const report = await gc(options)
    expect(await dataKeys()).toEqual([live, removedLately, fresh].map(({ key }) => key).sort())
    expect(report.deleted.block).toEqual({ objects: 2, sizeBytes: removedLongAgo.sizeBytes + orphan.sizeBytes })
    expect(await fsck({ store, manifest })).toMatchObject({ exitStatus: 0, counts: { missing: 0, orphaned: 1 } })
    await system.advance(8 * DAY)
    await gc(options)
    expect(await dataKeys()).toEqual([live.key])
  })

  it('says what it would delete and does nothing in a dry run', async () => {
    const { system, upload, add, remove, options, dataKeys, manifest } = await setUp()
    const [block, orphan] = [await upload(), await upload()]
    await add(block)
    await remove(block)
    await system.advance(8 * DAY)
    const before = await manifest.snapshot()
    const objects: string[] = []
    const report = await gc({ ...options, dryRun: true, onObject: ({ kind, key }) => objects.push(`${kind} ${key}`) })
    expect(report.dryRun).toBe(true)
    expect(objects).toEqual([block, orphan].map(({ key }) => `block ${key}`))
    expect(await dataKeys()).toHaveLength(2)
    expect((await manifest.snapshot()).version).toBe(before.version)
    expect((await gc(options)).deleted).toEqual(report.deleted)
  })

  it('refuses a writer that slept through the horizon; uploaded again its block is taken', async () => {
    const { system, upload, add, options, dataKeys } = await setUp()
    const slept = await upload()
    await system.advance(DAY + 1)
    await gc(options)
    expect(await dataKeys()).toEqual([])
    await expect(add(slept)).rejects.toMatchObject({ code: 'behind-horizon' })
    await add(await upload())
  })

  it('keeps an upload within the grace time, so that it may yet be committed', async () => {
    const { system, upload, add, options, dataKeys } = await setUp()
    const block = await upload()
    await system.advance(DAY - 1)
    await gc(options)
    await add(block)
    expect(await dataKeys()).toEqual([block.key])
  })

  it('keeps what the lease of a run needs until it is given back', async () => {
    const { system, upload, add, remove, options, dataKeys, manifest } = await setUp()
    const block = await upload()
    await add(block)
    const { version } = await manifest.snapshot()
    const lease = await acquireLease({ ...options, name: 'run', version })
    await remove(block)
    for (let hour = 0; hour < 20 * 24; hour++) {
      await system.advance(HOUR)
      await lease.renew()
    }
    const report = await gc(options)
    expect(report.leased).toEqual([version])
    expect(await dataKeys()).toEqual([block.key])
    expect(await liveKeys(await manifest.snapshot({ version }))).toEqual([block.key])
    await lease.release()
    await gc(options)
    expect(await dataKeys()).toEqual([])
  })

  it('keeps what an expired lease needs for the grace time, so that the run can be resumed', async () => {
    const { system, upload, add, remove, options, dataKeys, manifest } = await setUp()
    const block = await upload()
    await add(block)
    const { version } = await manifest.snapshot()
    await acquireLease({ ...options, name: 'run', version, holder: { host: 'gone', pid: 1, started: null } })
    await remove(block)
    await system.advance(DAY)
    const short = { ...options, retainMs: HOUR }
    await gc(short)
    const resumed = await acquireLease({ ...options, name: 'run', version })
    expect(resumed.epoch).toBe(2)
    await system.advance(LEASE_MS + DAY)
    await gc(short)
    expect(await dataKeys()).toEqual([])
    await expect(acquireLease({ ...options, name: 'run', version })).rejects.toMatchObject({ code: 'behind-horizon' })
  })

  it('lets a long run commit blocks it uploaded before the grace time', async () => {
    const { system, upload, add, options, dataKeys } = await setUp()
    const lease = await acquireLease({ ...options, name: 'run', version: 2 })
    const block = await upload()
    for (let hour = 0; hour < 30; hour++) {
      await system.advance(HOUR)
      await lease.renew()
    }
    await gc(options)
    await add(block)
    expect(await dataKeys()).toEqual([block.key])
  })

  it('heeds a lease taken between its commit and its deletions', async () => {
    const { system, upload, add, remove, options, dataKeys, manifest, store } = await setUp()
    const block = await upload()
    await add(block)
    const { version } = await manifest.snapshot()
    await remove(block)
    await system.advance(8 * DAY)
    /** Acquires the lease at the moment gc has planned and is about to commit. */
    const outcome: { error?: unknown } = {}
    const racing = {
      ...manifest,
      storeId: manifest.storeId,
      snapshot: manifest.snapshot.bind(manifest),
      history: manifest.history.bind(manifest),
      commit: async (commit: Parameters<typeof manifest.commit>[0]) => {
        if ((await collect(store.list('leases/'))).length === 0) {
          await acquireLease({ ...options, name: 'run', version }).catch((error: unknown) => {
            outcome.error = error
          })
        }
        return manifest.commit(commit)
      },
    }
    const report = await gc({ ...options, manifest: racing })
    expect(outcome.error).toBeUndefined()
    expect(report.leased).toEqual([version])
    expect(await dataKeys()).toEqual([block.key])
  })

  it('leaves alone what is no block', async () => {
    const { store, system, options } = await setUp()
    for (const key of ['data/flows/README.txt', 'notes/x', 'runs/r/plan.json'])
      await store.write(key, new Uint8Array(3))
    await system.advance(30 * DAY)
    expect((await gc(options)).foreign).toBe(1)
    expect(await objectKeys(store)).toEqual(
      expect.arrayContaining(['data/flows/README.txt', 'notes/x', 'runs/r/plan.json']),
    )
  })

  it('deletes leases given back or abandoned long ago', async () => {
    const { store, system, options } = await setUp()
    await (await acquireLease({ ...options, name: 'done', version: 2 })).release()
    await acquireLease({ ...options, name: 'died', version: 2 })
    await system.advance(8 * DAY)
    const running = await acquireLease({ ...options, name: 'running', version: 2 })
    expect((await gc(options)).deleted.lease.objects).toBe(2)
    await running.renew()
    expect(await collect(store.list('leases/'))).toHaveLength(1)
  })

  it('retires old checkpoints with the pages that only they name', async () => {
    const { store, system, upload, add, remove, options, manifest } = await setUp()
    const blocks: BlockInfo[] = []
    for (let i = 0; i < 400; i++) {
      const block = await upload()
      blocks.push(block)
      await add(block)
      if (i > 5) await remove(blocks[i - 5]!)
      await system.advance(HOUR)
    }
    const before = await objectKeys(store)
    const live = await liveKeys(await manifest.snapshot())
    const { version, deleted } = await gc(options)
    const after = await objectKeys(store)
    expect(deleted.checkpoint.objects).toBeGreaterThan(3)
    expect(deleted.page.objects).toBeGreaterThan(5)
    expect(before.filter((key) => !after.includes(key) && !key.startsWith('data/'))).toHaveLength(deleted.page.objects)
    const reader = await openManifest(store, { system })
    expect(await liveKeys(await reader.snapshot())).toEqual(live)
    for (let at = version; at < (await manifest.snapshot()).version; at += 13) {
      const shown = await liveKeys(await reader.snapshot({ version: at }))
      expect(shown.filter((key) => !after.includes(key))).toEqual([])
    }
    expect((await gc(options)).deleted.checkpoint.objects).toBe(0)
    expect(await fsck({ store, manifest })).toMatchObject({ exitStatus: 0 })
  })

  it('clears the pages of a checkpoint whose writer died, and bars its key', async () => {
    const { store, system, upload, add, options, manifest } = await setUp()
    for (let version = 3; version < 64; version++) await add(await upload())
    const calls = crashingStore(store)
    await openManifest(calls.store, { system })
    const point = { call: calls.calls.length + 2, when: 'before' } as const
    const { store: crashing } = crashingStore(store, point)
    const writer = await openManifest(crashing, { system })
    await expect(writer.commit({ operation: 'test', writer: 'dying', actions: [] })).rejects.toThrow('crash')
    expect((await collect(store.list('page/'))).length).toBe(1)
    await system.advance(2 * DAY)
    for (let version = 65; version < 140; version++) await manifest.commit({ operation: 't', writer: 't', actions: [] })
    const pages = await collect(store.list('page/00000000000000000064/'))
    await gc(options)
    const left = await collect(store.list('page/00000000000000000064/'))
    expect(left.length).toBeLessThan(pages.length)
    expect(await fsck({ store, manifest })).toMatchObject({ exitStatus: 0 })
  })

  it('bars a checkpoint whose writer sleeps until its pages are gone', async () => {
    const { store, system, upload, add, options, manifest } = await setUp()
    for (let version = 3; version < 64; version++) await add(await upload())
    let asleep = true
    const sleepy = wrapStore(store, {
      async before({ method, key }) {
        if (!asleep || method !== 'write' || key !== checkpointKey(64)) return
        asleep = false
        await system.advance(2 * DAY)
        for (let version = 65; version < 140; version++)
          await manifest.commit({ operation: 't', writer: 't', actions: [] })
        // As if the one that others wrote meanwhile had never been.
        await store.remove(checkpointKey(64))
        await gc(options)
      },
    })
    const writer = await openManifest(sleepy, { system })
    await writer.commit({ operation: 'test', writer: 'sleepy', actions: [] })
    expect(asleep).toBe(false)
    const reader = await openManifest(store, { system })
    expect(await liveKeys(await reader.snapshot({ version: 64 }))).toHaveLength(61)
    expect(await fsck({ store, manifest: reader })).toMatchObject({ exitStatus: 0 })
  })

  it('may be killed at any call and run again', async () => {
    for (let call = 0; call < 60; call++) {
      const { store, system, upload, add, remove, options, manifest, dataKeys } = await setUp()
      const [live, dead] = [await upload(), await upload()]
      await add(live, dead)
      await remove(dead)
      await system.advance(8 * DAY)
      const crashing = crashingStore(store, { call, when: call % 2 === 0 ? 'before' : 'after' })
      const doomed = async () => {
        const own = await openManifest(crashing.store, { system })
        await gc({ ...options, store: crashing.store, manifest: own })
      }
      await doomed().catch(() => undefined)
      if (!crashing.crashed) break
      expect(await fsck({ store, manifest })).toMatchObject({ exitStatus: 0, counts: { missing: 0 } })
      await gc(options)
      expect(await dataKeys()).toEqual([live.key])
    }
  })
})
