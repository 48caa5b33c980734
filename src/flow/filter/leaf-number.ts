import type { Column, ColumnType, NumericColumn } from '../column.ts'
import type { Comparison, Membership, Operator } from './ast.ts'
import type { ColumnSelector } from './leaf.ts'

/** Tests of columns whose values are numbers. Each loop writes every row and counts it only when it matches, so that it has no branch. */

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

type Loop = (values: Numbers, value: number, selection: Uint32Array, count: number) => number

export function selectNumbers(filter: Comparison | Membership, type: ColumnType): ColumnSelector {
  if (filter.type === 'in') return selectMembers(filter.values.map(Number), type)
  const loop = LOOPS[filter.operator]
  const value = Number(filter.value)
  return (column, selection, count) => loop(numbersOf(column), value, selection, count)
}

function numbersOf(column: Column): Numbers {
  return (column as NumericColumn<'u8' | 'u16' | 'u32' | 'u53'>).values
}

const LOOPS: { readonly [O in Operator]: Loop } = {
  '='(values, value, selection, count) {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += values[row] === value ? 1 : 0
    }
    return kept
  },
  '!='(values, value, selection, count) {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += values[row] !== value ? 1 : 0
    }
    return kept
  },
  '<'(values, value, selection, count) {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += values[row]! < value ? 1 : 0
    }
    return kept
  },
  '<='(values, value, selection, count) {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += values[row]! <= value ? 1 : 0
    }
    return kept
  },
  '>'(values, value, selection, count) {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += values[row]! > value ? 1 : 0
    }
    return kept
  },
  '>='(values, value, selection, count) {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const row = selection[i]!
      selection[kept] = row
      kept += values[row]! >= value ? 1 : 0
    }
    return kept
  },
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
