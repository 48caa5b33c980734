import { describe, expect, it } from 'vitest'
import { commitKey } from '../../../src/storage/manifest/layout.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { parseCommit } from '../../../src/storage/manifest/parse.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { addBlock, exampleBlock, SETUP } from './examples.ts'

const KEY = commitKey(7)
const header = {
  ...{ formatVersion: 1, requires: [], version: 7, storeId: 's', writer: 'w', nonce: 'n' },
  ...{ time: 1, operation: 'test' },
}
const parse = (value: unknown) =>
  parseCommit(new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)), KEY, 7)

describe('reading a commit', () => {
  it('gives back what was written', () => {
    const commit = { header, actions: [...SETUP, addBlock(exampleBlock(1))] }
    expect(parse(commit)).toEqual(commit)
    expect(parse({ header: { ...header, epoch: 3 }, actions: [] }).header.epoch).toBe(3)
  })

  const block = exampleBlock(1)
  const withBlock = (change: object) => ({ header, actions: [SETUP[0], addBlock({ ...block, ...change })] })
  const wrong: [string, unknown, RegExp][] = [
    ['text that is no JSON', '{', /expected JSON/],
    ['no header', {}, /expected object/],
    ['another format', { header: { ...header, formatVersion: 2 }, actions: [] }, /formatVersion expected 1, got 2/],
    ['another version', { header: { ...header, version: 8 }, actions: [] }, /header.version expected 7, got 8/],
    ['an unknown type of action', { header, actions: [{ type: 'renameDataset' }] }, /actions\[0\]\.type/],
    ['a field of another type', withBlock({ records: '3' }), /actions\[1\]\.block\.records.*expected/],
    ['a negative size', withBlock({ sizeBytes: -1 }), /actions\[1\]\.block\.sizeBytes/],
    ['a missing field', withBlock({ crc32: undefined }), /actions\[1\]\.block\.crc32/],
    ['a chunk that is no tuple', withBlock({ chunks: [[1, 2, 3, 4]] }), /actions\[1\]\.block\.chunks/],
    ['a chunk of text', withBlock({ chunks: [[1, 2, 3, 4, 'x']] }), /actions\[1\]\.block\.chunks/],
    ['a chunk without a length', withBlock({ chunks: [[1, null, 3, 4, 5]] }), /actions\[1\]\.block\.chunks/],
  ]
  for (const [what, value, message] of wrong) {
    it(`refuses ${what}, naming key and field`, () => {
      expect(() => parse(value)).toThrow(message)
      expect(() => parse(value)).toThrow(KEY)
    })
  }

  it('refuses an unknown required feature before it looks at what it does not know', async () => {
    const store = openMemoryStore()
    await openManifest(store, { system: seededSystem(1), create: true })
    const future = { header: { ...header, version: 2, requires: ['teleport'] }, actions: [{ type: 'teleport' }] }
    await store.write(commitKey(2), new TextEncoder().encode(JSON.stringify(future)))
    const opening = openManifest(store, { system: seededSystem(1) })
    await expect(opening).rejects.toMatchObject({ code: 'unknown-feature', details: { features: 'teleport' } })
  })

  it('refuses the commit of another store, a time that does not rise, and a gap', async () => {
    const store = openMemoryStore()
    const manifest = await openManifest(store, { system: seededSystem(1), create: true })
    const { storeId, time } = await manifest.snapshot()
    const write = (change: object) => {
      const commit = { header: { ...header, version: 2, storeId, time: time + 1, ...change }, actions: [] }
      return store.write(commitKey(commit.header.version), new TextEncoder().encode(JSON.stringify(commit)))
    }
    const open = () => openManifest(store, { system: seededSystem(1) })
    await write({ storeId: 'other' })
    await expect(open()).rejects.toThrow(`header.storeId expected ${storeId}, got other`)
    await write({ time })
    await expect(open()).rejects.toThrow('header.time expected after')
    await store.remove(commitKey(2))
    await write({ version: 3 })
    await expect(open()).rejects.toMatchObject({ code: 'corrupt', details: { key: commitKey(2) } })
  })
})
