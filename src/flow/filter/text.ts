import type { ColumnType } from '../column.ts'
import type { Filter } from './ast.ts'
import { notedFlagName, tcpFlagLetters } from './flags.ts'
import { formatLiteral } from './literal.ts'

/** The canonical text of a filter: shorthands resolved, one way to write each test. It parses back to an equal filter. */
export function formatFilter(filter: Filter, types: ReadonlyMap<string, ColumnType>): string {
  const literal = (column: string, value: Parameters<typeof formatLiteral>[0]): string =>
    formatLiteral(value, column, types.get(column)!)
  switch (filter.type) {
    case 'and':
    case 'or':
      return filter.terms.map((term) => formatTerm(term, filter.type, types)).join(` ${filter.type} `)
    case 'not':
      return `not ${formatTerm(filter.term, 'not', types)}`
    case 'compare':
      return `${filter.column} ${filter.operator} ${literal(filter.column, filter.value)}`
    case 'in':
      return `${filter.column} in [${filter.values.map((value) => literal(filter.column, value)).join(', ')}]`
    case 'has':
      return `${filter.column} ${filter.column === 'flags' ? notedFlagName(filter.mask) : tcpFlagLetters(filter.mask)}`
    case 'present':
      return `${filter.column} present`
  }
}

/** `or` binds less than `and`, which binds less than `not`. */
function formatTerm(term: Filter, outer: 'and' | 'or' | 'not', types: ReadonlyMap<string, ColumnType>): string {
  const text = formatFilter(term, types)
  const isLooser = term.type === 'or' || (term.type === 'and' && outer === 'not')
  return isLooser ? `(${text})` : text
}
