import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { Upkeep } from '../../../src/storage/replica/upkeep.ts'
import { bytesOf, commitKey, keysOf, testSet } from './volumes.ts'

const BLOCKS = Array.from({ length: 20 }, (_, i) => `data/flows/2026-01-01/00/block-${i}.avro`)

/** A set of three with blocks in it, kept by one process. */
async function keptSet() {
  const set = testSet(3, 'missed=600,')
  const store = await set.open()
  await store.write(commitKey(1), bytesOf('commit 1'), { ifAbsent: true })
  for (const key of BLOCKS) await store.write(key, bytesOf(key))
  const notes: string[] = []
  const upkeep = new Upkeep((await set.open()).set, { onNote: (note) => notes.push(note) })
  return { set, store, notes, upkeep }
}

/** Lets the upkeep come to its next sleeps over so many minutes. */
async function pass(system: { sleep(ms: number): Promise<void> }, minutes: number): Promise<void> {
  await system.sleep(minutes * 60_000)
}

const copies = async (set: ReturnType<typeof testSet>, slots: readonly number[]): Promise<number> => {
  let count = 0
  for (const slot of slots) count += (await keysOf(set.volumes[slot]!.inner, 'data/')).length
  return count
}

describe('upkeep', () => {
  it('copies the blocks of a volume that misses its heartbeat for the time set, and not before', async () => {
    const { set, notes, upkeep } = await keptSet()
    await pass(set.system, 3)
    expect(notes).toEqual([])
    set.volumes[2]!.down = true
    await pass(set.system, 8)
    expect(await copies(set, [0, 1])).toBeLessThan(2 * BLOCKS.length)
    await pass(set.system, 8)
    expect(await copies(set, [0, 1])).toBe(2 * BLOCKS.length)
    expect(notes.some((note) => /\d+ blocks copied.*test:v2 is given up/.test(note))).toBe(true)
    await upkeep.stop()
  })

  it('takes in a volume that was replaced by an empty one and gives it every block back', async () => {
    const { set, notes, upkeep } = await keptSet()
    const before = await copies(set, [1])
    set.volumes[1]!.empty()
    await pass(set.system, 4)
    expect(await copies(set, [1])).toBe(before)
    expect(await copies(set, [0, 1, 2])).toBe(2 * BLOCKS.length)
    expect(notes).toContainEqual(expect.stringContaining('1 volume taken in'))
    await upkeep.stop()
  })

  it('says once that there is no primary, and mends nothing', async () => {
    const { set, notes, upkeep } = await keptSet()
    set.volumes[0]!.empty()
    await pass(set.system, 20)
    expect(notes.filter((note) => note.includes('no primary answers (fs promote makes one)'))).toHaveLength(1)
    expect(await keysOf(set.volumes[0]!.inner)).toEqual([])
    await upkeep.stop()
  })

  it('leaves a set alone that was never made, and any other store', async () => {
    const set = testSet(2)
    const upkeep = new Upkeep((await set.open()).set)
    await pass(set.system, 5)
    for (const { inner } of set.volumes) expect(await keysOf(inner)).toEqual([])
    await upkeep.stop()
    expect(Upkeep.of(openMemoryStore({ name: 'no-set' }))).toBeUndefined()
  })

  it('ends when it is stopped', async () => {
    const { set, upkeep } = await keptSet()
    await upkeep.stop()
    set.volumes[1]!.empty()
    await pass(set.system, 30)
    expect(await keysOf(set.volumes[1]!.inner)).toEqual([])
  })
})
