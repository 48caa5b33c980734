import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createBatch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { FoldTable } from '../../../src/runtime/aggregate/fold-table.ts'
import { GroupLayout } from '../../../src/runtime/aggregate/group-layout.ts'
import { GroupMemory } from '../../../src/runtime/aggregate/group-memory.ts'
import type { AggregateSpec, Program } from '../../../src/runtime/program.ts'
import { GroupWriter } from '../../../src/runtime/shuffle/group-writer.ts'
import { temporarySource } from '../../../src/runtime/shuffle/merge-sources.ts'
import type { RunSource } from '../../../src/runtime/shuffle/run-source.ts'
import { SourceReaders } from '../../../src/runtime/shuffle/source-readers.ts'
import { heavyFrames, slicesWith } from '../../../src/runtime/task/entry-bounds.ts'
import type { EntrySlice } from '../../../src/runtime/task/entry-slices.ts'
import { listSlices } from '../../../src/runtime/task/entry-slices.ts'
import { seededRandom } from '../../seeded-random.ts'

const key: readonly ColumnSpec[] = [
  { name: 'src', type: 'address' },
  { name: 'dst', type: 'address' },
]
const value: readonly ColumnSpec[] = [{ name: 'octets', type: 'u53' }]
const aggregates: readonly AggregateSpec[] = [
  { name: 'octets', aggregate: 'sum', options: {}, type: 'u64', input: 'octets' },
]
const output: readonly ColumnSpec[] = [...key, { name: 'octets', type: 'u64' }]
const sort = [{ column: 'octets', order: 'desc' as const }]
const layout = GroupLayout.for({ key, value, aggregates })!
const rows = layout.rowLayout({ key, output, sort, fold: { type: 'aggregate' } } as unknown as Program, true)!
const partitions = 3
const LIMIT = 10

