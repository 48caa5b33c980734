import type { NumericColumn } from '../column.ts'
import type { Comparison, Membership, Operator } from './ast.ts'
import type { ColumnSelector } from './leaf.ts'

const MATCHES: { readonly [O in Operator]: (a: bigint, b: bigint) => boolean } = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

/** Tests of 64-bit columns, which extra elements and results have and flows have not; simple rather than fast. */
export function selectWide(filter: Comparison | Membership): ColumnSelector {
  const members = new Set(filter.type === 'in' ? filter.values.map((value) => BigInt(value)) : [])
  const value = filter.type === 'compare' ? BigInt(filter.value) : 0n
  const matches = filter.type === 'compare' ? MATCHES[filter.operator] : (a: bigint) => members.has(a)
  return (column, selection, count) => {
    const { values } = column as NumericColumn<'u64' | 'i64'>
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      if (matches(values[row]!, value)) selection[kept++] = row
    }
    return kept
  }
}
