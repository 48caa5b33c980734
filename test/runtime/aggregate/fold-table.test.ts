import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { createBatch } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { setValue } from '../../../src/flow/value.ts'
import type { FoldTableOptions } from '../../../src/runtime/aggregate/fold-table.ts'
import { FoldTable } from '../../../src/runtime/aggregate/fold-table.ts'
import { GroupLayout } from '../../../src/runtime/aggregate/group-layout.ts'
import { entryWriter } from '../../../src/runtime/aggregate/group-records.ts'
import { AggregateTable } from '../../../src/runtime/aggregate/table.ts'
import type { AggregateSpec } from '../../../src/runtime/program.ts'
import type { RecordSink } from '../../../src/runtime/shuffle/cursor.ts'
import { FRAME_PREFIX, sharesOf } from '../../../src/runtime/shuffle/run-file.ts'
import { fc } from '../../kit/fast-check.ts'
import { seededRandom } from '../../seeded-random.ts'

const VALUE: readonly ColumnSpec[] = [
  { name: 'octets', type: 'u53' },
  { name: 'packets', type: 'u32' },
  { name: 'signed', type: 'i53' },
]

const spec = (aggregate: string, input?: string): AggregateSpec => ({
  name: `${aggregate}_${input}`,
  aggregate,
  options: {},
  type: 'u64',
  ...(input ? { input } : {}),
})

const KEYS: readonly (readonly ColumnSpec[])[] = [
  [{ name: 'port', type: 'u16' }],
  [{ name: 'proto', type: 'u8' }],
  [{ name: 'src', type: 'address' }],
  [{ name: 'net', type: 'prefix' }],
  [
    { name: 'src', type: 'address' },
    { name: 'dst', type: 'address' },
  ],
  [
    { name: 'src', type: 'address' },
    { name: 'dst', type: 'address' },
    { name: 'bin', type: 'instant' },
  ],
  [
    { name: 'src', type: 'address' },
    { name: 'net', type: 'prefix' },
    { name: 'bin', type: 'instant' },
    { name: 'end', type: 'instant' },
    { name: 'sport', type: 'u16' },
    { name: 'proto', type: 'u8' },
    { name: 'domain', type: 'u53' },
    { name: 'interface', type: 'u32' },
  ],
]

const ADDRESSES = [
  ...[
    '10.0.0.1',
    '10.0.0.2',
    '192.0.2.255',
    '0.0.0.0',
    '255.255.255.255',
    '2001:db8::1',
    '2001:db8::2',
    '::',
    '::ffff',
    null,
  ],
]
const PREFIXES = ['10.0.0.0/8', '10.0.0.0/24', '192.0.2.0/24', '2001:db8::/32', '0.0.0.0/0']

function randomBatch(
  key: readonly ColumnSpec[],
  rows: number,
  random: () => number,
  largest: number,
  packets = 2 ** 24,
): Batch {
  const batch = createBatch([...key, ...VALUE], Math.max(1, rows))
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  for (let row = 0; row < rows; row++) {
    for (const { name, type } of key) {
      const value =
        type === 'address' ? pick(ADDRESSES) : type === 'prefix' ? pick(PREFIXES) : Math.floor(random() * 40)
      setValue(batch.columns[name]!, row, value)
    }
    setValue(batch.columns.octets!, row, Math.floor(random() * largest))
    setValue(batch.columns.packets!, row, Math.floor(random() * packets))
    setValue(batch.columns.signed!, row, Math.floor((random() - 0.5) * 1000))
  }
  batch.length = rows
  return batch
}

/** Takes records as lines. */
function lineSink(lines: string[], only?: number): RecordSink {
  return {
    append(partition, key, keyStart, keyEnd, payload, start, end) {
      const parts = [key.subarray(keyStart, keyEnd), payload.subarray(start, end)]
      lines.push([only ?? partition, ...parts.map((part) => Buffer.from(part).toString('hex'))].join(' '))
    },
  }
}

