import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createBatch } from '../../../src/flow/batch.ts'
import type { ColumnSpec, ColumnType } from '../../../src/flow/column.ts'
import { setValue, valueAt } from '../../../src/flow/value.ts'
import type { Program } from '../../../src/runtime/program.ts'
import { RowReader, rowForm } from '../../../src/runtime/row-form.ts'
import { mergeSources, sliceOfEach, temporarySource } from '../../../src/runtime/shuffle/merge-sources.ts'
import { openSource } from '../../../src/runtime/shuffle/run-source.ts'
import { AttemptFiles } from '../../../src/runtime/task/attempt-files.ts'
import type { ResultTask } from '../../../src/runtime/task/description.ts'
import { runResultTask } from '../../../src/runtime/task/result-task.ts'
import { RowMerge } from '../../../src/runtime/task/row-merge.ts'
import { RowSorter } from '../../../src/runtime/task/row-sorter.ts'
import { BlockEncoder } from '../../../src/storage/block/encode.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'

const folder = mkdtempSync(join(tmpdir(), 'result-blocks-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ADDRESSES = ['10.0.0.1', '255.1.2.3', '2001:db8::1', '2001:db8::2', 'fe80::ffff:1']
const PREFIXES = ['10.0.0.0/8', '192.0.2.0/24', '2001:db8::/64', '::/0']
const between = (min: number, max: number) =>
  fc.oneof(fc.integer({ min, max: Math.min(max, min + 300) }), fc.integer({ min, max }))
const safe = Number.MAX_SAFE_INTEGER
/** Values of each type that results may have, at its bounds too. */
const VALUES = {
  u8: between(0, 255),
  u16: between(0, 65_535),
  u32: between(0, 2 ** 32 - 1),
  u53: between(0, safe),
  i53: between(-safe, safe),
  instant: fc.integer({ min: -1e6, max: 2e12 }).map((ms) => new Date(ms).toISOString()),
  duration: between(-1000, safe),
  u64: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  boolean: fc.boolean(),
  address: fc.constantFrom(...ADDRESSES),
  prefix: fc.constantFrom(...PREFIXES),
} as const
type Type = keyof typeof VALUES

const types = fc.array(fc.constantFrom(...(Object.keys(VALUES) as Type[])), { minLength: 1, maxLength: 6 })
const table = types.chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(fc.tuple(...columns.map((type): fc.Arbitrary<unknown> => VALUES[type])), { maxLength: 120 }),
    runs: fc.integer({ min: 1, max: 9 }),
    order: fc.constantFrom('asc', 'desc'),
    keyed: fc.boolean(),
  }),
)

let files = 0

/**
 * The rows as sorted run files of a job with a reduce of its own, which orders by its first column and then by the whole row, or (`keyed`) of one with aggregates, which orders by its first column and
 * then by its last, the key.
 */
function writeRuns({
  columns,
  rows,
  runs,
  order,
  keyed = false,
}: {
  columns: Type[]
  rows: unknown[][]
  runs: number
  order: string
  keyed?: boolean
}) {
  const output: ColumnSpec[] = columns.map((type, i) => ({ name: `c${i}`, type: type as ColumnType }))
  const program = {
    ...{ name: 'rows', output, key: keyed ? output.slice(-1) : [], sort: [{ column: 'c0', order }] },
    fold: keyed ? { type: 'aggregate', aggregates: [] } : { type: 'reduce', valueOrder: [] },
  } as unknown as Program
  const sources = Array.from({ length: runs }, (_, run) => {
    const mine = rows.filter((_, i) => i % runs === run)
    const path = join(folder, `${files++}.run`)
    const sorter = new RowSorter({ program, files: new AttemptFiles(folder, String(files)), path, budgetBytes: 1e6 })
    const batch = createBatch(output, Math.max(1, mine.length))
    for (const [row, values] of mine.entries())
      for (const [i, { name }] of output.entries()) setValue(batch.columns[name]!, row, values[i] as never)
    batch.length = mine.length
    sorter.add(batch)
    sorter.finish()
    return temporarySource(path)
  })
  return { program, slices: sliceOfEach(sources, 0) }
}

const SYNC = 16

/** A block of the rows as the general way makes it. */
function blockByCursor(program: Program, slices: ReturnType<typeof sliceOfEach>): Uint8Array {
  const encoder = new BlockEncoder({
    name: 'rows',
    columns: program.output,
    recordsPerSync: SYNC,
    compressor: 'library',
  })
  const { cursor, close } = mergeSources({ slices, budgetBytes: 1e6, combine: (merged) => merged, nextPath: () => '' })
  const batch = createBatch(program.output, 1)
  const append = new RowReader(rowForm(program)).into(batch)
  while (cursor.next()) {
    batch.length = 0
    append(cursor)
    encoder.add(batch)
  }
  close()
  return encoder.finish().bytes
}

