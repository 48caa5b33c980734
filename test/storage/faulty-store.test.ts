import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { countingStore } from './counting-store.ts'
import { Crash, crashingStore, faultyStore } from './faulty-store.ts'

const work = async (store: ObjectStore): Promise<void> => {
  await store.write('a', new Uint8Array(1))
  await store.stat('a')
  for await (const _ of store.list(''));
  await store.write('b', new Uint8Array(2), { ifAbsent: true })
}

describe('crashing store', () => {
  it('dies at the chosen call, before or after its effect, and stays dead', async () => {
    for (const when of ['before', 'after'] as const) {
      const inner = openMemoryStore()
      const crashing = crashingStore(inner, { call: 3, when })
      await expect(work(crashing.store)).rejects.toThrow(`crash at 3 ${when} write b`)
      expect(crashing.crashed).toBe(true)
      await expect(crashing.store.stat('a')).rejects.toThrow(Crash)
      expect(await inner.stat('a')).toBeDefined()
      expect(await inner.stat('b')).toEqual(when === 'before' ? undefined : expect.anything())
    }
  })

  it('names its crash points when it has none to die at', async () => {
    const crashing = crashingStore(openMemoryStore())
    await work(crashing.store)
    expect(crashing.calls).toEqual(['0 write a', '1 stat a', '2 list ', '3 write b'])
    expect(crashing.crashed).toBe(false)
  })
})

describe('faulty store', () => {
  it('fails calls before or after their effect and goes on', async () => {
    const inner = openMemoryStore()
    const faults = ['before', 'after', undefined] as const
    const store = faultyStore(inner, ({ index }) => faults[index])
    for (const key of ['a', 'b'])
      await expect(store.write(key, new Uint8Array(1))).rejects.toMatchObject({ code: 'unavailable' })
    await store.write('c', new Uint8Array(1))
    expect(await inner.stat('a')).toBeUndefined()
    expect(await inner.stat('b')).toBeDefined()
    expect(await inner.stat('c')).toBeDefined()
  })
})

describe('counting store', () => {
  it('counts calls per method and starts again', async () => {
    const counting = countingStore(openMemoryStore())
    await work(counting.store)
    expect(counting.counts()).toEqual({ read: 0, write: 2, list: 1, stat: 1, remove: 0 })
    expect(counting.calls.filter((call) => call.ifAbsent).map((call) => call.key)).toEqual(['b'])
    counting.reset()
    expect(counting.counts().write).toBe(0)
  })
})
