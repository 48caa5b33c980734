import { describe, expect, it } from 'vitest'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { fc } from '../../kit/fast-check.ts'
import { countingStore } from '../counting-store.ts'
import type { Fault } from '../faulty-store.ts'
import { faultyStore } from '../faulty-store.ts'
import { addBlock, collect, exampleBlock, liveKeys, SETUP } from './examples.ts'

describe('commit', () => {
  it('recognises its own commit when the reply is lost', async () => {
    const inner = openMemoryStore()
    await openManifest(inner, { system: seededSystem(1), create: true })
    let lose = false
    const store = faultyStore(inner, ({ method }) => (lose && method === 'write' ? 'after' : undefined))
    const manifest = await openManifest(store, { system: seededSystem(2) })
    lose = true
    const { header } = await manifest.commit({ operation: 'test', writer: 'test', actions: SETUP })
    expect(header.version).toBe(2)
    expect(await collect(manifest.history())).toHaveLength(2)
  })

  it('writes the same bytes again when a failed write left nothing', async () => {
    const inner = openMemoryStore()
    await openManifest(inner, { system: seededSystem(1), create: true })
    let failures = 0
    const store = faultyStore(inner, ({ method }) => (method === 'write' && failures++ < 2 ? 'before' : undefined))
    const manifest = await openManifest(store, { system: seededSystem(2) })
    expect((await manifest.commit({ operation: 'test', writer: 'test', actions: SETUP })).header.version).toBe(2)
  })

  it('gives up with `unavailable` when the store stays away, and goes on when it is back', async () => {
    const inner = openMemoryStore()
    await openManifest(inner, { system: seededSystem(1), create: true })
    let away = false
    const store = faultyStore(inner, () => (away ? 'before' : undefined))
    const manifest = await openManifest(store, { system: seededSystem(2) })
    away = true
    const options = { operation: 'test', writer: 'test', actions: SETUP }
    await expect(manifest.commit(options)).rejects.toMatchObject({ code: 'unavailable' })
    away = false
    expect((await manifest.commit(options)).header.version).toBe(2)
  })

  it('costs a write and a read per lost race', async () => {
    const inner = openMemoryStore()
    const winner = await openManifest(inner, { system: seededSystem(1), create: true })
    await winner.commit({ operation: 'test', writer: 'test', actions: SETUP })
    const { store, counts, reset } = countingStore(inner)
    const loser = await openManifest(store, { system: seededSystem(2) })
    await winner.commit({ operation: 'test', writer: 'winner', actions: [addBlock(exampleBlock(1))] })
    reset()
    await loser.commit({ operation: 'test', writer: 'loser', actions: [addBlock(exampleBlock(2))] })
    expect(counts()).toEqual({ read: 1, write: 2, list: 0, stat: 0, remove: 0 })
    expect(await liveKeys(await winner.snapshot())).toEqual([exampleBlock(1).key, exampleBlock(2).key])
  })

  it('is made once or not at all whatever replies are lost, by several writers', async () => {
    const faults = fc.array(fc.constantFrom<Fault>(undefined, undefined, 'before', 'after'), { maxLength: 60 })
    const property = fc.asyncProperty(faults, fc.integer(), async (plan, seed) => {
      const inner = openMemoryStore()
      const setup = await openManifest(inner, { system: seededSystem(seed), create: true })
      await setup.commit({ operation: 'setup', writer: 'setup', actions: SETUP })
      let calls = 0
      let armed = false
      const store = faultyStore(inner, () => (armed ? plan[calls++] : undefined))
      const writers = await Promise.all([2, 3].map((i) => openManifest(store, { system: seededSystem(seed + i) })))
      armed = true
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const actions = [addBlock(exampleBlock(i))]
          return writers[i % 2]!.commit({ operation: 'test', writer: `w${i % 2}`, actions }).then(
            () => 'made',
            (error: { code: string }) => error.code,
          )
        }),
      )
      armed = false
      const live = await liveKeys(await setup.snapshot())
      outcomes.forEach((outcome, i) => {
        if (outcome === 'made') expect(live).toContain(exampleBlock(i).key)
        else expect(outcome).toBe('unavailable')
      })
      const added = (await collect(setup.history()))
        .flatMap(({ actions }) => actions)
        .filter(({ type }) => type === 'addBlock')
      expect(added).toHaveLength(live.length)
    })
    await fc.assert(property, { numRuns: 150 })
  })
})
