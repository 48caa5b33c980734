import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { avroSchema, schemaId } from '../../../src/flow/schema.ts'
import { type Manifest, openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { addBlock, exampleBlock, exampleLedger, NOON } from './examples.ts'

/** The worked example of docs/manifest-format.md is what the code writes. */

const SCHEMA = avroSchema(
  'Flow',
  FLOW_COLUMNS.filter(({ name }) => ['start', 'dstPort', 'bytes'].includes(name)),
)

async function writeExample(): Promise<ObjectStore> {
  const system = seededSystem(1, { start: NOON })
  const store = openMemoryStore({ system })
  const manifest: Manifest = await openManifest(store, { system, create: true })
  await manifest.commit({
    operation: 'ingest',
    writer: 'edge',
    actions: [
      { type: 'addDataset', dataset: 'flows' },
      { type: 'addSchema', schemaId: schemaId(SCHEMA), schema: SCHEMA },
      addBlock({ ...exampleBlock(1), schemaId: schemaId(SCHEMA) }),
      { type: 'addLedger', dataset: 'flows', entries: [exampleLedger(NOON, { received: 90, lost: 10 })] },
      { type: 'setTransaction', writer: 'ingest:edge:5f3a', sequence: 0 },
    ],
  })
  await manifest.commit({
    operation: 'gc',
    writer: 'gc',
    actions: [{ type: 'setProperty', name: 'gc.horizon', old: null, value: String(NOON - 86_400_000) }],
  })
  for (let version = 4; version <= 64; version++)
    await manifest.commit({ operation: 'nothing', writer: 'edge', actions: [] })
  return store
}

it('shows objects as they are written', async () => {
  const page = await readFile(new URL('../../../docs/manifest-format.md', import.meta.url), 'utf8')
  const store = await writeExample()
  const shown = [...page.matchAll(/^`([^`\n]+)`:\n\n```json\n([\s\S]*?)```/gm)]
  const written = async (key: string): Promise<unknown> => {
    const bytes = await store.read(key)
    return JSON.parse(new TextDecoder().decode(key.endsWith('.gz') ? gunzipSync(bytes) : bytes))
  }
  expect(shown.map(([, key]) => key?.split('/')[0])).toEqual([
    'manifest',
    'manifest',
    'manifest',
    'checkpoint',
    'page',
    'page',
    'page',
    'hint',
  ])
  for (const [, key, json] of shown) expect(JSON.parse(json!), key).toEqual(await written(key!))
})
