import type { ColumnSpec } from '../../src/flow/column.ts'
import type { AggregateSpec } from '../../src/runtime/program.ts'
import type { TestValue } from './rows.ts'
import { compareRows } from './rows.ts'

/** Key columns and one column per aggregate. */
export const outputOf = (key: readonly ColumnSpec[], aggregates: readonly AggregateSpec[]): ColumnSpec[] => [
  ...key,
  ...aggregates.map(({ name, type }) => ({ name, type })),
]

/** Groups and folds rows of key and value columns with maps and bigints: slow, and right. */
export function oracle(
  key: readonly ColumnSpec[],
  value: readonly ColumnSpec[],
  aggregates: readonly AggregateSpec[],
  rows: readonly (readonly TestValue[])[],
): TestValue[][] {
  const groups = new Map<string, { key: TestValue[]; rows: (readonly TestValue[])[] }>()
  for (const row of rows) {
    const parts = row.slice(0, key.length)
    const name = JSON.stringify(parts, (_, part) => (typeof part === 'bigint' ? `n${part}` : part))
    const group = groups.get(name) ?? { key: parts, rows: [] }
    group.rows.push(row.slice(key.length))
    groups.set(name, group)
  }
  return [...groups.values()]
    .sort((a, b) => compareRows(key, a.key, b.key))
    .map((group) => [...group.key, ...aggregates.map((aggregate) => fold(aggregate, value, group.rows))])
}

function fold(spec: AggregateSpec, value: readonly ColumnSpec[], rows: readonly (readonly TestValue[])[]): TestValue {
  const at = value.findIndex(({ name }) => name === spec.input)
  const column = value.slice(at, at + 1)
  if (spec.aggregate === 'count') return rows.length
  const present = rows.map((row) => row[at]!).filter((item) => item !== null)
  const sorted = present.map((item) => [item]).sort((a, b) => compareRows(column, a, b))
  switch (spec.aggregate) {
    case 'sum': {
      const total = present.reduce<bigint>((sum, item) => sum + BigInt(item as number | bigint), 0n)
      return spec.type === 'u64' || spec.type === 'i64' ? total : Number(total)
    }
    case 'min':
      return sorted[0]?.[0] ?? 0
    case 'max':
      return sorted.at(-1)?.[0] ?? 0
    case 'distinct':
      return new Set(present.map((item) => String(item))).size
    case 'quantile':
      return sorted[Math.max(1, Math.ceil(Number(spec.options.q) * sorted.length)) - 1]?.[0] ?? 0
    default:
      return top(
        sorted.map(([item]) => String(item)),
        Number(spec.options.n),
      )
  }
}

function top(sorted: readonly string[], n: number): string {
  const counts = new Map<string, number>()
  for (const item of sorted) counts.set(item, (counts.get(item) ?? 0) + 1)
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, n)
    .map(([item, times]) => `${item}:${times}`)
    .join(' ')
}
