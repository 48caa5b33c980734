import { describe, expect, it } from 'vitest'
import { createFlowBatch, FLOW_COLUMNS } from '../../src/flow/batch.ts'
import { setValue } from '../../src/flow/value.ts'
import { BlockEncoder } from '../../src/storage/block/encode.ts'
import { blockKey } from '../../src/storage/block/keys.ts'
import { fsck } from '../../src/storage/fsck.ts'
import type { BlockInfo } from '../../src/storage/manifest/actions.ts'
import { commitKey } from '../../src/storage/manifest/layout.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { seededSystem } from '../../src/storage/system.ts'
import { ulid } from '../../src/storage/ulid.ts'
import { exampleBlock, NOON } from './manifest/examples.ts'
import { encodeParquetBlock } from './parquet/parquet-block.ts'

const ROWS = 10_000

function flows() {
  const batch = createFlowBatch(ROWS)
  for (let row = 0; row < ROWS; row++) {
    const { start, end, exporter, srcAddr, bytes } = batch.columns
    setValue(start, row, NOON + row)
    setValue(end, row, NOON + row + 500)
    setValue(exporter, row, row % 3 === 0 ? '2001:db8::1' : '192.0.2.7')
    setValue(srcAddr, row, `10.0.${row >> 8}.${row & 255}`)
    setValue(bytes, row, row * 3)
  }
  batch.length = ROWS
  return batch
}

/** A store with one Avro and one Parquet block of the same flows; `change` may alter what the manifest says of the first. */
async function filled(change: Partial<BlockInfo> = {}) {
  const store = openMemoryStore()
  const system = seededSystem(1, { start: NOON })
  const manifest = await openManifest(store, { system, create: true })
  const encoder = new BlockEncoder({ name: 'Flow', columns: FLOW_COLUMNS })
  encoder.add(flows())
  const avro = encoder.finish()
  const order = Uint32Array.from({ length: ROWS }, (_, row) => row)
  const parquet = encodeParquetBlock(flows(), order, { columns: FLOW_COLUMNS, schema: avro.schema })
  const block = { key: blockKey('flows', NOON, ulid(system)), collector: 'edge', ...avro.info, ...change }
  const compacted = { key: blockKey('flows', NOON, ulid(system), 'parquet'), collector: 'edge', ...parquet.info }
  await store.write(block.key, avro.bytes)
  await store.write(compacted.key, parquet.bytes)
  await manifest.commit({
    operation: 'ingest',
    writer: 'edge',
    actions: [
      { type: 'addDataset', dataset: 'flows' },
      { type: 'addSchema', schemaId: avro.info.schemaId, schema: avro.schema },
      ...[block, compacted].map((added) => ({ type: 'addBlock', dataset: 'flows', block: added }) as const),
    ],
  })
  const damage = async (key: string, at: number): Promise<void> => {
    const bytes = await store.read(key)
    bytes[at]! ^= 0x55
    await store.write(key, bytes)
  }
  const check = (deep = false) => fsck({ store, manifest, deep })
  return { store, manifest, system, block, compacted, damage, check }
}