describe('run files of rows', () => {
  it('hold whole rows, what orders them in keys and the rest in payloads', () => {
    fc.assert(
      fc.property(table, (given) => {
        const { program, slices } = writeRuns(given)
        const batch = createBatch(program.output, 1)
        const texts = (): string =>
          JSON.stringify(program.output.map(({ name }) => String(valueAt(batch.columns[name]!, 0))))
        const expected = given.rows.map((values) => {
          for (const [i, { name }] of program.output.entries()) setValue(batch.columns[name]!, 0, values[i] as never)
          return texts()
        })
        const append = new RowReader(rowForm(program)).into(batch)
        const found: string[] = []
        const { cursor, close } = mergeSources({ slices, budgetBytes: 1e6, combine: (all) => all, nextPath: () => '' })
        while (cursor.next()) {
          batch.length = 0
          append(cursor)
          found.push(texts())
        }
        close()
        expect(found.sort()).toEqual(expected.sort())
      }),
      { numRuns: 200 },
    )
  })
})

describe('the kernel that merges rows and writes them as Avro', () => {
  it('gives the block that its twin gives, for rows of any types that it takes', () => {
    fc.assert(
      fc.property(table, (given) => {
        const { program, slices } = writeRuns(given)
        const merge = RowMerge.for(program, slices, { mostRows: SYNC })
        const encoder = new BlockEncoder({ name: 'rows', columns: program.output, compressor: 'library' })
        // Rows with several prefixes and addresses may be longer than the kernel takes.
        if (!merge) return given.columns.filter((type) => type === 'address' || type === 'prefix').length > 2
        while (!merge.isDone) {
          const { plain, rows } = merge.next(SYNC)!
          encoder.addRows(plain, rows)
        }
        merge.close()
        expect(Buffer.compare(encoder.finish().bytes, blockByCursor(program, slices))).toBe(0)
        return true
      }),
      { numRuns: 200 },
    )
  })

  it('leaves a value that Avro cannot hold to its twin, which says so', () => {
    const { program, slices } = writeRuns({ columns: ['u64'], rows: [[1n], [2n ** 63n]], runs: 2, order: 'asc' })
    const merge = RowMerge.for(program, slices, { mostRows: SYNC })!
    expect(merge.next(SYNC)).toBeUndefined()
    merge.close()
    expect(() => blockByCursor(program, slices)).toThrowError(/9223372036854775808/)
  })

  it('does not take text, nor columns that the manifest has statistics of', () => {
    const { program, slices } = writeRuns({ columns: ['u8'], rows: [], runs: 1, order: 'asc' })
    for (const output of [
      [{ name: 'c0', type: 'text' }],
      [{ name: 'c0', type: 'u8', nullable: true }],
      [{ name: 'start', type: 'instant' }],
    ] as ColumnSpec[][])
      expect(RowMerge.for({ ...program, output, sort: [] }, slices, { mostRows: SYNC })).toBeUndefined()
  })

  it('gives the same blocks whatever the number of tasks that share them', async () => {
    const random = seededRandom(1)
    const rows = Array.from({ length: 60_000 }, () => [Math.floor(random() * 5000), Math.floor(random() * 2 ** 40)])
    const { program, slices } = writeRuns({ columns: ['u16', 'u53'], rows, runs: 3, order: 'desc' })
    expect(slices.some(({ source }) => openSource(source).slices[0]!.marks!.length > 1)).toBe(true)
    const store = openMemoryStore({ system: seededSystem(1) })
    const environment = { program, store, files: new AttemptFiles(folder, 'result') }
    const blocksOf = async (tasks: number, rowsPerBlock: number, of: Program = program): Promise<unknown[]> => {
      const blocks: unknown[] = []
      for (let task = 0; task < tasks; task++) {
        const sources = slices.map(({ source }) => source)
        const spec = { type: 'result', run: 'r', task, tasks, sources, rowsPerBlock, memoryBytes: 1e7 }
        const result = await runResultTask(spec as unknown as ResultTask, { ...environment, program: of })
        blocks.push(...result.blocks!)
      }
      return blocks
    }
    for (const rowsPerBlock of [7000, 100_000]) {
      const whole = await blocksOf(1, rowsPerBlock)
      expect(whole.length).toBe(Math.ceil(60_000 / rowsPerBlock))
      for (const tasks of [2, 5, 13]) expect(await blocksOf(tasks, rowsPerBlock)).toEqual(whole)
    }
    const limited = { ...program, limit: 20_000 }
    expect(await blocksOf(3, 7000, limited)).toEqual(await blocksOf(1, 7000, limited))
  })
})
