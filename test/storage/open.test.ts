import { chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { openStore } from '../../src/storage/open.ts'
import type { ObjectStore } from '../../src/storage/store.ts'

const keysOf = async (store: ObjectStore): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys
}

describe('store URLs', () => {
  it('name a folder in three ways', async () => {
    expect((await openStore('file:/a/b/../c')).url).toBe('file:/a/c')
    expect((await openStore('file:///a/b/')).url).toBe('file:/a/b')
    expect((await openStore('file:x/y')).url).toBe(`file:${process.cwd()}/x/y`)
    expect((await openStore('file:~/x')).url).toBe(`file:${homedir()}/x`)
    expect((await openStore('file:~x')).url).toBe(`file:${process.cwd()}/~x`)
  })

  it('name a memory store, or make a new one', async () => {
    const named = await openStore('memory:one')
    await named.write('a', new Uint8Array(1))
    expect(await keysOf(await openStore('memory:one'))).toEqual(['a'])
    expect((await openStore('memory:')).url).not.toBe((await openStore('memory:')).url)
  })

  it('that name nothing are refused in one line that shows what is expected', async () => {
    for (const url of [
      '',
      './store',
      '/abs',
      'C:\\store',
      'ftp://x/y',
      'file:',
      'file://host/x',
      'memory:a/b',
      's3:bucket',
      's3://',
      's3://B_/x',
      's3://bucket/../x',
      's3://bucket/a//b',
      's3://bucket/p?sse=none',
      's3://bucket/p?path-style=yes',
      's3://bucket/p?endpoint=localhost:9000',
      's3://bucket/p?nonsense=1',
    ])
      await expect(openStore(url), url).rejects.toMatchObject({
        code: 'bad-url',
        message: expect.stringMatching(/^store: .* expected .*, got .*$/),
      })
    await expect(openStore('./store')).rejects.toThrow('a folder is written file:./store')
  })

  it('of a scheme that the configuration adds open with its function', async () => {
    const inner = openMemoryStore()
    const opened = await openStore('mine://x', { schemes: { mine: async (url) => ({ ...inner, url }) } })
    expect(opened.url).toBe('mine://x')
  })
})

describe('file store', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowreduce-open-'))
  })
  afterEach(async () => {
    await chmod(folder, 0o755)
    await rm(folder, { recursive: true })
  })

  it('is empty where no folder is, and makes it with the first write', async () => {
    const store = await openStore(`file:${folder}/deep/er`)
    expect(await keysOf(store)).toEqual([])
    expect(await store.stat('a')).toBeUndefined()
    await expect(store.read('a')).rejects.toMatchObject({ code: 'not-found' })
    expect(await readdir(folder)).toEqual([])
    await store.write('a/b', new Uint8Array(1))
    expect(await readdir(join(folder, 'deep/er'))).toEqual(['.tmp', 'a'])
  })

  it('keeps key K at DIR/K and leaves no temporary file', async () => {
    const store = await openStore(`file:${folder}`)
    await store.write('a/b/c', new Uint8Array(1))
    await store.write('a/b/c', new Uint8Array(2))
    await store.write('a/b/d', new Uint8Array(2), { ifAbsent: true })
    await expect(store.write('a/b/d', new Uint8Array(2), { ifAbsent: true })).rejects.toMatchObject({ code: 'exists' })
    expect(await readdir(join(folder, 'a/b'))).toEqual(['c', 'd'])
    expect(await readdir(join(folder, '.tmp'))).toEqual([])
  })

  it('names the folder that cannot be written', async () => {
    await writeFile(join(folder, 'file'), 'x')
    await expect((await openStore(`file:${folder}/file`)).write('a', new Uint8Array(1))).rejects.toThrow(
      `${folder}/file`,
    )
    const nowhere = (await openStore('file:/proc/none/below')).write('a', new Uint8Array(1))
    await expect(nowhere).rejects.toThrow('/proc')
    if (process.getuid?.() === 0) return
    await chmod(folder, 0o555)
    const denied = (await openStore(`file:${folder}`)).write('a', new Uint8Array(1))
    await expect(denied).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(folder) })
  })

  it('refuses a key beside a part of it that is an object, and the other way round', async () => {
    const store = await openStore(`file:${folder}`)
    await store.write('a', new Uint8Array(1))
    await store.write('b/c', new Uint8Array(1))
    for (const key of ['a/b', 'b'])
      for (const ifAbsent of [false, true])
        await expect(store.write(key, new Uint8Array(1), { ifAbsent }), key).rejects.toMatchObject({ code: 'bad-key' })
  })

  it('goes on when its folders are taken away', async () => {
    const store = await openStore(`file:${folder}/store`)
    await store.write('a/b', new Uint8Array(1))
    await rm(join(folder, 'store'), { recursive: true })
    expect(await keysOf(store)).toEqual([])
    await store.write('a/c', new Uint8Array(1), { ifAbsent: true })
    expect(await keysOf(store)).toEqual(['a/c'])
  })

  it('clears temporary files of writers long dead, and those alone', async () => {
    await mkdir(join(folder, '.tmp'))
    const dayBefore = (Date.now() - 25 * 3_600_000) / 1000
    for (const name of ['old', 'new']) await writeFile(join(folder, '.tmp', name), 'x')
    await utimes(join(folder, '.tmp/old'), dayBefore, dayBefore)
    const store = await openStore(`file:${folder}`)
    expect(await keysOf(store)).toEqual([])
    await store.write('a', new Uint8Array(1))
    expect(await readdir(join(folder, '.tmp'))).toEqual(['new'])
  })

  it('lists a folder that an operator moved to another disk, and nothing that is no key', async () => {
    const store = await openStore(`file:${folder}/store`)
    await store.write('a/b', new Uint8Array(1))
    await store.write('d', new Uint8Array(1))
    await mkdir(join(folder, 'disk'))
    await writeFile(join(folder, 'disk/x'), 'x')
    await symlink(join(folder, 'disk'), join(folder, 'store/c'))
    await symlink(join(folder, 'nowhere'), join(folder, 'store/e'))
    for (const name of ['.hidden', 'with space', 'a/.DS_Store']) await writeFile(join(folder, 'store', name), 'x')
    expect(await keysOf(store)).toEqual(['a/b', 'c/x', 'd'])
  })
})
