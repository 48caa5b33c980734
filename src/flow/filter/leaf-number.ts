import type { Column, ColumnType, NumericColumn } from '../column.ts'
import type { Comparison, Membership, Operator } from './ast.ts'
import type { ColumnSelector } from './leaf.ts'

/** Tests of columns whose values are whole numbers. Each loop writes every row and counts it only when it matches, so that it has no branch. */

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

export function selectNumbers(filter: Comparison | Membership, type: ColumnType): ColumnSelector {
  if (filter.type === 'in') return selectMembers(filter.values.map(Number), type)
  const [low, high] = rangeOf(filter.operator, Number(filter.value))
  const outside = filter.operator === '!=' ? 1 : 0
  return (column, selection, count) => keepInRange(numbersOf(column), low, high, outside, selection, count)
}

/** The whole numbers that a comparison takes, from and to inclusive; for `!=` those that it does not. */
export function rangeOf(operator: Operator, value: number): readonly [low: number, high: number] {
  switch (operator) {
    case '<':
      return [Number.NEGATIVE_INFINITY, Math.ceil(value) - 1]
    case '<=':
      return [Number.NEGATIVE_INFINITY, value]
    case '>':
      return [Math.floor(value) + 1, Number.POSITIVE_INFINITY]
    case '>=':
      return [value, Number.POSITIVE_INFINITY]
    default:
      return [value, value]
  }
}

/** Keeps the rows within a range, or those outside (1). One loop per kind of array, so that each is compiled for its own. */
function keepInRange(
  values: Numbers,
  low: number,
  high: number,
  outside: 0 | 1,
  selection: Uint32Array,
  count: number,
): number {
  let kept = 0
  if (values instanceof Uint8Array)
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      const value = values[row]!
      selection[kept] = row
      kept += (value >= low && value <= high ? 1 : 0) ^ outside
    }
  else if (values instanceof Uint16Array)
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      const value = values[row]!
      selection[kept] = row
      kept += (value >= low && value <= high ? 1 : 0) ^ outside
    }
  else if (values instanceof Uint32Array)
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      const value = values[row]!
      selection[kept] = row
      kept += (value >= low && value <= high ? 1 : 0) ^ outside
    }
  else
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      const value = values[row]!
      selection[kept] = row
      kept += (value >= low && value <= high ? 1 : 0) ^ outside
    }
  return kept
}

function numbersOf(column: Column): Numbers {
  return (column as NumericColumn<'u8' | 'u16' | 'u32' | 'u53'>).values
}

/** Membership by a table for values of up to 16 bits, by a set for wider ones. */
function selectMembers(members: readonly number[], type: ColumnType): ColumnSelector {
  if (type === 'u8' || type === 'u16' || type === 'boolean') {
    const table = new Uint8Array(65_536)
    for (const member of members) table[member] = 1
    return (column, selection, count) => keepInTable(numbersOf(column), table, selection, count)
  }
  const set = new Set(members)
  return (column, selection, count) => keepInSet(numbersOf(column), set, selection, count)
}

function keepInTable(values: Numbers, table: Uint8Array, selection: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = selection[i]!
    selection[kept] = row
    kept += table[values[row]!]!
  }
  return kept
}

function keepInSet(values: Numbers, set: ReadonlySet<number>, selection: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = selection[i]!
    selection[kept] = row
    kept += set.has(values[row]!) ? 1 : 0
  }
  return kept
}

/** Keeps the rows in which all bits of the mask are set. */
export function selectFlags(mask: number): ColumnSelector {
  return (column, selection, count) => {
    const values = numbersOf(column)
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += (values[row]! & mask) === mask ? 1 : 0
    }
    return kept
  }
}
