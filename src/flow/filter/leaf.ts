import type { Batch } from '../batch.ts'
import type { Column, ColumnType } from '../column.ts'
import { FlowError } from '../errors.ts'
import type { Comparison, Filter, FlagTest, Membership, PresenceTest } from './ast.ts'
import { DURATION } from './ast.ts'
import type { Selector } from './compile.ts'
import { selectAddresses, selectPrefixes } from './leaf-address.ts'
import { selectBytes } from './leaf-bytes.ts'
import { selectFlags, selectNumbers } from './leaf-number.ts'
import { selectWide } from './leaf-wide.ts'

export type Leaf = Comparison | Membership | FlagTest | PresenceTest

/** Like `Selector`, for the column of a test, whose rows all have a value. */
export type ColumnSelector = (column: Column, selection: Uint32Array, count: number) => number

/** The loop of one test, chosen by the type of its column. */
export function leafSelector(filter: Exclude<Filter, { type: 'and' | 'or' | 'not' }>, type: ColumnType): Selector {
  const select = filter.type === 'present' ? undefined : columnSelector(filter, type)
  const columnOf = columnGetter(filter.column)
  return (batch, selection, count) => {
    const column = columnOf(batch)
    const present = keepPresent(column, selection, count)
    return select ? select(column, selection, present) : present
  }
}

function columnSelector(filter: Comparison | Membership | FlagTest, type: ColumnType): ColumnSelector {
  if (filter.type === 'has') return selectFlags(filter.mask)
  switch (type) {
    case 'address':
      return selectAddresses(filter)
    case 'prefix':
      return selectPrefixes(filter)
    case 'text':
    case 'bytes':
      return selectBytes(filter, type)
    case 'u64':
    case 'i64':
      return selectWide(filter)
    default:
      return selectNumbers(filter, type)
  }
}

/** Keeps the rows that have a value, or an address. */
function keepPresent(column: Column, selection: Uint32Array, count: number): number {
  const present = column.valid ? keepNonZero(column.valid, selection, count) : count
  const hasFamily = column.type === 'address' || column.type === 'prefix'
  return hasFamily ? keepNonZero(column.family, selection, present) : present
}

function keepNonZero(bytes: Uint8Array, selection: Uint32Array, count: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const row = selection[i]!
    selection[kept] = row
    kept += bytes[row] === 0 ? 0 : 1
  }
  return kept
}

function columnGetter(name: string): (batch: Batch) => Column {
  const durations = { type: 'duration' as const, values: new Float64Array(0) }
  return (batch) => {
    const column = batch.columns[name]
    if (column) return column
    const { start, end } = batch.columns
    if (name !== DURATION || start?.type !== 'instant' || end?.type !== 'instant') {
      throw new FlowError('bad-filter', `flow: filter expected a batch with a column ${name}, got one without`, {
        name,
      })
    }
    if (durations.values.length < batch.length) durations.values = new Float64Array(batch.capacity)
    for (let row = 0; row < batch.length; row++) durations.values[row] = end.values[row]! - start.values[row]!
    return durations
  }
}