const folder = mkdtempSync(join(tmpdir(), 'flowreduce-bounds-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

interface Flows {
  readonly rows: number
  readonly hosts: number
  /** Octets are a little divided by a random number to this power. */
  readonly skew: number
}

/** Leaves the run file that a map task leaves, for a result of which only the first rows are wanted (`isFirst`) or all. */
function mapped({ rows: count, hosts, skew }: Flows, random: () => number, isFirst: boolean): RunSource {
  const shape = { key, value, aggregates, partitions, budgetBytes: 16 << 20 }
  const table = FoldTable.for({ ...shape, firstOf: isFirst ? sort : undefined })!
  const batch = createBatch([...key, ...value], 4096)
  const { src, dst, octets } = batch.columns as never as {
    readonly [name: string]: { readonly family: Uint8Array; readonly v4: Uint32Array; readonly values: Float64Array }
  }
  const path = join(folder, `${files++}`)
  const { sketch, entryBytes } = table
  const header = { content: 'groups' as const, key, value, partitions, entryBytes }
  const writer = new GroupWriter(path, { ...header, ...(sketch && { counters: sketch.perSlice }) })
  const leave = (): void => {
    table.writeTo(writer.section())
    table.clear()
  }
  for (let left = count; left > 0; left -= batch.length) {
    batch.length = Math.min(4096, left)
    for (let row = 0; row < batch.length; row++) {
      for (const address of [src!, dst!]) {
        address.family[row] = 4
        address.v4[row] = Math.floor(random() ** 2 * hosts)
      }
      octets!.values[row] = Math.floor(20 / (random() + 1e-9) ** skew)
    }
    if (table.add(batch)) continue
    leave()
    table.add(batch)
  }
  leave()
  writer.finish(table.sketch)
  table.close()
  return temporarySource(path)
}

/** The first rows that some slices have, with what sketches tell of `expected` or without. */
function firstRows(
  slices: readonly EntrySlice[],
  readers: SourceReaders,
  expected: readonly RunSource[] = [],
): string[] {
  const memory = new GroupMemory({ layout, rows, budgetBytes: 64 << 20, limit: LIMIT })
  memory.expect(heavyFrames(expected, readers, 2 ** 30))
  memory.start(1000)
  for (const { source, slice } of slices)
    for (const frame of readers.of(source).frames(slice)) memory.add(frame, { mask: 0, pass: 0 })
  memory.keep()
  const found: string[] = []
  memory.drain((frame, count) => {
    const size = frame.length / count
    for (let i = 0; i < count; i++) found.push(Buffer.from(frame.subarray(i * size, (i + 1) * size)).toString('hex'))
  })
  memory.close()
  return found
}

function boundOf(sources: readonly RunSource[], readers: SourceReaders): number | undefined {
  const memory = new GroupMemory({ layout, rows, budgetBytes: 64 << 20, limit: LIMIT })
  const least = memory.expect(heavyFrames(sources, readers, 2 ** 30))
  memory.close()
  return least
}

describe('the sketches of map tasks', () => {
  const range = { first: 0, count: partitions }
  const octetsOf = (row: string): number => Number(BigInt.asUintN(64, ~BigInt(`0x${row.slice(4, 20)}`)))

  for (const [name, traffic, share] of [
    ['much traffic of few pairs', { rows: 90_000, hosts: 2 ** 20, skew: 1.3 }, 0.5],
    ['pairs that come again and again', { rows: 60_000, hosts: 300, skew: 1 }, 1],
    ['pairs of like traffic', { rows: 40_000, hosts: 2 ** 30, skew: 0 }, 1],
  ] as const)
    it(`leave slices with the first rows, and tell no more than those have: ${name}`, () => {
      const random = seededRandom(traffic.rows)
      const sources = [1, 2, 3].map(() => mapped(traffic, random, true))
      const readers = new SourceReaders()
      const { entries } = listSlices(sources, readers, range, layout.strideBytes)
      const all = firstRows(entries, readers)
      const least = boundOf(sources, readers) ?? 0
      expect(least).toBeLessThan(octetsOf(all.at(-1)!))
      for (const bound of [least, octetsOf(all.at(-1)!)]) {
        const some = slicesWith(bound, entries, readers)
        expect(firstRows(some, readers)).toEqual(all)
        expect(firstRows(some, readers, sources)).toEqual(all)
        if (share < 1) expect(some.length).toBeLessThan(entries.length * share)
      }
      readers.close()
    })

  it('are not missed where a file has none, or few entries', () => {
    const random = seededRandom(3)
    const traffic = { rows: 90_000, hosts: 2 ** 20, skew: 1.3 }
    const few = { ...traffic, rows: 500 }
    const sources = [mapped(traffic, random, true), mapped(few, random, true), mapped(few, random, false)]
    const readers = new SourceReaders()
    const { entries } = listSlices(sources, readers, range, layout.strideBytes)
    const some = slicesWith(boundOf(sources, readers)!, entries, readers)
    expect(firstRows(some, readers)).toEqual(firstRows(entries, readers))
    expect(some.length).toBeLessThan(entries.length / 2)
    readers.close()
  })

  it('tell nothing when all that is known are fewer keys than are wanted', () => {
    const sources = [mapped({ rows: 100, hosts: 2 ** 20, skew: 0 }, seededRandom(4), true)]
    const readers = new SourceReaders()
    expect(boundOf(sources, readers)).toBeUndefined()
    readers.close()
  })

  it('are read only as far as that is little beside the entries', () => {
    const random = seededRandom(5)
    const sources = [1, 2].map(() => mapped({ rows: 20_000, hosts: 2 ** 20, skew: 1.3 }, random, true))
    const readers = new SourceReaders()
    const framesFor = (bytes: number): number => [...heavyFrames(sources, readers, bytes)].length
    expect(framesFor(0)).toBe(0)
    expect(framesFor(2 ** 20)).toBe(2)
    readers.close()
  })
})
