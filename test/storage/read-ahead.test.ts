import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../src/flow/batch.ts'
import type { Column } from '../../src/flow/column.ts'
import { avroSchema } from '../../src/flow/schema.ts'
import { valueAt } from '../../src/flow/value.ts'
import { ByteRun } from '../../src/storage/block/byte-run.ts'
import { FirstReads, firstRead } from '../../src/storage/block/first-read.ts'
import { sourceRanges } from '../../src/storage/block/range-reader.ts'
import { readBlock } from '../../src/storage/block/read.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { ROW_GROUP_ROWS } from '../../src/storage/parquet/rows.ts'
import { readsUnderWay } from '../../src/storage/read-ahead.ts'
import type { BlockSource, ByteRange } from '../../src/storage/store.ts'
import { batchOf } from '../flow/columns.ts'
import { blockInfo, encodeRows, OneObject } from './block/blocks.ts'
import { encodeParquetBlock } from './parquet/parquet-block.ts'

/** A store that says how many reads it wants, and shows how many are under way. */
function slowStore(
  inner: BlockSource,
  readsAhead: number | undefined,
): { store: BlockSource; mostUnderWay: () => number } {
  let underWay = 0
  let most = 0
  const read = async (key: string, range?: ByteRange): Promise<Uint8Array> => {
    underWay++
    most = Math.max(most, underWay)
    try {
      await new Promise(setImmediate)
      return await inner.read(key, range)
    } finally {
      underWay--
    }
  }
  return { store: { read, ...(readsAhead && { readsAhead }) }, mostUnderWay: () => most }
}

describe('reads under way', () => {
  it('are what the store says within 8 MB, and one at least', () => {
    expect(readsUnderWay({}, 1)).toBe(1)
    expect(readsUnderWay({ readsAhead: 3 }, 1)).toBe(3)
    expect(readsUnderWay({ readsAhead: 3 }, 4 << 20)).toBe(2)
    expect(readsUnderWay({ readsAhead: 3 }, 64 << 20)).toBe(1)
  })
})

describe('a run of ranges', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const ranges = Array.from({ length: 10 }, (_, i) => ({ offset: i * 100, length: 100 }))
  const inner: BlockSource = {
    read: async (_key, { offset, length } = { offset: 0, length: 0 }) => bytes.subarray(offset, offset + length),
  }

  for (const readsAhead of [undefined, 1, 2, 3, 20])
    it(`is in order with ${readsAhead} reads ahead`, async () => {
      const { store, mostUnderWay } = slowStore(inner, readsAhead)
      const run = new ByteRun(sourceRanges(store, 'x', readsAhead), ranges)
      const got: number[] = []
      for (const length of [1, 150, 7, 100, 42]) {
        await run.ensure(length)
        got.push(...run.bytes.subarray(run.at, run.at + length))
        run.at += length
      }
      expect(got).toEqual([...bytes.subarray(0, 300)])
      await run.skipTo(750)
      await run.ensure(250)
      expect([...run.bytes.subarray(run.at)]).toEqual([...bytes.subarray(750)])
      await expect(run.ensure(251)).rejects.toThrow('250')
      expect(mostUnderWay()).toBe(Math.min(readsAhead ?? 1, 10))
    })

  it('ends at a range that the object does not fill', async () => {
    const short: BlockSource = { read: async (key, range) => (await inner.read(key, range)).subarray(0, 60) }
    const run = new ByteRun(sourceRanges(slowStore(short, 3).store, 'x', 3), ranges)
    await run.ensure(60)
    await expect(run.ensure(61)).rejects.toThrow('60')
  })
})

