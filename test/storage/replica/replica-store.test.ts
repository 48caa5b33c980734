import { describe, expect, it } from 'vitest'
import { health, maintain } from '../../../src/storage/replica/maintain.ts'
import { placementOrder } from '../../../src/storage/replica/placement.ts'
import { promote } from '../../../src/storage/replica/promote.ts'
import type { ReplicaStore } from '../../../src/storage/replica/replica-store.ts'
import { bytesOf, commitKey, keysOf, type TestSet, testSet, textOf } from './volumes.ts'

const commit = (store: ReplicaStore, version: number, text = `commit ${version}`): Promise<void> =>
  store.write(commitKey(version), bytesOf(text), { ifAbsent: true })

const blockKeys = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `data/flows/2026-01-01/00/block-${i}.avro`)

/** How many volumes hold each block. */
async function copiesOf({ volumes }: TestSet): Promise<Map<string, number>> {
  const copies = new Map<string, number>()
  for (const { inner } of volumes)
    for (const key of await keysOf(inner, 'data/')) copies.set(key, (copies.get(key) ?? 0) + 1)
  return copies
}

describe('a set of volumes that work', () => {
  it('keeps blocks on as many volumes as the factor says, spread over all, and the rest on every volume', async () => {
    const set = testSet(3)
    const store = await set.open()
    for (const key of blockKeys(60)) await store.write(key, bytesOf(key))
    await commit(store, 1)
    await store.write('hint/newest.json', bytesOf('1'))
    expect([...(await copiesOf(set)).values()]).toEqual(Array(60).fill(2))
    for (const { inner } of set.volumes) {
      expect((await keysOf(inner, 'data/')).length).toBeGreaterThan(20)
      expect(textOf(await inner.read(commitKey(1)))).toBe('commit 1')
      expect(textOf(await inner.read('hint/newest.json'))).toBe('1')
    }
    expect(await keysOf(store)).toEqual([...blockKeys(60), 'hint/newest.json', commitKey(1)].sort())
  })

  it('keeps its own records to itself', async () => {
    const store = await testSet(2).open()
    await commit(store, 1)
    expect(await keysOf(store)).toEqual([commitKey(1)])
    for (const call of [
      store.read('replica/volume.json'),
      store.write('replica/x', bytesOf('')),
      store.remove('replica/volume.json'),
      store.stat('replica/x'),
    ])
      await expect(call).rejects.toMatchObject({ code: 'bad-key' })
  })

  it('is made once by processes that begin at the same time', async () => {
    const set = testSet(3)
    const stores = await Promise.all([1, 2, 3, 4].map(() => set.open()))
    const outcomes = await Promise.allSettled(stores.map((store, i) => commit(store, 1, `writer ${i}`)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await health((await set.open()).set)).map(({ state }) => state)).toEqual([
      'primary',
      'follower',
      'follower',
    ])
  })

  it('is empty before it is made, and reading makes nothing', async () => {
    const set = testSet(2)
    const store = await set.open()
    expect(await keysOf(store)).toEqual([])
    await expect(store.read('a')).rejects.toMatchObject({ code: 'not-found' })
    expect(await store.stat('data/x')).toBeUndefined()
    await store.remove('a')
    for (const { inner } of set.volumes) expect(await keysOf(inner)).toEqual([])
  })

  it('is not written by a process that counts other volumes or another quorum', async () => {
    const set = testSet(3)
    await commit(await set.open(), 1)
    const fewer = testSet(2)
    fewer.volumes.forEach((volume, slot) => {
      volume.inner = set.volumes[slot]?.inner ?? volume.inner
    })
    const store = await fewer.open()
    await expect(commit(store, 2)).rejects.toMatchObject({ code: 'conflict' })
    expect(textOf(await store.read(commitKey(1)))).toBe('commit 1')
    await promote(store.set, 0)
    await commit(store, 2)
  })
})