/** The records an aggregate table writes, a line each. */
function recordsOf(table: AggregateTable, partitions: number): string[] {
  const lines: string[] = []
  table.writeTo(lineSink(lines), partitions)
  return lines
}

/** The same of a fold table: its entries turned into records, and its records, in order. The table is then empty. */
function groupsOf(table: FoldTable, options: FoldTableOptions): string[] {
  const lines: string[] = []
  const write = entryWriter(GroupLayout.for(options)!)
  table.writeTo({
    partitions: options.partitions,
    slices: options.partitions * sharesOf(options.partitions),
    appendEntries(slices) {
      for (const { slice, frames, total } of slices) {
        const bytes = new Uint8Array(Buffer.concat(frames.map((frame) => frame.subarray(FRAME_PREFIX))))
        write(new Uint32Array(bytes.buffer), lineSink(lines, Math.floor(slice / sharesOf(options.partitions))))
        expect(total).toBeLessThan(Number.MAX_SAFE_INTEGER)
      }
    },
    records: () => lineSink(lines),
  })
  table.clear()
  return lines.sort()
}

describe('a fold table', () => {
  it('writes the records that an aggregate table writes, for keys of both families and any number of partitions', () => {
    const aggregates = [spec('sum', 'octets'), spec('count'), spec('sum', 'packets')]
    fc.assert(
      fc.property(
        fc.constantFrom(...KEYS),
        fc.array(fc.nat(300), { maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (key, sizes, partitions, seed) => {
          const random = seededRandom(seed)
          const options = { key, value: VALUE, aggregates, budgetBytes: 8 << 20, partitions }
          const fold = FoldTable.for(options)!
          const general = new AggregateTable(options)
          for (const size of sizes) {
            const batch = randomBatch(key, size, random, 2 ** 30)
            expect(fold.add(batch)).toBe(true)
            expect(general.add(batch)).toBe(true)
          }
          expect(fold.length).toBe(general.length)
          expect(groupsOf(fold, options)).toEqual(recordsOf(general, partitions).sort())
          expect(fold.length).toBe(0)
          expect(groupsOf(fold, options)).toEqual([])
          fold.close()
        },
      ),
      { numRuns: 100 },
    )
  })

  it('reads columns that lie in its own memory there, and gives the same', () => {
    const aggregates = [spec('sum', 'octets'), spec('count'), spec('sum', 'packets')]
    const key = KEYS[0]!
    const options = { key, value: VALUE, aggregates, budgetBytes: 8 << 20, partitions: 3 }
    const fold = FoldTable.for(options)!
    const general = new AggregateTable(options)
    const { memory } = fold.kernels
    const batch = randomBatch(key, 10_000, seededRandom(3), 2 ** 30)
    const { port, octets } = batch.columns
    const ports = new Uint16Array(memory.memory.buffer, memory.allocate(20_000), 10_000)
    const doubles = new Float64Array(memory.memory.buffer, memory.allocate(80_000), 10_000)
    if (port?.type === 'u16') ports.set(port.values)
    if (octets?.type === 'u53') doubles.set(octets.values)
    const columns = {
      ...batch.columns,
      port: { type: 'u16' as const, values: ports },
      octets: { type: 'u53' as const, values: doubles },
    }
    expect(fold.add({ ...batch, columns })).toBe(true)
    expect(general.add(batch)).toBe(true)
    expect(groupsOf(fold, options)).toEqual(recordsOf(general, 3).sort())
    fold.close()
  })

  it('asks to be written out before a sum could leave the exact doubles, and takes such a batch alone', () => {
    const aggregates = [spec('sum', 'octets')]
    const key = KEYS[0]!
    const options = { key, value: VALUE, aggregates, budgetBytes: 8 << 20, partitions: 2 }
    const fold = FoldTable.for(options)!
    const batch = randomBatch(key, 10, seededRandom(1), 10)
    const large = randomBatch(key, 10, seededRandom(2), 10)
    for (let row = 0; row < 10; row++) setValue(large.columns.octets!, row, Number.MAX_SAFE_INTEGER)
    expect(fold.add(batch)).toBe(true)
    expect(fold.add(large)).toBe(false)
    fold.clear()
    expect(fold.add(large)).toBe(true)
    const general = new AggregateTable(options)
    general.add(large)
    expect(groupsOf(fold, options)).toEqual(recordsOf(general, 2).sort())
    fold.close()
  })

  it.each([
    ['whose sums are large', Number.MAX_SAFE_INTEGER, KEYS[2]!],
    [
      'whose keys leave no room',
      1000,
      Array.from({ length: 12 }, (_, i): ColumnSpec => ({ name: `a${i}`, type: 'address' })),
    ],
  ])('takes a batch with addresses of IPv6 %s alone, and no other beside it', (_, octets, key) => {
    const options = { key, value: VALUE, aggregates: [spec('sum', 'octets')], budgetBytes: 1 << 20, partitions: 2 }
    const fold = FoldTable.for(options)!
    const random = seededRandom(5)
    const large = randomBatch(key, 16_384, random, 10)
    for (let row = 0; row < large.length; row++) setValue(large.columns.octets!, row, octets)
    const usual = randomBatch(key, 100, random, 10)
    expect(fold.add(large)).toBe(true)
    expect(fold.add(usual)).toBe(false)
    const general = new AggregateTable(options)
    general.add(large)
    expect(groupsOf(fold, options)).toEqual(recordsOf(general, 2).sort())
    expect(fold.add(usual)).toBe(true)
    general.clear()
    general.add(usual)
    expect(groupsOf(fold, options)).toEqual(recordsOf(general, 2).sort())
    fold.close()
  })

  it('goes on with keys that have a place each when every one of them was new', () => {
    const key = KEYS[0]!
    const options = { key, value: VALUE, aggregates: [spec('sum', 'octets')], budgetBytes: 8 << 20, partitions: 2 }
    const fold = FoldTable.for(options)!
    const general = new AggregateTable(options)
    const batch = randomBatch(key, 65_536, seededRandom(4), 1000)
    const { port } = batch.columns
    const ports = port?.type === 'u16' ? port.values : []
    for (let row = 0; row < ports.length; row++) ports[row] = row
    for (let round = 0; round < 2; round++) {
      expect(fold.add(batch)).toBe(true)
      general.add(batch)
    }
    expect(fold.length).toBe(65_536)
    expect(groupsOf(fold, options)).toEqual(recordsOf(general, 2).sort())
    expect(fold.add(batch)).toBe(true)
    fold.close()
  })

  it('asks to be written out before the sum in which it counts rows is full, and counts apart where one batch fills it', () => {
    const aggregates = [spec('sum', 'octets'), spec('sum', 'packets'), spec('count')]
    const options = { key: KEYS[4]!, value: VALUE, aggregates, budgetBytes: 8 << 20, partitions: 2 }
    const fold = FoldTable.for(options)!
    const [some, many] = [100, 2000].map((rows) => randomBatch(KEYS[4]!, rows, seededRandom(rows), 1000, 2 ** 32))
    const fill = (batch: Batch, most: number): number => {
      const general = new AggregateTable(options)
      let added = 0
      while (added < most && fold.add(batch)) added++
      for (let i = 0; i < added; i++) general.add(batch)
      expect(groupsOf(fold, options)).toEqual(recordsOf(general, 2).sort())
      return added
    }
    expect(fill(some!, 100)).toBe(5)
    expect(fill(many!, 100)).toBe(100)
    fold.add(some!)
    expect(fold.add(many!)).toBe(false)
    fold.close()
  })

  it('goes on for as many rows as their sums allow', () => {
    const key = KEYS[0]!
    const shape = { key, value: VALUE, aggregates: [spec('sum', 'packets')] }
    const fold = FoldTable.for({ ...shape, budgetBytes: 8 << 20, partitions: 1 })!
    const batch = randomBatch(key, 4000, seededRandom(3), 10, 2 ** 32)
    let added = 0
    while (added < 600 && fold.add(batch)) added++
    expect(added).toBe(600)
    fold.close()
  })

  it('refuses a batch that its budget cannot hold, and holds what it held', () => {
    const key: readonly ColumnSpec[] = [{ name: 'port', type: 'u32' }]
    const options = { key, value: VALUE, aggregates: [spec('count')], budgetBytes: 2 << 20, partitions: 1 }
    const fold = FoldTable.for(options)!
    const batch = createBatch([...key, ...VALUE], 8192)
    batch.length = 8192
    let taken = 0
    for (;;) {
      for (let row = 0; row < 8192; row++) setValue(batch.columns.port!, row, taken * 8192 + row)
      if (!fold.add(batch)) break
      taken++
    }
    expect(taken).toBeGreaterThan(0)
    expect(fold.length).toBe(taken * 8192)
    expect(groupsOf(fold, options)).toHaveLength(taken * 8192)
    fold.close()
  })

  it('is written out any number of times in the memory that it has, once its keys are mostly new', () => {
    const key: readonly ColumnSpec[] = [{ name: 'number', type: 'u32' }]
    const table = FoldTable.for({
      key,
      value: VALUE,
      aggregates: [spec('sum', 'packets')],
      budgetBytes: 8 << 20,
      partitions: 4,
    })!
    const rows = 8192
    const batch = createBatch([...key, ...VALUE], rows)
    batch.length = rows
    const { number, packets } = batch.columns as { [name: string]: { values: Uint32Array } }
    let sections = 0
    let entries = 0
    const writeOut = (): void => {
      sections++
      table.writeTo({
        ...{ partitions: 4, slices: 4 * sharesOf(4), records: () => lineSink([]) },
        appendEntries: (slices) => {
          for (const { frames } of slices)
            for (const { length } of frames) entries += (length - FRAME_PREFIX) / table.entryBytes
        },
      })
      table.clear()
    }
    for (let first = 0; first < 400 * rows; first += rows) {
      for (let row = 0; row < rows; row++) {
        number!.values[row] = first + row
        packets!.values[row] = 1
      }
      if (table.add(batch)) continue
      writeOut()
      expect(table.add(batch)).toBe(true)
    }
    writeOut()
    table.close()
    expect(sections).toBeGreaterThan(10)
    expect(entries).toBe(400 * rows)
  })

  it('is written out when keys that came often fill the fast caches, and goes on when they came twice', () => {
    const key: readonly ColumnSpec[] = [{ name: 'number', type: 'u32' }]
    const rows = 8192
    const batch = createBatch([...key, ...VALUE], rows)
    batch.length = rows
    const { number } = batch.columns as { [name: string]: { values: Uint32Array } }
    for (const [times, keysTaken] of [
      [4, 1 << 16],
      [2, 1 << 18],
    ] as const) {
      const options = { key, value: VALUE, aggregates: [spec('sum', 'packets')], budgetBytes: 64 << 20, partitions: 1 }
      const table = FoldTable.for(options)!
      let taken = 0
      const add = (): boolean => {
        for (let row = 0; row < rows; row++) number!.values[row] = Math.floor((taken + row) / times)
        return table.add(batch)
      }
      while (taken < times * (1 << 18) && add()) taken += rows
      expect(taken).toBe(times * keysTaken)
      table.clear()
      expect(table.add(batch)).toBe(true)
      table.close()
    }
  })

  it('is not for aggregates that the kernel does not know', () => {
    const key = KEYS[0]!
    for (const aggregates of [[spec('min', 'octets')], [spec('sum', 'signed')], [spec('count', 'octets')]]) {
      expect(FoldTable.for({ key, value: VALUE, aggregates, budgetBytes: 1e6, partitions: 1 })).toBeUndefined()
    }
  })
})