describe('a Parquet block', () => {
  const columns = FLOW_COLUMNS.filter(({ name }) => ['start', 'dstPort', 'bytes', 'packets'].includes(name))
  const groups = 4
  const rows = Array.from({ length: (groups - 1) * ROW_GROUP_ROWS + 17 }, (_, i) => [i, i % 65_536, i * 3, i % 7])
  const schema = avroSchema('Flow', columns)

  it('has the same rows however many reads are under way, and waits for those when it is left early', async () => {
    const batch = batchOf(columns, rows)
    const order = Uint32Array.from(rows.keys())
    const { bytes, info } = encodeParquetBlock(batch, order, { columns, schema })
    const inner = openMemoryStore()
    const key = 'data/flows/x.parquet'
    await inner.write(key, bytes)
    const block = { key, collector: 'test', ...info }
    for (const readsAhead of [undefined, 2, 3, 9]) {
      const { store, mostUnderWay } = slowStore(inner, readsAhead)
      let next = 0
      for await (const { batch, firstRecord } of readBlock({ store, block, schema, columns })) {
        expect(firstRecord).toBe(next)
        const octets = batch.columns.bytes as Column
        for (let row = 0; row < batch.length; row += 1009) expect(valueAt(octets, row)).toBe((next + row) * 3)
        next += batch.length
      }
      expect(next).toBe(rows.length)
      expect(mostUnderWay()).toBe(Math.min(readsAhead ?? 1, groups))
      for await (const _ of readBlock({ store, block, schema, columns })) break
    }
  })
})

describe('the first read of a block', () => {
  const columns = FLOW_COLUMNS.filter(({ name }) => ['dstPort', 'bytes'].includes(name))
  const rows = Array.from({ length: 5000 }, (_, i) => [i, i * 3])
  const schema = avroSchema('Flow', columns)
  const avro = encodeRows(columns, rows, { recordsPerSync: 100 })
  const parquet = encodeParquetBlock(batchOf(columns, rows), Uint32Array.from(rows.keys()), { columns, schema })
  const blocks = [
    { name: 'Avro', bytes: avro.bytes, schema: avro.schema, block: blockInfo(avro) },
    { name: 'Parquet', bytes: parquet.bytes, schema, block: { key: 'x', collector: 'test', ...parquet.info } },
  ]

  for (const { name, bytes, block, schema } of blocks)
    it(`is known before, and not repeated by who reads it: ${name}`, async () => {
      for (const first of name === 'Avro' ? [0, 3] : [0]) {
        const chunks = { first, count: block.chunks.length - first }
        const object = new OneObject(bytes)
        const asked = { read: object.read.bind(object), readsAhead: 2 }
        const reads = new FirstReads(asked)
        const range = firstRead(block, chunks)
        reads.begin(block.key, range)
        expect(object.requests).toEqual([range])
        let left = block.chunks.slice(first).reduce((sum, [, , records]) => sum + records, 0)
        for await (const { batch } of readBlock({ store: reads.source, block, schema, columns, chunks }))
          left -= batch.length
        expect(left).toBe(0)
        expect(object.requests.filter(({ offset }) => offset === range?.offset)).toHaveLength(1)
      }
    })

  it('is kept for who goes on by another way to the same store, and let go of when four others wait', async () => {
    const asked: string[] = []
    const read = async (key: string): Promise<Uint8Array> => {
      asked.push(key)
      return new Uint8Array(9)
    }
    const range = { offset: 0, length: 9 }
    const reads = new FirstReads({ read, readsAhead: 3 })
    for (const key of ['a', 'b', 'c', 'd', 'e']) reads.begin(key, range)
    expect(asked).toEqual(['a', 'b', 'c', 'd', 'e'])
    const other = reads.over({ read, readsAhead: 3 })
    await other.source.read('e', range)
    await other.source.read('b', range)
    expect(asked).toHaveLength(5)
    await other.source.read('a', range)
    await reads.source.read('e', range)
    expect(asked.slice(5)).toEqual(['a', 'e'])
  })

  it('is heard of when it fails, by who reads that part, and not begun where answers come at once', async () => {
    let asked = 0
    const read = async (): Promise<Uint8Array> => {
      asked++
      throw new Error('gone')
    }
    const range = { offset: 0, length: 9 }
    const late = new FirstReads({ read, readsAhead: 3 })
    late.begin('a', range)
    await new Promise(setImmediate)
    await expect(late.source.read('a', range)).rejects.toThrow('gone')
    expect(asked).toBe(1)
    await expect(late.source.read('a', range)).rejects.toThrow('gone')
    expect(asked).toBe(2)
    new FirstReads({ read }).begin('a', range)
    expect(asked).toBe(2)
  })
})
