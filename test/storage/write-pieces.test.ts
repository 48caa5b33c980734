import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openFileStore, TEMPORARY_FOLDER } from '../../src/storage/file-store.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { writePieces } from '../../src/storage/write-pieces.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowreduce-pieces-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const PIECES = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)]

describe('an object in pieces', () => {
  it('is stored whole where stores let it grow and where they do not', async () => {
    for (const store of [openFileStore({ folder }), openMemoryStore()]) {
      await writePieces(store, 'data/a', PIECES)
      expect([...(await store.read('data/a'))]).toEqual([1, 2, 3])
    }
  })

  it('leaves nothing behind when a piece cannot be written', async () => {
    const store = openFileStore({ folder })
    const grow = async (key: string) => {
      const object = await store.grow!(key)
      let left = 1
      const append = (bytes: Uint8Array): Promise<void> =>
        left-- > 0 ? object.append(bytes) : Promise.reject(new Error('disk full'))
      return { ...object, append }
    }
    await expect(writePieces({ ...store, grow }, 'data/a', PIECES)).rejects.toThrow('disk full')
    expect(await store.stat('data/a')).toBeUndefined()
    expect(readdirSync(join(folder, TEMPORARY_FOLDER))).toEqual([])
  })
})
