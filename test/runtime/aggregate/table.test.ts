import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBatch } from '../../../src/flow/batch.ts'
import { RowCodec } from '../../../src/flow/canonical.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { AggregateSet } from '../../../src/runtime/aggregate/aggregate-set.ts'
import { CombinedCursor } from '../../../src/runtime/aggregate/combine.ts'
import { AggregateFinisher } from '../../../src/runtime/aggregate/finish.ts'
import { AggregateTable } from '../../../src/runtime/aggregate/table.ts'
import type { AggregateSpec } from '../../../src/runtime/program.ts'
import { mergeCursors } from '../../../src/runtime/shuffle/merge.ts'
import { RunReader } from '../../../src/runtime/shuffle/run-reader.ts'
import { RunWriter } from '../../../src/runtime/shuffle/run-writer.ts'
import { fc } from '../../kit/fast-check.ts'
import { oracle, outputOf } from '../../kit/fold-oracle.ts'
import type { TestValue } from '../../kit/rows.ts'
import { rowArbitrary, rowsOf, setRow, specsArbitrary } from '../../kit/rows.ts'

const VALUE: readonly ColumnSpec[] = [
  { name: 'octets', type: 'u53' },
  { name: 'big', type: 'u64' },
  { name: 'signed', type: 'i64' },
  { name: 'delta', type: 'i53', nullable: true },
  { name: 'peer', type: 'address' },
  { name: 'label', type: 'text' },
]

const spec = (aggregate: string, input: string | undefined, type: AggregateSpec['type'], options = {}) =>
  ({ name: `${aggregate}_${input}`, aggregate, options, type, ...(input ? { input } : {}) }) satisfies AggregateSpec

const AGGREGATES: readonly AggregateSpec[] = [
  spec('sum', 'octets', 'u64'),
  spec('sum', 'delta', 'i64'),
  spec('count', undefined, 'u53'),
  spec('min', 'delta', 'i53'),
  spec('max', 'octets', 'u53'),
  spec('min', 'peer', 'address'),
  spec('max', 'big', 'u64'),
  spec('max', 'label', 'text'),
  spec('distinct', 'peer', 'u53'),
  spec('quantile', 'octets', 'u53', { q: 0.9 }),
  spec('top', 'label', 'text', { n: 2 }),
]

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'table-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Case {
  readonly key: readonly ColumnSpec[]
  readonly rows: readonly (readonly TestValue[])[]
}

const small = (specs: readonly ColumnSpec[]) => fc.array(rowArbitrary(specs), { minLength: 1, maxLength: 4 })
const cases: fc.Arbitrary<Case> = specsArbitrary.chain((specs) => {
  const key = specs.map(({ name, ...rest }) => ({ name: `k${name}`, ...rest }))
  return small(key).chain((keys) =>
    fc
      .array(fc.tuple(fc.constantFrom(...keys), rowArbitrary(VALUE)), { maxLength: 40 })
      .map((pairs) => ({ key, rows: pairs.map(([k, v]) => [...k, ...v]) })),
  )
})

/** Runs rows through tables of a tiny budget, run files, merges and the finisher, as map and reduce tasks do. */
function run({ key, rows }: Case, aggregates: readonly AggregateSpec[], splits: number, partitions: number) {
  const specs = [...key, ...VALUE]
  const files: string[] = []
  const flush = (table: AggregateTable): void => {
    const header = { content: 'aggregate' as const, key, value: VALUE, partitions }
    const writer = new RunWriter(join(folder, `${files.length}.run`), header)
    table.writeTo(writer, partitions)
    files.push(writer.finish().path)
    table.clear()
  }
  for (let split = 0; split < splits; split++) {
    const table = new AggregateTable({ key, value: VALUE, aggregates, budgetBytes: split % 2 === 0 ? 1 : 1e6 })
    for (let start = split * 3; start < rows.length; start += splits * 3) {
      const part = rows.slice(start, start + 3)
      const batch = createBatch(specs, part.length)
      part.forEach((row, i) => {
        setRow(batch, specs, i, row)
      })
      if (!table.add(batch)) {
        flush(table)
        expect(table.add(batch)).toBe(true)
      }
    }
    flush(table)
  }
  const output = outputOf(key, aggregates)
  const results: TestValue[][] = []
  const readers = files.map((path) => new RunReader(path))
  for (let partition = 0; partition < partitions; partition++) {
    const half = Math.ceil(readers.length / 2)
    const cursors = [readers.slice(0, half), readers.slice(half)].map(
      (some) =>
        new CombinedCursor(
          mergeCursors(some.map((reader) => reader.cursor(partition))),
          new RowCodec(key),
          new AggregateSet(aggregates, VALUE),
        ),
    )
    const finisher = new AggregateFinisher(
      { key, value: VALUE, aggregates, output },
      { add: (batch) => results.push(...rowsOf(batch, output)) },
    )
    const merged = mergeCursors(cursors)
    while (merged.next()) finisher.add(merged)
    finisher.finish()
  }
  for (const reader of readers) reader.close()
  return results
}

