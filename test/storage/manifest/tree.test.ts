import { describe, expect, it } from 'vitest'
import type { PageRef, Tree, TreeKind } from '../../../src/storage/manifest/tree.ts'
import { findInTree, rewriteTree, scanTree } from '../../../src/storage/manifest/tree.ts'
import { fc } from '../../kit/fast-check.ts'
import { collect } from './examples.ts'

interface Entry {
  readonly key: string
  readonly value: number
}
type Change = Entry | null

/** Keys like `g3-07` in groups by their first two characters, at most 4 to a page. */
const KIND: TreeKind<Entry, Change, PageRef> = {
  pageEntries: 4,
  keyOf: ({ key }) => key,
  groupOf: (key) => key.slice(0, 2),
  merge: (_, change) => change ?? undefined,
  describe: (page) => page,
}

class Pages {
  readonly pages = new Map<string, readonly Entry[]>()
  loads = 0

  readonly load = async (ref: PageRef): Promise<readonly Entry[]> => {
    this.loads++
    return this.pages.get(ref.key) ?? expect.fail(`no page ${ref.key}`)
  }

  readonly store = async (entries: readonly Entry[]): Promise<string> => {
    const key = `page-${this.pages.size}`
    this.pages.set(key, entries)
    return key
  }
}

const key = fc
  .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 30 }))
  .map(([g, n]) => `g${g}-${String(n).padStart(2, '0')}`)
const change = fc.oneof({ weight: 3, arbitrary: fc.integer() }, { weight: 1, arbitrary: fc.constant(null) })
const round = fc.uniqueArray(fc.tuple(key, change), { selector: ([k]) => k, maxLength: 40 })

const toChanges = (pairs: readonly (readonly [string, number | null])[]): Map<string, Change> =>
  new Map(pairs.map(([k, value]) => [k, value === null ? null : { key: k, value }]))

function applyToModel(model: Map<string, number>, pairs: readonly (readonly [string, number | null])[]): void {
  for (const [k, value] of pairs) {
    if (value === null) model.delete(k)
    else model.set(k, value)
  }
}

const modelEntries = (model: Map<string, number>): Entry[] =>
  [...model].map(([k, value]) => ({ key: k, value })).sort((a, b) => (a.key < b.key ? -1 : 1))

describe('tree', () => {
  it('holds what a sorted map holds, before and after its changes move into pages', async () => {
    const property = fc.asyncProperty(fc.array(round, { maxLength: 6 }), key, async (rounds, probe) => {
      const pages = new Pages()
      const model = new Map<string, number>()
      let refs: readonly PageRef[] = []
      for (const pairs of rounds) {
        applyToModel(model, pairs)
        const tree: Tree<Change, PageRef> = { refs, changes: toChanges(pairs) }
        const expected = modelEntries(model)
        expect(await collect(scanTree(KIND, tree, pages.load))).toEqual(expected)
        expect((await findInTree(KIND, tree, pages.load, probe))?.value).toBe(model.get(probe))
        refs = await rewriteTree(KIND, tree, pages.load, pages.store)
        expect(await collect(scanTree(KIND, { refs, changes: new Map() }, pages.load))).toEqual(expected)
      }
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it('keeps pages in order, of one group each, never empty or too large', async () => {
    const property = fc.asyncProperty(fc.array(round, { maxLength: 6 }), async (rounds) => {
      const pages = new Pages()
      let refs: readonly PageRef[] = []
      for (const pairs of rounds)
        refs = await rewriteTree(KIND, { refs, changes: toChanges(pairs) }, pages.load, pages.store)
      for (const [i, ref] of refs.entries()) {
        const entries = pages.pages.get(ref.key)!
        expect(entries.length).toBeGreaterThan(0)
        expect(entries.length).toBeLessThanOrEqual(KIND.pageEntries)
        expect([ref.first, ref.last, ref.entries]).toEqual([entries[0]!.key, entries.at(-1)!.key, entries.length])
        expect(KIND.groupOf(ref.first)).toBe(KIND.groupOf(ref.last))
        if (i > 0) expect(refs[i - 1]!.last < ref.first).toBe(true)
      }
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it('neither reads nor writes pages that no change touches', async () => {
    const pages = new Pages()
    const all = Array.from({ length: 5 }, (_, g) => [`g${g}-00`, g] as const)
    const refs = await rewriteTree(KIND, { refs: [], changes: toChanges(all) }, pages.load, pages.store)
    pages.loads = 0
    const after = await rewriteTree(KIND, { refs, changes: toChanges([['g2-01', 9]]) }, pages.load, pages.store)
    expect(pages.loads).toBe(1)
    expect(pages.pages.size).toBe(6)
    expect(after.filter((ref) => refs.includes(ref))).toHaveLength(4)
  })

  it('reads only the wanted pages of a scan', async () => {
    const pages = new Pages()
    const all = Array.from({ length: 5 }, (_, g) => [`g${g}-00`, g] as const)
    const refs = await rewriteTree(KIND, { refs: [], changes: toChanges(all) }, pages.load, pages.store)
    pages.loads = 0
    const found = await collect(scanTree(KIND, { refs, changes: new Map() }, pages.load, (ref) => ref.first >= 'g3'))
    expect(found.map((entry) => entry.key)).toEqual(['g3-00', 'g4-00'])
    expect(pages.loads).toBe(2)
  })
})
