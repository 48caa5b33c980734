import { describe, expect, it } from 'vitest'
import type { Action } from '../../../src/storage/manifest/actions.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { addBlock, exampleBlock, exampleLedger, exampleUlid, NOON, SCHEMA_ID, SETUP } from './examples.ts'

/** Commits `before`, one commit per list, then tries `actions` and returns the error's code and message, or undefined. */
async function attempt(before: readonly (readonly Action[])[], actions: readonly Action[]) {
  const manifest = await openManifest(openMemoryStore(), { system: seededSystem(1), create: true })
  for (const earlier of [SETUP, ...before]) await manifest.commit({ operation: 't', writer: 't', actions: earlier })
  const { version } = await manifest.snapshot()
  try {
    const commit = await manifest.commit({ operation: 't', writer: 't', actions })
    return { actions: commit.actions }
  } catch (error) {
    expect((await manifest.snapshot()).version).toBe(version)
    return { code: Reflect.get(Object(error), 'code'), message: String(error) }
  }
}

const block = exampleBlock(1)
const remove = (key: string): Action => ({ type: 'removeBlock', dataset: 'flows', key })
const transaction = (sequence: number): Action => ({ type: 'setTransaction', writer: 'edge', sequence })
const property = (old: string | null, value: string | null): Action => ({ type: 'setProperty', name: 'p', old, value })

describe('conflict rules', () => {
  it('leave out a dataset or a schema that is there already', async () => {
    expect(await attempt([], [...SETUP, addBlock(block)])).toEqual({ actions: [addBlock(block)] })
  })

  it('refuse another schema under the same id', async () => {
    const result = await attempt([], [{ type: 'addSchema', schemaId: SCHEMA_ID, schema: { type: 'int' } }])
    expect(result).toMatchObject({ code: 'conflict' })
  })

  it('refuse names of datasets that are no paths', async () => {
    for (const dataset of ['', '/flows', 'flows/', 'a//b', '../x', 'a b', '.x']) {
      expect(await attempt([], [{ type: 'addDataset', dataset }])).toMatchObject({ code: 'bad-key' })
    }
  })

  it('refuse a block of an unknown dataset or schema', async () => {
    expect(await attempt([], [addBlock(block, 'flow')])).toMatchObject({ code: 'conflict' })
    expect(await attempt([], [addBlock({ ...block, schemaId: 'flow-2' })])).toMatchObject({ code: 'conflict' })
  })

  it('refuse a block whose key does not tell when its upload began', async () => {
    expect(await attempt([], [addBlock({ ...block, key: 'data/flows/1.avro' })])).toMatchObject({ code: 'bad-key' })
  })

  it('refuse a block whose upload began before the gc horizon, not one that began at it', async () => {
    const horizon: Action = { type: 'setProperty', name: 'gc.horizon', old: null, value: String(NOON) }
    expect(await attempt([[horizon]], [addBlock(exampleBlock(1, { uploaded: NOON }))])).not.toHaveProperty('code')
    const late = await attempt([[horizon]], [addBlock(exampleBlock(1, { uploaded: NOON - 1 }))])
    expect(late).toMatchObject({ code: 'behind-horizon' })
    expect(late.message).toContain(exampleUlid(NOON - 1, 1))
  })

  it('refuse a key used twice, within a commit and after a removal', async () => {
    expect(await attempt([], [addBlock(block), addBlock(block)])).toMatchObject({ code: 'conflict' })
    expect(await attempt([[addBlock(block)], [remove(block.key)]], [addBlock(block)])).toMatchObject({
      code: 'conflict',
    })
  })

  it('refuse to remove a block that is not live', async () => {
    expect(await attempt([], [remove(block.key)])).toMatchObject({ code: 'conflict' })
    expect(await attempt([[addBlock(block)]], [remove(block.key), remove(block.key)])).toMatchObject({
      code: 'conflict',
    })
    expect(await attempt([[addBlock(block)]], [remove(block.key)])).not.toHaveProperty('code')
  })

  it('refuse a transaction that is committed already', async () => {
    expect(await attempt([], [transaction(0)])).not.toHaveProperty('code')
    expect(await attempt([[transaction(0)]], [transaction(0)])).toMatchObject({ code: 'duplicate-transaction' })
    expect(await attempt([[transaction(5)]], [transaction(4)])).toMatchObject({ code: 'duplicate-transaction' })
    expect(await attempt([[transaction(5)]], [transaction(6)])).not.toHaveProperty('code')
  })

  it('compare the old value of a property', async () => {
    expect(await attempt([[property(null, 'a')]], [property(null, 'b')])).toMatchObject({ code: 'conflict' })
    expect(await attempt([[property(null, 'a')]], [property('a', 'b'), property('b', null)])).not.toHaveProperty('code')
  })

  it('refuse the ledger of an unknown dataset', async () => {
    const entries = [exampleLedger(NOON)]
    expect(await attempt([], [{ type: 'addLedger', dataset: 'x', entries }])).toMatchObject({ code: 'conflict' })
  })
})
