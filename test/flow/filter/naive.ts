import { parseAddressExact } from '../../../src/flow/address.ts'
import type { Batch } from '../../../src/flow/batch.ts'
import type { Column } from '../../../src/flow/column.ts'
import type { Filter, Literal, Operator } from '../../../src/flow/filter/ast.ts'
import { maskAddress, parsePrefix } from '../../../src/flow/prefix.ts'
import { parseInstant } from '../../../src/flow/time.ts'
import { valueAt } from '../../../src/flow/value.ts'

/** Evaluates a filter row by row in the plainest way: the oracle of the compiled one. */
export function naiveSelect(filter: Filter, batch: Batch): number[] {
  return Array.from({ length: batch.length }, (_, row) => row).filter((row) => matches(filter, batch, row))
}

function matches(filter: Filter, batch: Batch, row: number): boolean {
  switch (filter.type) {
    case 'and':
      return filter.terms.every((term) => matches(term, batch, row))
    case 'or':
      return filter.terms.some((term) => matches(term, batch, row))
    case 'not':
      return !matches(filter.term, batch, row)
    case 'present':
      return plain(batch, filter.column, row) !== null
    case 'has': {
      const value = plain(batch, filter.column, row)
      return value !== null && (Number(value) & filter.mask) === filter.mask
    }
    case 'in':
      return filter.values.some((value) => compares(batch, filter.column, row, '=', value))
    case 'compare':
      return compares(batch, filter.column, row, filter.operator, filter.value)
  }
}

/** The value as a filter sees it: times in milliseconds. */
function plain(batch: Batch, name: string, row: number): ReturnType<typeof valueAt> {
  const column = batch.columns[name]
  if (!column) return Number(plain(batch, 'end', row)) - Number(plain(batch, 'start', row))
  const value = valueAt(column, row)
  return column.type === 'instant' && typeof value === 'string' ? parseInstant(value) : value
}

function compares(batch: Batch, name: string, row: number, operator: Operator, literal: Literal): boolean {
  const value = plain(batch, name, row)
  if (value === null) return false
  const type: Column['type'] = batch.columns[name]?.type ?? 'duration'
  if (type === 'address') return isInside(String(value), String(literal)) === (operator === '=')
  const other = typeof value === 'bigint' ? BigInt(literal) : literal
  switch (operator) {
    case '=':
      return value === other
    case '!=':
      return value !== other
    case '<':
      return value < other
    case '<=':
      return value <= other
    case '>':
      return value > other
    case '>=':
      return value >= other
  }
}

function isInside(address: string, prefix: string): boolean {
  const { bytes, bits } = parsePrefix(prefix)
  const own = parseAddressExact(address)
  return own.length === bytes.length && Buffer.compare(maskAddress(own, bits), bytes) === 0
}
