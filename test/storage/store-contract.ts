import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StorageErrorCode } from '../../src/storage/errors.ts'
import { openObject } from '../../src/storage/open-object.ts'
import type { ObjectStore } from '../../src/storage/store.ts'

export interface StoreUnderTest {
  /** An empty store. */
  readonly store: ObjectStore
  /** Opens the same store again, as another process would. */
  reopen(): Promise<ObjectStore>
  close(): Promise<void>
}

export interface ContractOptions {
  /** Body that takes the store's path for large objects, bytes. */
  readonly largeBytes?: number
  /** Put before the keys of every test. */
  readonly prefix?: string
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const pattern = (sizeBytes: number, seed = 1): Uint8Array =>
  new Uint8Array(sizeBytes).map((_, i) => Math.imul(i + seed, 2654435761) >>> 24)

/** Keys outside the grammar; each is refused by every store before it reaches a disk or a server. */
const BAD_KEYS = [
  ...['', '/', '/etc/passwd', '../x', 'a/../b', 'a/..', './a', 'a//b', 'a/', '.tmp/x', 'a/.hidden'],
  ...['%2e%2e/x', 'a%2fb', 'a b', 'a\\b', 'a\0b', 'C:/x', '-a', '_a', 'ä', 'a\n', 'a?b', 'a#b', 'a*'],
  ...['a'.repeat(256), `x/${'a'.repeat(256)}/y`, `${'a/'.repeat(400)}a`],
]

/** What every store must do. `open` makes a fresh, empty store; it is called once. */
export function storeContract(
  name: string,
  open: () => Promise<StoreUnderTest>,
  { largeBytes = 20_000_000, prefix: root = '' }: ContractOptions = {},
): void {
  describe(`store contract: ${name}`, () => {
    let subject: StoreUnderTest
    let store: ObjectStore
    let scratch: string
    let used = 0
    /** A prefix of its own for each test. */
    const fresh = (): string => `${root}t${String(used++).padStart(3, '0')}`

    beforeAll(async () => {
      subject = await open()
      store = subject.store
      scratch = await mkdtemp(join(tmpdir(), 'flowreduce-contract-'))
    })
    afterAll(async () => {
      await subject?.close()
      if (scratch) await rm(scratch, { recursive: true, force: true })
    })

    const keysOf = async (prefix: string, startAfter?: string): Promise<string[]> => {
      const keys: string[] = []
      for await (const entry of store.list(prefix, startAfter)) keys.push(entry.key)
      return keys
    }
    const fails = async (promise: Promise<unknown>, code: StorageErrorCode): Promise<void> => {
      await expect(promise).rejects.toMatchObject({ name: 'StorageError', code })
    }

    describe('objects that grow, where a store has them', () => {
      it('are seen by nobody until they are finished, then whole', async () => {
        if (!store.grow) return
        const prefix = fresh()
        const parts = [pattern(3_000_000), new Uint8Array(0), pattern(20_000_000, 2), bytesOf('end')]
        const growing = await store.grow(`${prefix}/a/b`)
        for (const part of parts) await growing.append(part)
        expect(await store.stat(`${prefix}/a/b`)).toBeUndefined()
        expect(await keysOf(prefix)).toEqual([])
        await growing.finish()
        const read = await (await subject.reopen()).read(`${prefix}/a/b`)
        expect(Buffer.compare(read, Buffer.concat(parts))).toBe(0)
        expect(await keysOf(prefix)).toEqual([`${prefix}/a/b`])
      })

      it('leave nothing when they are abandoned, and the object that was there', async () => {
        if (!store.grow) return
        const prefix = fresh()
        await store.write(`${prefix}/a`, bytesOf('before'))
        for (const key of [`${prefix}/a`, `${prefix}/b`]) {
          const growing = await store.grow(key)
          await growing.append(pattern(1000))
          await growing.abandon()
        }
        expect(await keysOf(prefix)).toEqual([`${prefix}/a`])
        expect(textOf(await store.read(`${prefix}/a`))).toBe('before')
      })

      it('take the place of the object that was there', async () => {
        if (!store.grow) return
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('before'))
        await (await store.grow(key)).finish()
        expect(await store.read(key)).toHaveLength(0)
      })
    })

    describe('objects', () => {
      it('reads back what was written, as plain bytes of their own', async () => {
        const key = `${fresh()}/a`
        const written = bytesOf('hello')
        await store.write(key, written)
        written.fill(0)
        const read = await store.read(key)
        expect(textOf(read)).toBe('hello')
        expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype)
        expect(read.buffer.byteLength).toBe(read.byteLength)
        read.fill(0)
        expect(textOf(await store.read(key))).toBe('hello')
      })

      it('writes a view of a larger buffer, not the buffer', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('abcdefgh').subarray(2, 5))
        expect(textOf(await store.read(key))).toBe('cde')
      })

      it('keeps empty objects', async () => {
        const key = `${fresh()}/empty`
        await store.write(key, new Uint8Array(0))
        expect((await store.read(key)).length).toBe(0)
        expect((await store.read(key, { offset: 0, length: 10 })).length).toBe(0)
        expect(await store.stat(key)).toMatchObject({ key, sizeBytes: 0 })
        expect(await keysOf(key.slice(0, -5))).toEqual([key])
        await fails(store.write(key, bytesOf('x'), { ifAbsent: true }), 'exists')
      })

      it('replaces an object whole', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('a longer first text'))
        await store.write(key, bytesOf('second'))
        expect(textOf(await store.read(key))).toBe('second')
      })

      it('keeps large objects, from memory and from a local file, which stays', async () => {
        const prefix = fresh()
        const large = pattern(largeBytes)
        const path = join(scratch, 'large')
        await writeFile(path, large)
        await store.write(`${prefix}/memory`, large)
        await store.write(`${prefix}/file`, { path })
        await store.write(`${prefix}/once`, { path }, { ifAbsent: true })
        for (const key of ['memory', 'file', 'once'])
          expect(Buffer.compare(await store.read(`${prefix}/${key}`), large)).toBe(0)
        await fails(store.write(`${prefix}/once`, { path }, { ifAbsent: true }), 'exists')
        await writeFile(path, bytesOf('changed later'))
        expect((await store.stat(`${prefix}/file`))?.sizeBytes).toBe(largeBytes)
        expect(Buffer.compare(await store.read(`${prefix}/file`), large)).toBe(0)
      })

      it('keeps small and empty local files', async () => {
        const prefix = fresh()
        for (const text of ['', 'small']) {
          const path = join(scratch, `local-${text}`)
          await writeFile(path, text)
          await store.write(`${prefix}/x${text}`, { path }, { ifAbsent: true })
          expect(textOf(await store.read(`${prefix}/x${text}`))).toBe(text)
        }
      })

      it('stores nothing when the local file is missing', async () => {
        const key = `${fresh()}/a`
        await fails(store.write(key, { path: join(scratch, 'no-such-file') }), 'not-found')
        expect(await store.stat(key)).toBeUndefined()
      })

      it('shows the same objects when opened again by its URL', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('kept'))
        const again = await subject.reopen()
        expect(again.url).toBe(store.url)
        expect(textOf(await again.read(key))).toBe('kept')
      })
    })

    describe('absent objects', () => {
      it('fails to read one with code not-found, names the key, and knows no size of it', async () => {
        const key = `${fresh()}/none`
        await fails(store.read(key), 'not-found')
        await fails(store.read(key, { offset: 0, length: 1 }), 'not-found')
        await fails(store.read(key, { offset: 0, length: 0 }), 'not-found')
        await expect(store.read(key)).rejects.toThrow(key)
        expect(await store.stat(key)).toBeUndefined()
      })

      it('takes the name of a folder for no object', async () => {
        const prefix = fresh()
        await store.write(`${prefix}/b/c`, bytesOf('x'))
        await fails(store.read(`${prefix}/b`), 'not-found')
        expect(await store.stat(`${prefix}/b`)).toBeUndefined()
        expect(await store.stat(`${prefix}/b/c/d`)).toBeUndefined()
        await fails(store.read(`${prefix}/b/c/d`), 'not-found')
      })

      it('removes an object once and again without complaint', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('x'))
        await store.remove(key)
        await store.remove(key)
        await store.remove(`${key}/below`)
        await fails(store.read(key), 'not-found')
        await store.write(key, bytesOf('y'), { ifAbsent: true })
        expect(textOf(await store.read(key))).toBe('y')
      })
    })

    describe('ranges', () => {
      it('reads the middle, cuts at the end and is empty from the end on', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('0123456789'))
        const part = async (offset: number, length: number): Promise<string> =>
          textOf(await store.read(key, { offset, length }))
        expect(await part(0, 10)).toBe('0123456789')
        expect(await part(0, 3)).toBe('012')
        expect(await part(4, 1)).toBe('4')
        expect(await part(7, 3)).toBe('789')
        expect(await part(7, 100)).toBe('789')
        expect(await part(9, 1)).toBe('9')
        expect(await part(10, 1)).toBe('')
        expect(await part(11, 5)).toBe('')
        expect(await part(1_000_000_000_000, 5)).toBe('')
        expect(await part(3, 0)).toBe('')
        expect(await part(2, Number.MAX_SAFE_INTEGER - 2)).toBe('23456789')
      })

      it('fills memory of the caller from an open object, as far as it goes', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('0123456789'))
        const object = await openObject(store, key)
        const part = async (offset: number, length: number): Promise<string> => {
          const memory = new Uint8Array(length + 2).fill(0x2e)
          const filled = await object.readInto(memory.subarray(1, length + 1), offset)
          expect(filled).toBe(Math.max(0, Math.min(length, 10 - offset)))
          return textOf(memory)
        }
        const parts = [part(0, 10), part(4, 1), part(7, 3), part(7, 5), part(10, 2), part(99, 1), part(3, 0)]
        expect(await Promise.all(parts)).toEqual(['.0123456789.', '.4.', '.789.', '.789...', '....', '...', '..'])
        const memory = new Uint8Array(6).fill(0x2e)
        // The store decides whether it has bytes at hand.
        if (object.readNow?.(memory.subarray(1, 5), 7) !== undefined) expect(textOf(memory)).toBe('.789..')
        await object.close()
      })

      it('refuses to open what is not there', async () => {
        const absent = openObject(store, `${fresh()}/absent`).then((object) => object.readInto(new Uint8Array(1), 0))
        await expect(absent).rejects.toMatchObject({ code: 'not-found' })
      })

      it('refuses ranges that are not whole numbers of at least 0', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('0123456789'))
        for (const [offset, length] of [
          [-1, 2],
          [0, -1],
          [0.5, 1],
          [Number.NaN, 1],
          [0, Number.POSITIVE_INFINITY],
        ] as const)
          await expect(store.read(key, { offset, length })).rejects.toThrow(RangeError)
      })
    })

    describe('conditional create', () => {
      it('creates once and then fails with code exists, leaving the first', async () => {
        const key = `${fresh()}/a`
        await store.write(key, bytesOf('first'), { ifAbsent: true })
        await fails(store.write(key, bytesOf('other'), { ifAbsent: true }), 'exists')
        await fails(store.write(key, bytesOf('first'), { ifAbsent: true }), 'exists')
        await expect(store.write(key, bytesOf('other'), { ifAbsent: true })).rejects.toThrow(key)
        expect(textOf(await store.read(key))).toBe('first')
      })

      it('lets exactly one of 50 racing writers win, on every key', async () => {
        const prefix = fresh()
        const second = await subject.reopen()
        for (let round = 0; round < 10; round++) {
          const key = `${prefix}/race-${round}`
          const attempts = Array.from({ length: 50 }, (_, i) =>
            (i % 2 ? store : second).write(key, bytesOf(`writer ${i} of round ${round}`), { ifAbsent: true }),
          )
          const outcomes = await Promise.allSettled(attempts)
          const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []))
          expect(winners).toHaveLength(1)
          for (const outcome of outcomes)
            if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'exists' })
          expect(textOf(await store.read(key))).toBe(`writer ${winners[0]} of round ${round}`)
        }
      })

      it('lets exactly one of 4 racing writers of large objects win', async () => {
        const key = `${fresh()}/large`
        const bodies = [1, 2, 3, 4].map((seed) => pattern(largeBytes, seed))
        const outcomes = await Promise.allSettled(bodies.map((body) => store.write(key, body, { ifAbsent: true })))
        const winners = bodies.filter((_, i) => outcomes[i]?.status === 'fulfilled')
        expect(winners).toHaveLength(1)
        expect(Buffer.compare(await store.read(key), winners[0] ?? new Uint8Array(0))).toBe(0)
      })
    })

    describe('listing', () => {
      it('lists in byte order of whole keys, with sizes', async () => {
        const prefix = fresh()
        const names = ['a-b', 'a.b', 'a/b', 'a/c/d', 'a0', 'aB', 'a_b', 'ab', 'B', 'Z/z', '0', '10', '9']
        for (const name of names) await store.write(`${prefix}/${name}`, bytesOf(name))
        expect(await keysOf(`${prefix}/`)).toEqual(names.map((name) => `${prefix}/${name}`).sort())
        for await (const entry of store.list(`${prefix}/`)) {
          expect(entry.sizeBytes).toBe(entry.key.length - prefix.length - 1)
          expect(Number.isSafeInteger(entry.modified)).toBe(true)
        }
      })

      it('lists what starts with a prefix, cut anywhere, and nothing beside it', async () => {
        const prefix = fresh()
        for (const name of ['ab/c', 'ab/d', 'abc', 'ac', 'b']) await store.write(`${prefix}/${name}`, bytesOf('x'))
        const names = async (open: string): Promise<string[]> =>
          (await keysOf(`${prefix}/${open}`)).map((key) => key.slice(prefix.length + 1))
        expect(await names('')).toEqual(['ab/c', 'ab/d', 'abc', 'ac', 'b'])
        expect(await names('a')).toEqual(['ab/c', 'ab/d', 'abc', 'ac'])
        expect(await names('ab')).toEqual(['ab/c', 'ab/d', 'abc'])
        expect(await names('ab/')).toEqual(['ab/c', 'ab/d'])
        expect(await names('ab/c')).toEqual(['ab/c'])
        expect(await names('x')).toEqual([])
        expect(await names('ab/c/')).toEqual([])
      })

      it('starts after a key, whether that is there or not', async () => {
        const prefix = fresh()
        const names = ['a/1', 'a/2', 'b', 'c/1', 'c/2', 'd']
        for (const name of names) await store.write(`${prefix}/${name}`, bytesOf('x'))
        const keysAfter = async (key: string): Promise<string[]> =>
          (await keysOf(`${prefix}/`, `${prefix}/${key}`)).map((found) => found.slice(prefix.length + 1))
        expect(await keysAfter('')).toEqual(names)
        expect(await keysAfter('a')).toEqual(names)
        expect(await keysAfter('a/1')).toEqual(names.slice(1))
        expect(await keysAfter('a/15')).toEqual(names.slice(1))
        expect(await keysAfter('a/2')).toEqual(names.slice(2))
        expect(await keysAfter('b')).toEqual(names.slice(3))
        expect(await keysAfter('c/2')).toEqual(['d'])
        expect(await keysAfter('d')).toEqual([])
        expect(await keysOf(`${prefix}/c/`, `${prefix}/a/1`)).toEqual([`${prefix}/c/1`, `${prefix}/c/2`])
        expect(await keysOf(`${prefix}/a/`, `${prefix}/b`)).toEqual([])
      })

      it('lists more than 1,000 keys once each and in order, and from a key on', async () => {
        const prefix = fresh()
        const keys = Array.from({ length: 2100 }, (_, i) => `${prefix}/${String(i).padStart(20, '0')}.json`)
        const queue = [...keys].reverse()
        const write = async (): Promise<void> => {
          for (let key = queue.pop(); key; key = queue.pop()) await store.write(key, bytesOf('{}'))
        }
        await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(write))
        expect(await keysOf(`${prefix}/`)).toEqual(keys)
        expect(await keysOf(`${prefix}/`, keys[999])).toEqual(keys.slice(1000))
        expect(await keysOf(`${prefix}/`, keys[2099])).toEqual([])
        let seen = 0
        for await (const entry of store.list(`${prefix}/`)) {
          expect(entry.key).toBe(keys[seen])
          if (++seen === 3) break
        }
      })

      it('lists nothing under a prefix that nothing starts with', async () => {
        expect(await keysOf('no-such-prefix/')).toEqual([])
      })
    })

    describe('keys', () => {
      it('refuses every key outside the grammar, in every call', async () => {
        for (const key of BAD_KEYS) {
          await fails(store.read(key), 'bad-key')
          await fails(store.write(key, bytesOf('x')), 'bad-key')
          await fails(store.write(key, bytesOf('x'), { ifAbsent: true }), 'bad-key')
          if (store.grow) await fails(store.grow(key), 'bad-key')
          await fails(store.stat(key), 'bad-key')
          await fails(store.remove(key), 'bad-key')
        }
      })

      it('refuses prefixes that no key starts with', async () => {
        for (const prefix of ['../', '/', 'a//', '.tmp', 'a/../', '%2e', 'a b', 'a/.', `${'a'.repeat(256)}`]) {
          await fails(keysOf(prefix), 'bad-key')
          await fails(keysOf('', prefix), 'bad-key')
        }
      })

      it('takes every key inside the grammar', async () => {
        const prefix = fresh()
        const names = [
          'a..b',
          'A-',
          '0_',
          'x.json',
          'a'.repeat(255),
          `${'b'.repeat(200)}/${'c'.repeat(200)}`,
          '1/2/3/4/5/6/7/8/9',
        ]
        for (const name of names) {
          await store.write(`${prefix}/${name}`, bytesOf(name), { ifAbsent: true })
          expect(textOf(await store.read(`${prefix}/${name}`))).toBe(name)
        }
        expect(await keysOf(`${prefix}/`)).toEqual(names.map((name) => `${prefix}/${name}`).sort())
      })
    })

    describe('concurrent calls', () => {
      it('shows readers of an object that is being replaced one version or the other, whole', async () => {
        const key = `${fresh()}/a`
        const versions = [pattern(300_000, 1), pattern(200_000, 2)] as const
        await store.write(key, versions[0])
        let writing = true
        const write = async (): Promise<void> => {
          for (let i = 1; i <= 20; i++) await store.write(key, versions[i % 2 ? 1 : 0])
          writing = false
        }
        const read = async (): Promise<void> => {
          while (writing) {
            const bytes = await store.read(key)
            expect(versions.some((version) => Buffer.compare(version, bytes) === 0)).toBe(true)
          }
        }
        await Promise.all([write(), read(), read(), read()])
      })

      it('shows a listing every object that stays while others come and go', async () => {
        const prefix = fresh()
        const staying = Array.from({ length: 40 }, (_, i) => `${prefix}/k${String(i * 2).padStart(3, '0')}`)
        for (const key of staying) await store.write(key, bytesOf('x'))
        const churn = async (): Promise<void> => {
          for (let i = 0; i < 40; i++) {
            const key = `${prefix}/k${String(i * 2 + 1).padStart(3, '0')}`
            await store.write(key, bytesOf('y'))
            if (i % 2) await store.remove(key)
          }
        }
        const look = async (): Promise<void> => {
          for (let i = 0; i < 5; i++) {
            const keys = await keysOf(`${prefix}/`)
            expect(keys).toEqual([...new Set(keys)].sort())
            expect(keys.filter((key) => staying.includes(key))).toEqual(staying)
          }
        }
        await Promise.all([churn(), look()])
      })
    })
  })
}