describe('a volume that is down', () => {
  it('does not stop writes to a set of three, and is brought up when it is back', async () => {
    for (const slot of [1, 2]) {
      const set = testSet(3)
      const store = await set.open()
      await commit(store, 1)
      const volume = set.volumes[slot]!
      volume.down = true
      await commit(store, 2)
      for (const key of blockKeys(20)) await store.write(key, bytesOf(key))
      expect([...(await copiesOf(set)).values()]).toEqual(Array(20).fill(2))
      volume.down = false
      await maintain(store.set)
      expect(textOf(await volume.inner.read(commitKey(2)))).toBe('commit 2')
    }
  })

  it('stops writes to a set of two, which says so, unless a quorum of 1 was asked for', async () => {
    for (const [settings, code] of [
      ['', 'unavailable'],
      ['quorum=1,', undefined],
    ] as const) {
      const set = testSet(2, settings)
      const store = await set.open()
      await commit(store, 1)
      set.volumes[1]!.down = true
      const outcomes = await Promise.allSettled([commit(store, 2), store.write('data/x', bytesOf('x'))])
      for (const outcome of outcomes) {
        expect(outcome.status).toBe(code ? 'rejected' : 'fulfilled')
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({
            code,
            message: expect.stringMatching(/expected 2 volumes to take it, got 1/),
          })
      }
      expect(textOf(await store.read(commitKey(1)))).toBe('commit 1')
    }
  })

  it('does not keep readers from anything, be it the primary or another', async () => {
    for (const slot of [0, 1, 2]) {
      const set = testSet(3)
      const writer = await set.open()
      await commit(writer, 1)
      for (const key of blockKeys(10)) await writer.write(key, bytesOf(key))
      set.volumes[slot]!.down = true
      for (const store of [writer, await set.open()]) {
        expect(textOf(await store.read(commitKey(1)))).toBe('commit 1')
        await expect(store.read(commitKey(2))).rejects.toMatchObject({ code: 'not-found' })
        expect(await keysOf(store, 'manifest/')).toEqual([commitKey(1)])
        expect(await keysOf(store, 'data/')).toEqual(blockKeys(10))
        for (const key of blockKeys(10)) expect(textOf(await store.read(key, { offset: 0, length: 4 }))).toBe('data')
        await expect(store.read('data/none')).rejects.toMatchObject({ code: 'not-found' })
      }
    }
  })

  it('with another makes absence unknown, which is not the same as absent', async () => {
    const set = testSet(3)
    const store = await set.open()
    for (const key of blockKeys(10)) await store.write(key, bytesOf(key))
    set.volumes[0]!.down = true
    set.volumes[1]!.down = true
    await expect(store.read('data/none')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(store.stat(commitKey(9))).rejects.toMatchObject({ code: 'unavailable' })
    await expect(keysOf(store, 'data/')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(keysOf(store, 'manifest/')).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('leaves its blocks to others after the time set for that, not before', async () => {
    const set = testSet(3, 'missed=600,')
    const store = await set.open()
    for (const key of blockKeys(40)) await store.write(key, bytesOf(key))
    await maintain(store.set)
    const gone = set.volumes[2]!
    gone.down = true
    const held = (await keysOf(gone.inner, 'data/')).length
    await set.system.advance(599_000)
    expect(await maintain(store.set)).toMatchObject({ copied: 0, underReplicated: held })
    await set.system.advance(2_000)
    expect(await maintain(store.set)).toMatchObject({ copied: held, underReplicated: 0 })
    const inReach = new Map<string, number>()
    for (const { inner } of set.volumes.slice(0, 2))
      for (const key of await keysOf(inner, 'data/')) inReach.set(key, (inReach.get(key) ?? 0) + 1)
    expect([...inReach.values()]).toEqual(Array(40).fill(2))
  })

  it('gets a block that a reader missed on it', async () => {
    const set = testSet(3)
    const store = await set.open()
    await commit(store, 1)
    const [key = ''] = blockKeys(1)
    const home = set.volumes[placementOrder(key, 3)[0]!]!
    home.down = true
    await store.write(key, bytesOf('block'))
    home.down = false
    await set.system.advance(20_000)
    expect(textOf(await store.read(key))).toBe('block')
    await store.settled()
    expect(textOf(await home.inner.read(key))).toBe('block')
  })
})

describe('a volume that was emptied', () => {
  it('gets every object and every block back', async () => {
    const set = testSet(3)
    const store = await set.open()
    for (const key of blockKeys(40)) await store.write(key, bytesOf(key))
    for (let version = 1; version <= 5; version++) await commit(store, version)
    set.volumes[1]!.empty()
    await maintain(store.set)
    expect([...(await copiesOf(set)).values()]).toEqual(Array(40).fill(2))
    expect(await keysOf(set.volumes[1]!.inner, 'manifest/')).toEqual([1, 2, 3, 4, 5].map(commitKey))
    expect(await maintain(store.set)).toMatchObject({ enrolled: 0, followed: 0, copied: 0, underReplicated: 0 })
  })

  it('is taken in by the next commit when a set of two would come to a stand otherwise', async () => {
    const set = testSet(2)
    const store = await set.open()
    await commit(store, 1)
    set.volumes[1]!.empty()
    await expect(commit(store, 2)).rejects.toMatchObject({ code: 'unavailable' })
    await commit(store, 3)
    expect(await keysOf(set.volumes[1]!.inner, 'manifest/')).toEqual([1, 2, 3].map(commitKey))
  })

  it('and was the primary can start no second history, whoever asks and whatever else is down', async () => {
    for (const alsoDown of [undefined, 1, 2]) {
      const set = testSet(3)
      const running = await set.open()
      await commit(running, 1)
      set.volumes[0]!.empty()
      if (alsoDown !== undefined) set.volumes[alsoDown]!.down = true
      for (const store of [running, await set.open()]) {
        for (let attempt = 0; attempt < 3; attempt++) {
          await expect(commit(store, 1, 'another history')).rejects.toMatchObject({
            code: expect.stringMatching(/unavailable|exists/),
          })
          await expect(store.write('data/x', bytesOf('x'), { ifAbsent: true })).rejects.toMatchObject({
            code: 'unavailable',
          })
          await set.system.advance(6_000)
        }
        if (alsoDown === undefined) expect(textOf(await store.read(commitKey(1)))).toBe('commit 1')
        await expect(promote(store.set, 0)).rejects.toMatchObject({ code: 'conflict' })
      }
      expect(await keysOf(set.volumes[0]!.inner)).toEqual([])
    }
  })

  it('and all others with it are a new set; as long as one is only down, they are not', async () => {
    const set = testSet(2)
    await commit(await set.open(), 1)
    set.volumes[0]!.empty()
    set.volumes[1]!.down = true
    await expect(commit(await set.open(), 1)).rejects.toMatchObject({ code: 'unavailable' })
    await expect((await set.open()).read(commitKey(1))).rejects.toMatchObject({ code: 'unavailable' })
    set.volumes[1]!.down = false
    set.volumes[1]!.empty()
    await commit(await set.open(), 1, 'new')
  })
})

describe('promotion', () => {
  it('goes on from a primary that is lost, with every acknowledged commit', async () => {
    for (const count of [2, 3]) {
      const set = testSet(count)
      const store = await set.open()
      for (let version = 1; version <= 4; version++) await commit(store, version)
      set.volumes[0]!.down = true
      await expect(commit(store, 5)).rejects.toMatchObject({ code: 'unavailable' })
      const operator = await set.open()
      expect(await promote(operator.set, 1)).toMatchObject({ primary: 'test:v1', epoch: 3 })
      set.volumes[0]!.empty()
      set.volumes[0]!.down = false
      await set.system.advance(20_000)
      await commit(store, 5)
      await maintain(store.set)
      for (const { inner } of set.volumes)
        expect(await keysOf(inner, 'manifest/')).toEqual([1, 2, 3, 4, 5].map(commitKey))
      expect((await health(store.set)).map(({ state }) => state).slice(0, 2)).toEqual(['follower', 'primary'])
    }
  })

  it('moves the primary while all work, under writers that do not notice', async () => {
    const set = testSet(3)
    const [writer, operator] = [await set.open(), await set.open()]
    let version = 0
    for (let round = 0; round < 6; round++) {
      const writing = (async () => {
        for (let i = 0; i < 3; i++) await commit(writer, ++version).catch(() => version--)
      })()
      await Promise.all([promote(operator.set, round % 3), writing])
    }
    await commit(writer, ++version)
    const keys = Array.from({ length: version }, (_, i) => commitKey(i + 1))
    await maintain(writer.set)
    for (const { inner } of set.volumes) expect(await keysOf(inner, 'manifest/')).toEqual(keys)
  })

  it('takes back a commit that only the old primary had, for nobody was told of it', async () => {
    const set = testSet(3)
    const store = await set.open()
    await commit(store, 1)
    await set.volumes[0]!.inner.write(commitKey(2), bytesOf('never acknowledged'))
    set.volumes[0]!.down = true
    await promote(store.set, 1)
    await commit(store, 2, 'another second')
    set.volumes[0]!.down = false
    await set.system.advance(20_000)
    await maintain(store.set)
    expect(textOf(await set.volumes[0]!.inner.read(commitKey(2)))).toBe('another second')
  })

  it('is refused with too few volumes, and possible by force', async () => {
    const set = testSet(3)
    const store = await set.open()
    await commit(store, 1)
    set.volumes[0]!.down = true
    set.volumes[2]!.down = true
    await expect(promote(store.set, 1)).rejects.toMatchObject({ code: 'unavailable' })
    await promote(store.set, 1, { force: true })
    set.volumes[2]!.down = false
    await set.system.advance(20_000)
    await maintain(store.set)
    await commit(store, 2)
  })

  it('makes a set of a plain store and empty volumes, and is the only way to', async () => {
    const set = testSet(2)
    await set.volumes[1]!.inner.write(commitKey(1), bytesOf('commit 1'))
    await set.volumes[1]!.inner.write('data/x', bytesOf('block'))
    const store = await set.open()
    await expect(commit(store, 2)).rejects.toMatchObject({ code: 'conflict' })
    await expect(store.read(commitKey(1))).rejects.toMatchObject({ code: 'not-a-store' })
    await expect(promote(store.set, 0)).rejects.toMatchObject({ code: 'conflict' })
    await promote(store.set, 1)
    await maintain(store.set)
    expect(await keysOf(set.volumes[0]!.inner, 'manifest/')).toEqual([commitKey(1)])
    expect(await keysOf(set.volumes[0]!.inner, 'data/')).toEqual(['data/x'])
    await commit(store, 2)
  })

  it('refuses volumes of two sets', async () => {
    const [one, two] = [testSet(2), testSet(2, '', 2)]
    await commit(await one.open(), 1)
    await commit(await two.open(), 1)
    one.volumes[1]!.inner = two.volumes[1]!.inner
    const store = await one.open()
    await expect(store.read(commitKey(1))).rejects.toMatchObject({ code: 'conflict' })
    await expect(promote(store.set, 0)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('a commit that its writer left on the primary alone', () => {
  it('is on all volumes once another was made on top of it, or it was read', async () => {
    for (const how of ['commit', 'read'] as const) {
      const set = testSet(3)
      const store = await set.open()
      await commit(store, 1)
      await set.volumes[0]!.inner.write(commitKey(2), bytesOf('left'))
      if (how === 'commit') await commit(store, 3)
      else expect(textOf(await store.read(commitKey(2)))).toBe('left')
      for (const { inner } of set.volumes) expect(textOf(await inner.read(commitKey(2)))).toBe('left')
    }
  })

  it('cannot lose what replaced older commits: those go only when a quorum has the checkpoint', async () => {
    const set = testSet(2)
    const store = await set.open()
    await commit(store, 1)
    await set.volumes[0]!.inner.write('checkpoint/1', bytesOf('state'))
    expect(textOf(await store.read('checkpoint/1'))).toBe('state')
    await store.remove(commitKey(1))
    expect(textOf(await set.volumes[1]!.inner.read('checkpoint/1'))).toBe('state')
    set.volumes[1]!.down = true
    await store.read('checkpoint/1')
    await expect(store.remove(commitKey(1))).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a block that one copy has wrong', () => {
  it('is read from another, and mended', async () => {
    const set = testSet(3)
    const store = await set.open()
    const [key = ''] = blockKeys(1)
    await store.write(key, bytesOf('right and right'))
    const first = set.volumes[placementOrder(key, 3)[0]!]!
    await first.inner.write(key, bytesOf('right and wrong'))
    const range = { offset: 10, length: 5 }
    const verify = (bytes: Uint8Array): boolean => textOf(bytes) === 'right'
    expect(textOf(await store.readVerified(key, range, verify))).toBe('right')
    await store.settled()
    expect(textOf(await first.inner.read(key))).toBe('right and right')
  })

  it('is read as it is when no copy has it right', async () => {
    const store = await testSet(3).open()
    await store.write('data/x', bytesOf('wrong'))
    expect(textOf(await store.readVerified('data/x', { offset: 0, length: 5 }, () => false))).toBe('wrong')
    await expect(store.readVerified('data/none', { offset: 0, length: 5 }, () => true)).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  it('is mended in both copies when each has another part wrong', async () => {
    const set = testSet(2)
    const store = await set.open()
    await store.write('data/x', bytesOf('abcd'))
    const [first, second] = placementOrder('data/x', 2).map((slot) => set.volumes[slot]!)
    await first!.inner.write('data/x', bytesOf('ab__'))
    await second!.inner.write('data/x', bytesOf('__cd'))
    for (const [offset, right] of [
      [0, 'ab'],
      [2, 'cd'],
    ] as const) {
      const bytes = await store.readVerified('data/x', { offset, length: 2 }, (found) => textOf(found) === right)
      expect(textOf(bytes)).toBe(right)
      await store.settled()
    }
    expect(textOf(await first!.inner.read('data/x'))).toBe('abcd')
  })
})