describe('fsck', () => {
  it('finds nothing wrong with a sound store, deep or not', async () => {
    const { check, block, compacted } = await filled()
    for (const deep of [false, true]) {
      expect(await check(deep)).toMatchObject({
        ...{ exitStatus: 0, problems: [], blocks: 2, records: 2 * ROWS, deep },
        sizeBytes: block.sizeBytes + compacted.sizeBytes,
      })
    }
  })

  it('finds a block that is missing', async () => {
    const { store, block, check } = await filled()
    await store.remove(block.key)
    const { problems, exitStatus } = await check()
    expect(problems).toMatchObject([{ kind: 'missing', key: block.key, dataset: 'flows' }])
    expect(exitStatus).toBe(1)
  })

  it('finds an orphan, which is no damage', async () => {
    const { store, check } = await filled()
    const { key } = exampleBlock(5)
    await store.write(key, new Uint8Array(7))
    expect(await check()).toMatchObject({ exitStatus: 0, problems: [{ kind: 'orphaned', key }] })
  })

  it('tells a block that older snapshots need from an orphan', async () => {
    const { manifest, block, check, store } = await filled()
    const actions = [{ type: 'removeBlock', dataset: 'flows', key: block.key } as const]
    await manifest.commit({ operation: 'remove', writer: 'test', actions })
    expect(await check()).toMatchObject({ exitStatus: 0, problems: [], retained: 1, blocks: 1 })
    await store.remove(block.key)
    expect(await check()).toMatchObject({ exitStatus: 1, problems: [{ kind: 'missing', key: block.key }] })
  })

  it('finds a block of another size', async () => {
    const { store, block, check } = await filled()
    await store.write(block.key, (await store.read(block.key)).subarray(1))
    const { problems } = await check()
    const detail = `size expected ${block.sizeBytes} bytes, got ${block.sizeBytes - 1}`
    expect(problems).toMatchObject([{ kind: 'corrupt', key: block.key, detail }])
  })

  it('finds a flipped bit anywhere in a block when deep', async () => {
    const { block, compacted } = await filled()
    for (const [which, size] of [
      [0, block.sizeBytes],
      [1, compacted.sizeBytes],
    ] as const) {
      for (let i = 0; i < 12; i++) {
        const { damage, check, ...fresh } = await filled()
        const key = which === 0 ? fresh.block.key : fresh.compacted.key
        await damage(key, Math.floor((size * i) / 12))
        expect((await check()).problems).toEqual([])
        const { problems, exitStatus } = await check(true)
        expect(exitStatus).toBe(1)
        expect(problems[0]).toMatchObject({ kind: 'corrupt', key })
        expect(problems[0]?.detail).toContain('CRC-32 of the file')
      }
    }
  })

  it('names the byte position of damage to the rows', async () => {
    const { block, damage, check } = await filled()
    const [offset, length] = block.chunks[1]!
    await damage(block.key, offset + length - 30)
    const { problems } = await check(true)
    expect(problems.some(({ detail }) => detail.includes(`at byte ${offset}`))).toBe(true)
  })

  it('finds statistics that do not match', async () => {
    const changes: Partial<BlockInfo>[] = [
      { minStart: NOON - 1 },
      { maxEnd: NOON },
      { exporters: ['192.0.2.7'] },
      { samplingUnknown: 4 },
      { records: ROWS + 1 },
    ]
    for (const change of changes) {
      const { check, block } = await filled(change)
      expect((await check()).problems).toEqual([])
      const { problems } = await check(true)
      expect(problems).toMatchObject([{ kind: 'statistics', key: block.key }])
      expect(problems[0]?.detail).toContain(Object.keys(change)[0])
    }
    const { block } = await filled()
    const chunks = block.chunks.map(([at, length, count, from, to], i) => [at, length, count, from, to! - i] as const)
    const { problems } = await (await filled({ chunks })).check(true)
    expect(problems).toMatchObject([{ kind: 'statistics', detail: expect.stringContaining('chunks') }])
  })

  it('finds a schema that cannot be read', async () => {
    const { manifest, store, check } = await filled()
    const block = { ...exampleBlock(5), sizeBytes: 1, schemaId: 'map' }
    await store.write(block.key, new Uint8Array(1))
    await manifest.commit({
      operation: 'test',
      writer: 'test',
      actions: [
        { type: 'addSchema', schemaId: block.schemaId, schema: { type: 'map', values: 'int' } },
        { type: 'addBlock', dataset: 'flows', block },
      ],
    })
    expect(await check()).toMatchObject({ exitStatus: 1, problems: [{ kind: 'schema', key: block.key }] })
  })

  it('finds a commit that is missing or damaged, and says so once', async () => {
    const { store, manifest, damage, check } = await filled()
    for (let i = 0; i < 70; i++) await manifest.commit({ operation: 'test', writer: 'test', actions: [] })
    await damage(commitKey(20), 0)
    for (const deep of [false, true]) {
      expect((await check(deep)).problems).toMatchObject([{ kind: 'corrupt', key: commitKey(20), dataset: null }])
    }
    await store.remove(commitKey(20))
    for (const deep of [false, true]) {
      expect(await check(deep)).toMatchObject({ exitStatus: 1, problems: [{ kind: 'missing', key: commitKey(20) }] })
    }
  })

  it('finds a page that is missing or damaged', async () => {
    for (const hurt of ['missing', 'corrupt'] as const) {
      const { store, manifest, damage } = await filled()
      for (let i = 0; i < 70; i++) await manifest.commit({ operation: 'test', writer: 'test', actions: [] })
      let page = ''
      for await (const { key } of store.list('page/')) page = key
      await (hurt === 'missing' ? store.remove(page) : damage(page, 30))
      const reopened = await openManifest(store, { system: seededSystem(2) })
      const { problems, exitStatus } = await fsck({ store, manifest: reopened })
      expect(exitStatus).toBe(1)
      expect(problems).toMatchObject([{ kind: hurt, key: page }])
    }
  })
})
