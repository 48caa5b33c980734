import type { VariableColumn } from '../column.ts'
import type { Comparison, Membership } from './ast.ts'
import type { ColumnSelector } from './leaf.ts'

/** Tests of text and bytes: equality, byte by byte. */
export function selectBytes(filter: Comparison | Membership, type: 'text' | 'bytes'): ColumnSelector {
  const literals = filter.type === 'in' ? filter.values : [filter.value]
  const wanted = literals.map((value) => Buffer.from(String(value), type === 'text' ? 'utf8' : 'hex'))
  const keepsEqual = filter.type === 'in' || filter.operator === '='
  return (column, selection, count) => {
    const { offsets, data } = column as VariableColumn
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      let isEqual = false
      for (let w = 0; w < wanted.length && !isEqual; w++)
        isEqual = equalBytes(data, offsets[row]!, offsets[row + 1]!, wanted[w]!)
      if (isEqual === keepsEqual) selection[kept++] = row
    }
    return kept
  }
}

function equalBytes(data: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (data[start + i] !== wanted[i]) return false
  return true
}