describe('aggregate tables', () => {
  it('give what grouping in memory gives, whatever the splits, spills and merges', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 4 }), (input, splits) => {
        expect(run(input, AGGREGATES, splits, 1)).toEqual(oracle(input.key, VALUE, AGGREGATES, input.rows))
      }),
      { numRuns: 150 },
    )
  })

  it('give every key to exactly one partition, in order within it', () => {
    fc.assert(
      fc.property(cases, (input) => {
        const plain = AGGREGATES.filter(({ aggregate }) => aggregate !== 'top')
        const sorted = (rows: TestValue[][]): string[] => rows.map((row) => row.map(String).join('|')).sort()
        const expected = oracle(input.key, VALUE, plain, input.rows)
        expect(sorted(run(input, plain, 3, 4))).toEqual(sorted(expected))
      }),
      { numRuns: 80 },
    )
  })

  it('sum beyond 64 bits without losing a unit, and say so when the result does not fit', () => {
    const rows = Array.from({ length: 5 }, (): TestValue[] => [
      1,
      9007199254740991,
      2n ** 64n - 1n,
      -(2n ** 63n),
      null,
      [],
      '',
    ])
    const key: readonly ColumnSpec[] = [{ name: 'k', type: 'u8' }]
    const sums = [spec('sum', 'octets', 'u64'), spec('sum', 'big', 'u64')]
    expect(run({ key, rows: rows.slice(0, 1) }, sums, 1, 1)).toEqual([[1, 9007199254740991n, 2n ** 64n - 1n]])
    expect(run({ key, rows }, [spec('sum', 'octets', 'u64')], 2, 1)).toEqual([[1, 45035996273704955n]])
    expect(() => run({ key, rows }, sums, 2, 1)).toThrow(
      'aggregate: result sum_big expected a value of type u64, got 92233720368547758075',
    )
    expect(() => run({ key, rows }, [spec('sum', 'signed', 'i64')], 2, 1)).toThrow('got -46116860184273879040')
    expect(() => run({ key, rows }, [spec('sum', 'octets', 'u53')], 2, 1)).toThrow('got 45035996273704955')
  })

  it('return to a sum that fits after it left 64 bits', () => {
    const key: readonly ColumnSpec[] = [{ name: 'k', type: 'u8' }]
    const row = (signed: bigint): TestValue[] => [1, 0, 0n, signed, null, [], '']
    const rows = [row(2n ** 63n - 1n), row(2n ** 63n - 1n), row(-(2n ** 63n)), row(-7n), row(-(2n ** 63n))]
    expect(run({ key, rows }, [spec('sum', 'signed', 'i64')], 3, 1)).toEqual([[1, -9n]])
  })

  it('name an aggregate or a column that is not there', () => {
    const make = (aggregate: AggregateSpec) => () => new AggregateSet([aggregate], VALUE)
    expect(make(spec('median', 'octets', 'u53'))).toThrow(
      'aggregate: median_octets expected a known aggregate, got median',
    )
    expect(make(spec('min', 'gone', 'u53'))).toThrow('aggregate: input of min_gone expected a value column, got gone')
    expect(make(spec('top', 'label', 'text'))).toThrow(
      'aggregate: option n of top_label expected a number, got undefined',
    )
  })
})
