import { describe, expect, it } from 'vitest'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import type { EncodedBlock } from '../../../src/storage/block/encode.ts'
import type { BlockDamage } from '../../../src/storage/block/read.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import type { Row } from '../../flow/columns.ts'
import { rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { blockInfo, encodeRows, OneObject, readRows } from './blocks.ts'

const COLUMNS: readonly ColumnSpec[] = [
  { name: 'start', type: 'instant' },
  { name: 'n', type: 'u32' },
  { name: 'text', type: 'text' },
]
const ROWS: readonly Row[] = Array.from({ length: 100 }, (_, n) => [new Date(n * 1000).toISOString(), n, `row ${n}`])
/** 100 rows in 20 sync-blocks and as many chunks. */
const BLOCK = encodeRows(COLUMNS, ROWS, { recordsPerSync: 5 })
const N: readonly ColumnSpec[] = [{ name: 'n', type: 'u32' }]

const numbers = (rows: readonly Row[]): unknown[] => rows.map(([n]) => n)

/** Reads column n of the block from other bytes, noting the damage. */
async function readDamaged(
  bytes: Uint8Array,
  block: EncodedBlock = BLOCK,
): Promise<{ read: unknown[]; damage: BlockDamage[] }> {
  const damage: BlockDamage[] = []
  const read = numbers(await readRows(block, N, { bytes, onCorrupt: (one) => damage.push(one) }))
  return { read, damage }
}

function changed(bytes: Uint8Array, at: number, change = (byte: number) => byte ^ 0x40): Uint8Array {
  const copy = bytes.slice()
  copy[at] = change(copy[at]!)
  return copy
}

describe('a block', () => {
  it('is read chunk by chunk, from any chunk on, with the record number of each batch', async () => {
    for (const [first, count] of [
      [0, 20],
      [0, 1],
      [7, 3],
      [19, 1],
      [20, 1],
    ] as const) {
      const rows: Row[] = []
      const store = new OneObject(BLOCK.bytes)
      const options = { store, block: blockInfo(BLOCK), schema: BLOCK.schema, columns: N, chunks: { first, count } }
      for await (const { batch, firstRecord } of readBlock(options)) {
        expect(firstRecord).toBe(first * 5 + rows.length)
        rows.push(...rowsOf(N, batch))
      }
      expect(numbers(rows)).toEqual(numbers(ROWS.map(([, n]) => [n!])).slice(first * 5, (first + count) * 5))
    }
  })

  it('costs one request for neighbouring chunks, and one more for the header when they do not follow it', async () => {
    const requests = async (first: number, count: number): Promise<number> => {
      const store = new OneObject(BLOCK.bytes)
      const options = { store, block: blockInfo(BLOCK), schema: BLOCK.schema, columns: N, chunks: { first, count } }
      for await (const _ of readBlock(options));
      return store.requests.length
    }
    expect(await requests(0, 20)).toBe(1)
    expect(await requests(3, 5)).toBe(2)
    expect(await requests(3, 0)).toBe(0)
  })

  it('larger than a few megabytes is read in ranges, the next in flight while one is at work', async () => {
    const random = fc.sample(fc.uint8Array({ minLength: 2000, maxLength: 2000 }), { numRuns: 50, seed: 1 })
    const columns: ColumnSpec[] = [{ name: 'data', type: 'bytes' }]
    const rows = Array.from({ length: 8000 }, (_, n) => [
      Buffer.from(random[n % 50]!.map((byte) => byte ^ (n * 7))).toString('hex'),
    ])
    const block = encodeRows(columns, rows, { recordsPerSync: 100 })
    expect(block.bytes.length).toBeGreaterThan(10_000_000)
    const store = new OneObject(block.bytes)
    let read = 0
    for await (const { batch } of readBlock({ store, block: blockInfo(block), schema: block.schema, columns })) {
      if (read === 0) expect(store.requests.length).toBe(2)
      for (const [i, [value]] of rowsOf(columns, batch).entries()) expect(value).toBe(rows[read + i]![0])
      read += batch.length
    }
    expect(read).toBe(8000)
    expect(store.requests.length).toBeLessThan(8)
    const ends = store.requests.map(({ offset, length }) => offset + length)
    expect(store.requests.map(({ offset }) => offset)).toEqual([0, ...ends.slice(0, -1)])
    expect(Math.max(...store.requests.map(({ length }) => length))).toBeLessThanOrEqual(4 * 1024 * 1024)
  })

  it('can be left early', async () => {
    const store = new OneObject(BLOCK.bytes)
    for await (const { batch } of readBlock({ store, block: blockInfo(BLOCK), schema: BLOCK.schema, columns: N })) {
      expect(batch.length).toBe(5)
      break
    }
    expect(store.requests.length).toBe(1)
  })

  it('passes on what the store says', async () => {
    const store = { read: () => Promise.reject(new Error('disk on fire')) }
    const reading = readBlock({
      store,
      block: blockInfo(BLOCK),
      schema: BLOCK.schema,
      columns: N,
      onCorrupt: () => undefined,
    })
    await expect(reading.next()).rejects.toThrow('disk on fire')
  })
})

describe('a damaged block', () => {
  const [offset, length] = BLOCK.info.chunks[4]!

  it('is an error that names block, position and cause', async () => {
    const bytes = changed(BLOCK.bytes, offset + 10)
    await expect(readRows(BLOCK, N, { bytes })).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(`^storage: block data/flows/test.avro at byte ${offset}: sync-block expected`),
      details: { key: 'data/flows/test.avro', offset },
    })
  })

  it('loses the damaged chunk alone when asked to go on', async () => {
    const { read, damage } = await readDamaged(changed(BLOCK.bytes, offset + 10))
    expect(read).toEqual([...Array(100).keys()].filter((n) => n < 20 || n >= 25))
    expect(damage).toMatchObject([{ key: 'data/flows/test.avro', offset, records: 5 }])
  })

  it('loses a damaged sync-block alone when others of its chunk are framed', async () => {
    const block = encodeRows(COLUMNS, ROWS, { recordsPerSync: 1 })
    expect(block.info.chunks[0]?.[2]).toBe(2)
    const [at] = block.info.chunks[3]!
    const { read, damage } = await readDamaged(changed(block.bytes, at + 6), block)
    expect(read).toEqual([...Array(100).keys()].filter((n) => n !== 6))
    expect(damage).toMatchObject([{ offset: at, records: 1 }])
  })

  it('loses what lies behind its end when it is cut short', async () => {
    for (const end of [offset + length, offset + length - 1, offset + 5, offset]) {
      const { read, damage } = await readDamaged(BLOCK.bytes.subarray(0, end))
      const whole = end === offset + length ? 25 : 20
      expect(read).toEqual([...Array(whole).keys()])
      expect(damage.reduce((sum, { records }) => sum + records, 0)).toBe(100 - whole)
    }
  })

  it('is lost whole when its header is', async () => {
    for (const at of [0, 20, BLOCK.info.chunks[0]![0] - 1]) {
      const { read, damage } = await readDamaged(changed(BLOCK.bytes, at))
      expect(read).toEqual([])
      expect(damage.reduce((sum, { records }) => sum + records, 0)).toBe(100)
    }
  })

  it('is noticed when its schema is not the one of the manifest', async () => {
    const other = encodeRows([{ name: 'n', type: 'u16' }], [[1]])
    await expect(readRows({ ...BLOCK, schema: other.schema }, N, { bytes: other.bytes })).rejects.toMatchObject({
      code: 'corrupt',
    })
  })

  it('never gives a wrong row, whichever byte is changed, and every row is read or counted as lost', async () => {
    const block = encodeRows(COLUMNS, ROWS.slice(0, 30), { recordsPerSync: 7 })
    const header = block.info.chunks[0]![0]
    const positions = fc.oneof(
      fc.nat(block.bytes.length - 1),
      fc.integer({ min: header - 16, max: block.bytes.length - 1 }),
    )
    await fc.assert(
      fc.asyncProperty(positions, fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const { read, damage } = await readDamaged(
          changed(block.bytes, at, (byte) => byte ^ mask),
          block,
        )
        expect(read).toEqual([...read].sort((a, b) => Number(a) - Number(b)))
        expect(new Set(read).size).toBe(read.length)
        for (const n of read) expect(Number.isInteger(n) && Number(n) >= 0 && Number(n) < 30).toBe(true)
        expect(read.length + damage.reduce((sum, { records }) => sum + records, 0)).toBe(30)
      }),
      { numRuns: 400 },
    )
  })
})
