import type { ColumnSpec } from '../../flow/column.ts'
import type { Program } from '../program.ts'

/** The value columns of a custom reduce in the order that sorts them. */
export function orderedValues({ value, fold }: Program): readonly ColumnSpec[] {
  const first = fold.type === 'reduce' ? fold.valueOrder : []
  const rank = ({ name }: ColumnSpec): number => (first.includes(name) ? first.indexOf(name) : first.length)
  return value.toSorted((a, b) => rank(a) - rank(b))
}
