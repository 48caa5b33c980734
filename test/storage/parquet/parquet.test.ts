import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { createBatch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { Column, ColumnSpec } from '../../../src/flow/column.ts'
import { copyRows } from '../../../src/flow/copy.ts'
import { avroSchema } from '../../../src/flow/schema.ts'
import { setValue, valueAt } from '../../../src/flow/value.ts'
import { loadKernels } from '../../../src/kernels/load.ts'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import type { BlockDamage } from '../../../src/storage/block/read.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import type { BlockInfo } from '../../../src/storage/manifest/actions.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { ParquetEncoder } from '../../../src/storage/parquet/encode-block.ts'
import { RowGroupEncoder } from '../../../src/storage/parquet/row-group-encoder.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'
import { withV2Pages } from './v2-pages.ts'

const EXTRAS: readonly ColumnSpec[] = [
  { name: 'postNATSourceIPv4Address', type: 'address', nullable: true },
  { name: 'applicationName', type: 'text', nullable: true },
  { name: 'mplsTopLabelStackSection', type: 'bytes', nullable: true },
  { name: 'ingressVRFID', type: 'u32', nullable: true },
  { name: 'flowId', type: 'u53', nullable: true },
]
const COLUMNS = [...FLOW_COLUMNS, ...EXTRAS]
const SCHEMA = avroSchema('Flow', COLUMNS)
const memory = KernelMemory.create(RowGroupEncoder.bytesNeeded(COLUMNS))
const groupEncoder = new RowGroupEncoder(COLUMNS, memory, loadKernels(memory))
const KEY = 'data/flows/2026-01-01/00/x.parquet'

/** Rows with the shapes real columns have: constant, few values, many values, sorted, over the whole range of the type. */
function randomBatch(rows: number, seed: number): Batch {
  const random = seededRandom(seed)
  const batch = createBatch(COLUMNS, Math.max(rows, 1))
  for (const { name, type, nullable } of COLUMNS) {
    const shape = Math.floor(random() * 4)
    const few = Array.from({ length: 1 + Math.floor(random() * 20) }, () => randomValue(type, random))
    for (let row = 0; row < rows; row++) {
      const absent = nullable && random() < 0.3
      const value = absent
        ? null
        : shape === 0
          ? few[0]
          : shape === 1
            ? few[Math.floor(random() * few.length)]
            : randomValue(type, random)
      setValue(batch.columns[name] as Column, row, value ?? null)
    }
  }
  batch.length = rows
  return batch
}

function randomValue(type: ColumnSpec['type'], random: () => number): number | string {
  const bits = { u8: 8, u16: 16, u32: 32, u53: 53, instant: 42 }[type as string]
  if (bits !== undefined) return Math.floor(random() * 2 ** Math.ceil(random() * bits))
  if (type === 'address')
    return random() < 0.7
      ? `10.${Math.floor(random() * 256)}.0.1`
      : `2001:db8::${Math.floor(random() * 65536).toString(16)}`
  if (type === 'text') return 'é'.repeat(Math.floor(random() * 9))
  return Buffer.from([1, 2, Math.floor(random() * 256)]).toString('hex')
}

async function stored(
  groups: readonly Batch[],
): Promise<{ store: ReturnType<typeof openMemoryStore>; block: BlockInfo }> {
  const encoder = new ParquetEncoder({ columns: COLUMNS, schema: '{}' })
  const chunks = groups.map((batch) => {
    groupEncoder.batch.length = 0
    copyRows(batch, 0, batch.length, groupEncoder.batch)
    const { offset, length } = encoder.add(groupEncoder.encode())
    return [offset, length, batch.length, null, null] as const
  })
  const bytes = Buffer.concat(encoder.finish())
  const store = openMemoryStore()
  await store.write(KEY, bytes)
  const block = { key: KEY, format: 'parquet', sizeBytes: bytes.length, records: 0, chunks } as unknown as BlockInfo // only these are read
  return { store, block }
}

const rowsOf = (batch: Batch, names: readonly string[]): unknown[] =>
  Array.from({ length: batch.length }, (_, row) => names.map((name) => valueAt(batch.columns[name] as Column, row)))

describe('parquet blocks', () => {
  it('give back every column of every row', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(700), { minLength: 1, maxLength: 3 }), fc.nat(), async (sizes, seed) => {
        const groups = sizes.map((rows, i) => randomBatch(rows + 1, seed + i))
        const { store, block } = await stored(groups)
        const names = COLUMNS.map(({ name }) => name)
        const got: unknown[] = []
        for await (const { batch, firstRecord } of readBlock({
          store,
          block,
          schema: SCHEMA,
          columns: COLUMNS,
        })) {
          expect(firstRecord).toBe(got.length)
          got.push(...rowsOf(batch, names))
        }
        expect(got).toEqual(groups.flatMap((batch) => rowsOf(batch, names)))
      }),
      { numRuns: 25 },
    )
  })

  it('are read in pages when a row group has more rows than one, and only the row groups and columns asked for', async () => {
    const groups = [randomBatch(40_000, 1), randomBatch(20_000, 2)]
    const { store, block } = await stored(groups)
    const columns = COLUMNS.filter(({ name }) => ['dstPort', 'srcAddr', 'bytes', 'applicationName'].includes(name))
    const names = columns.map(({ name }) => name)
    const got: unknown[] = []
    const places: number[] = []
    for await (const { batch, firstRecord } of readBlock({
      store,
      block,
      schema: SCHEMA,
      columns,
      chunks: { first: 1, count: 1 },
    })) {
      places.push(firstRecord)
      got.push(...rowsOf(batch, names))
    }
    expect(places).toEqual([40_000, 56_384])
    expect(got).toEqual(rowsOf(groups[1] as Batch, names))
  })

  it('may have data pages of version 2', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3000), { minLength: 1, maxLength: 2 }), fc.nat(), async (sizes, seed) => {
        const groups = sizes.map((rows, i) => randomBatch(rows + 1, seed + i))
        const { store, block } = await stored(groups)
        const { bytes, chunks } = withV2Pages(await store.read(KEY), block.chunks)
        await store.write(KEY, bytes)
        const names = COLUMNS.map(({ name }) => name)
        const got: unknown[] = []
        const v2 = { ...block, sizeBytes: bytes.length, chunks }
        for await (const { batch } of readBlock({ store, block: v2, schema: SCHEMA, columns: COLUMNS }))
          got.push(...rowsOf(batch, names))
        expect(got).toEqual(groups.flatMap((batch) => rowsOf(batch, names)))
      }),
      { numRuns: 10 },
    )
  })

  it('have dictionaries larger than a page of values, which touch no column beside them', async () => {
    const batch = createBatch(COLUMNS, 131_072)
    batch.length = 131_072
    for (const { name } of COLUMNS)
      for (let row = 0; row < batch.length; row++) {
        // Few values at the start of each column, so that a dictionary is tried, then thousands, which pack well.
        const value = (row < 8192 ? row % 5000 : (row * 7919) % 30_000) * 65_536
        const isWide = ['start', 'bytes', 'packets'].includes(name)
        const isAddress = ['srcAddr', 'dstAddr'].includes(name)
        if (isAddress)
          setValue(batch.columns[name] as Column, row, `10.${(value >>> 24) & 255}.${(value >>> 16) & 255}.1`)
        else if (isWide) setValue(batch.columns[name] as Column, row, value)
        else if (name === 'dstPort') setValue(batch.columns[name] as Column, row, row % 60_000)
      }
    const { store, block } = await stored([batch])
    for (const names of [
      ['bytes', 'dstPort', 'packets', 'start'],
      ['dstPort', 'srcAddr', 'dstAddr'],
      ['dstPort', 'tcpFlags', 'bytes'],
    ]) {
      const columns = COLUMNS.filter(({ name }) => names.includes(name))
      let row = 0
      for await (const { batch: read } of readBlock({ store, block, schema: SCHEMA, columns })) {
        for (const { name } of columns) {
          const [got, expected] = [read, batch].map(({ columns: all }, k) => {
            const column = all[name] as Column
            const values = column.type === 'address' ? column.v4 : (column as { values: Float64Array }).values // the others are numbers
            return values.subarray(k * row, k * row + read.length)
          })
          expect(
            got!.findIndex((value, k) => value !== expected![k]),
            `${name} from row ${row}`,
          ).toBe(-1)
        }
        row += read.length
      }
      expect(row).toBe(131_072)
    }
  })

  it('name the block when a byte is wrong, or skip just that row group and say so', async () => {
    const groups = [randomBatch(3000, 3), randomBatch(2000, 4)]
    const { store, block } = await stored(groups)
    const bytes = Uint8Array.from(await store.read(KEY))
    const at = (block.chunks[0]?.[0] ?? 0) + 1500
    bytes[at] = (bytes[at] as number) ^ 0x40
    await store.write(KEY, bytes)
    const readAll = async (onCorrupt?: (damage: BlockDamage) => void): Promise<number> => {
      let rows = 0
      for await (const { batch } of readBlock({
        store,
        block,
        schema: SCHEMA,
        columns: COLUMNS,
        ...(onCorrupt ? { onCorrupt } : {}),
      }))
        rows += batch.length
      return rows
    }
    await expect(readAll()).rejects.toThrow(/block data\/flows.*expected/)
    const told: number[] = []
    expect(await readAll(({ records }) => told.push(records))).toBe(2000)
    expect(told).toEqual([3000])
  })

  it('end in a typed error, never a hang or another error, whatever bytes are wrong', async () => {
    const { store, block } = await stored([randomBatch(500, 5)])
    const whole = Uint8Array.from(await store.read(KEY))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (changes) => {
          const bytes = whole.slice()
          for (const [at, value] of changes) bytes[at] = value
          await store.write(KEY, bytes)
          try {
            for await (const { batch } of readBlock({ store, block, schema: SCHEMA, columns: COLUMNS }))
              expect(batch.length).toBeLessThanOrEqual(500)
          } catch (error) {
            expect(error).toBeInstanceOf(StorageError)
          }
        },
      ),
      { numRuns: 400 },
    )
  })
})
