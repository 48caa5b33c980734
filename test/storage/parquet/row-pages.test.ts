import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { avroSchema } from '../../../src/flow/schema.ts'
import type { ReadPagesOptions } from '../../../src/storage/block/read.ts'
import { readBlockPages } from '../../../src/storage/block/read.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import { writePageHeader } from '../../../src/storage/parquet/metadata.ts'
import { readFooter, readPageHeader } from '../../../src/storage/parquet/read-metadata.ts'
import type { BlockSource } from '../../../src/storage/store.ts'
import type { Row } from '../../flow/columns.ts'
import { batchOf, rowsOf } from '../../flow/columns.ts'
import { encodeParquetBlock } from './parquet-block.ts'

const COLUMNS: readonly ColumnSpec[] = [
  { name: 'srcAddr', type: 'address' },
  { name: 'bytes', type: 'u53' },
  { name: 'dstPort', type: 'u16' },
]
const SCHEMA = avroSchema('Flow', COLUMNS)
const ROWS = 40_000
const rows: Row[] = Array.from({ length: ROWS }, (_, i) => [
  i % 3 === 0 ? '2001:db8::1' : `10.0.${i % 7}.1`,
  i * 17,
  i % 300,
])
const { bytes, info } = encodeParquetBlock(batchOf(COLUMNS, rows), Uint32Array.from(rows.keys()), {
  columns: COLUMNS,
  schema: SCHEMA,
})
const block: BlockInfo = { key: 'data/flows/x.parquet', collector: 'test', ...info }

/** A store that serves `served`, with a right copy behind it when there is one. */
function storeOf(served: Uint8Array, right?: Uint8Array): BlockSource {
  const part = (of: Uint8Array, { offset, length } = { offset: 0, length: of.length }): Uint8Array =>
    of.subarray(offset, offset + length)
  return {
    read: async (_key, range) => part(served, range),
    ...(right && {
      async readVerified(_key: string, range: { offset: number; length: number }, verify: (b: Uint8Array) => boolean) {
        return [served, right].map((copy) => part(copy, range)).find(verify) ?? part(served, range)
      },
    }),
  }
}

/** The block with an encoding that no reader knows in the second data page of a column; no checksum guards headers. */
function undecodable(column: string): Uint8Array {
  const changed = Uint8Array.from(bytes)
  const footerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const { leaves, groups } = readFooter(bytes.subarray(bytes.length - 8 - footerLength, bytes.length - 8))
  const chunk = groups[0]!.columns[leaves.findIndex(({ name }) => name === column)]!
  const first = readPageHeader(bytes, chunk.dataOffset)
  const at = first.next + first.page.packedBytes
  changed.set(writePageHeader({ ...readPageHeader(bytes, at).page, encoding: 7 }), at)
  return changed
}

/** What a caller sees that completes the pages `isWanted` says. */
async function read(
  options: Partial<ReadPagesOptions> & { store: BlockSource },
  isWanted: (firstRecord: number) => boolean = () => true,
): Promise<{ places: number[]; got: Row[]; done: number[] }> {
  const seen = { places: [] as number[], got: [] as Row[], done: [] as number[] }
  for await (const pages of readBlockPages({ block, schema: SCHEMA, columns: COLUMNS, ...options })) {
    for (let page = pages.next(); page; page = pages.next()) {
      const { batch, firstRecord } = page
      const ports = rowsOf([COLUMNS[2]!], batch).map(([port]) => port)
      expect(ports).toEqual(rows.slice(firstRecord, firstRecord + batch.length).map(([, , port]) => port))
      if (isWanted(firstRecord) && !pages.complete()) continue
      seen.places.push(firstRecord)
      if (isWanted(firstRecord)) seen.got.push(...rowsOf(COLUMNS, batch))
    }
    seen.done.push(pages.done)
  }
  return seen
}

const FIRST = { first: ['dstPort'] }

describe('pages of a Parquet block', () => {
  it('have the columns that are read first, and the others once they are completed', async () => {
    const all = await read({ store: storeOf(bytes), ...FIRST })
    expect(all.places).toEqual([0, 16_384, 32_768])
    expect(all.got).toEqual(rows)
    expect(all.done).toEqual([ROWS])
    const some = await read({ store: storeOf(bytes), ...FIRST }, (record) => record === 16_384)
    expect(some.places).toEqual([0, 16_384, 32_768])
    expect(some.got).toEqual(rows.slice(16_384, 32_768))
  })

  it('decode nothing else of a page that is not completed', async () => {
    const store = storeOf(undecodable('bytes'))
    const got = await read({ store, ...FIRST }, (record) => record !== 16_384)
    expect(got.places).toEqual([0, 16_384, 32_768])
    expect(got.got).toEqual([...rows.slice(0, 16_384), ...rows.slice(32_768)])
    await expect(read({ store, ...FIRST })).rejects.toThrow(/column bytes near byte \d+ expected a readable page/)
    await expect(read({ store }, () => false)).rejects.toThrow(/column bytes/)
  })

  it.each([1, 2, 3])('are the same when an object gives bytes at once, all but one in %i times', async (times) => {
    let asked = 0
    const store: BlockSource = {
      ...storeOf(bytes),
      async open() {
        const fill = (target: Uint8Array, offset: number): number => {
          const part = bytes.subarray(offset, offset + target.length)
          target.set(part)
          return part.length
        }
        const readNow = (...args: Parameters<typeof fill>): number | undefined =>
          ++asked % times === 0 ? undefined : fill(...args)
        return { readInto: async (...args) => fill(...args), readNow, close: async () => undefined }
      },
    }
    const got = await read({ store, ...FIRST })
    expect(got.got).toEqual(rows)
    expect(asked).toBeGreaterThan(1)
  })

  it('have every column at once when nothing is said', async () => {
    const got: Row[] = []
    for await (const pages of readBlockPages({ store: storeOf(bytes), block, schema: SCHEMA, columns: COLUMNS }))
      for (let page = pages.next(); page; page = pages.next()) got.push(...rowsOf(COLUMNS, page.batch))
    expect(got).toEqual(rows)
  })

  it.each(['bytes', 'dstPort', 'srcAddr6'])(
    'are read from a right copy from where %s cannot be read',
    async (column) => {
      expect(crc32(bytes)).toBe(block.crc32)
      const got = await read({ store: storeOf(undecodable(column), bytes), ...FIRST })
      expect(got.places).toEqual([0, 16_384, 32_768])
      expect(got.got).toEqual(rows)
      expect(got.done).toEqual([16_384, ROWS - 16_384])
    },
  )

  it('count only what the caller was through with when a page cannot be read', async () => {
    const done: number[] = []
    const reading = (async () => {
      for await (const pages of readBlockPages({
        store: storeOf(undecodable('bytes')),
        block,
        schema: SCHEMA,
        columns: COLUMNS,
        ...FIRST,
      })) {
        for (let page = pages.next(); page; page = pages.next()) pages.complete()
        done.push(pages.done)
      }
    })()
    await expect(reading).rejects.toThrow(/column bytes/)
    expect(done).toEqual([16_384])
  })
})
