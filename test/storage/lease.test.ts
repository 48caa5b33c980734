import { describe, expect, it } from 'vitest'
import type { AcquireOptions } from '../../src/storage/lease.ts'
import {
  acquireLease,
  isProcessRunning,
  LEASE_MS,
  listLeases,
  readLease,
  thisProcess,
} from '../../src/storage/lease.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { seededSystem } from '../../src/storage/system.ts'
import { countingStore } from './counting-store.ts'

const NAME = '20261121T001503Z-ports-3f9a01c2'
const holder = (pid: number, host = 'one') => ({ host, pid, started: null })

async function setUp() {
  const store = openMemoryStore()
  const system = seededSystem(1)
  const manifest = await openManifest(store, { system, create: true })
  const acquire = (pid: number, options: Partial<AcquireOptions> = {}) =>
    acquireLease({
      ...{ store, manifest, system, name: NAME, version: 1 },
      ...{ holder: holder(pid), isRunning: () => true },
      ...options,
    })
  return { store, system, manifest, acquire }
}

describe('lease', () => {
  it('is held by one at a time and names its holder', async () => {
    const { acquire } = await setUp()
    const lease = await acquire(1)
    expect(lease).toMatchObject({ name: NAME, epoch: 1, version: 1 })
    await expect(acquire(2)).rejects.toThrow(
      `lease of ${NAME} expected free, got one held by process 1 on one (epoch 1)`,
    )
  })

  it('of a new name is taken without a look for earlier holders, and not from one who has it', async () => {
    const { acquire, store } = await setUp()
    const counting = countingStore(store)
    expect((await acquire(1, { store: counting.store, isNew: true })).epoch).toBe(1)
    expect(counting.counts()).toMatchObject({ list: 0, write: 1 })
    await expect(acquire(2, { isNew: true })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('goes to one of many who find it free', async () => {
    const { acquire } = await setUp()
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => acquire(i)))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('lives as long as it is renewed and is taken over 15 s after the last time, with the next epoch', async () => {
    const { acquire, system } = await setUp()
    const lease = await acquire(1)
    for (let i = 0; i < 5; i++) {
      await system.advance(LEASE_MS - 1)
      await expect(acquire(2)).rejects.toMatchObject({ code: 'conflict' })
      await lease.renew()
    }
    await system.advance(LEASE_MS)
    expect((await acquire(2)).epoch).toBe(2)
    await expect(lease.renew()).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is taken over at once from a process of this host that is gone, not from one of another host', async () => {
    const { acquire } = await setUp()
    await acquire(1)
    await expect(acquire(2, { holder: holder(2, 'two'), isRunning: () => false })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect((await acquire(2, { isRunning: ({ pid }) => pid !== 1 })).epoch).toBe(2)
  })

  it('is free at once when released', async () => {
    const { acquire, store } = await setUp()
    await (await acquire(1)).release()
    expect(await readLease(store, NAME)).toMatchObject({ released: true })
    expect((await acquire(2)).epoch).toBe(2)
  })

  it('is not released by a former holder', async () => {
    const { acquire, system, store } = await setUp()
    const former = await acquire(1)
    await system.advance(LEASE_MS)
    await acquire(2)
    await former.release()
    expect(await readLease(store, NAME)).toMatchObject({ epoch: 2, released: false })
  })

  it('keeps the time it was first acquired over take-overs', async () => {
    const { acquire, system, store } = await setUp()
    const began = system.now()
    await acquire(1)
    await system.advance(2 * LEASE_MS)
    await acquire(2)
    expect(await readLease(store, NAME)).toMatchObject({ since: began, renewed: began + 2 * LEASE_MS })
  })

  it('is listed once per name, with its newest epoch', async () => {
    const { acquire, system, store } = await setUp()
    await acquire(1)
    await acquire(1, { name: 'other' })
    await system.advance(LEASE_MS)
    await acquire(2)
    const found = []
    for await (const { lease, keys } of listLeases(store)) found.push([lease.name, lease.epoch, keys.length])
    expect(found).toEqual([
      [NAME, 2, 2],
      ['other', 1, 1],
    ])
  })

  it('is refused for a snapshot that gc no longer keeps, and given back', async () => {
    const { acquire, manifest, store } = await setUp()
    const property = (name: string, value: string) => ({ type: 'setProperty', name, old: null, value }) as const
    const actions = [property('gc.version', '3'), property('gc.leased', '2')]
    await manifest.commit({ operation: 'gc-horizon', writer: 'gc', actions })
    await manifest.commit({ operation: 'test', writer: 'test', actions: [] })
    await expect(acquire(1, { version: 1 })).rejects.toMatchObject({ code: 'behind-horizon' })
    expect(await readLease(store, NAME)).toMatchObject({ released: true })
    expect((await acquire(1, { version: 2 })).version).toBe(2)
    expect((await acquire(1, { version: 3, name: 'other' })).version).toBe(3)
  })
})

describe('process of a lease', () => {
  it('is running while it is the process that was meant', () => {
    expect(isProcessRunning(thisProcess())).toBe(true)
    expect(isProcessRunning({ ...thisProcess(), started: '1' })).toBe(process.platform !== 'linux')
    expect(isProcessRunning({ host: 'here', pid: 2 ** 30, started: null })).toBe(false)
  })
})
