import type { ColumnSpec } from '../../flow/column.ts'
import { suggest } from '../../flow/nearest.ts'
import type { KeyExpression } from '../../vocabulary/key.ts'
import type { LookupTable } from '../lookup/table.ts'
import { checkName, findColumn, show } from './check.ts'
import { isZone } from './zone.ts'

/** A key column of a declarative job: a column as it is, or an expression over one. */
export interface KeyPart {
  readonly spec: ColumnSpec
  readonly column: string
  readonly expression: Exclude<KeyExpression, string> | undefined
}

/** What key expressions are checked against. */
export interface KeyScope {
  readonly input: string
  readonly columns: readonly ColumnSpec[]
  readonly lookups: ReadonlyMap<string, LookupTable>
}

/** Checks the expressions of `groupBy`. */
export function checkKeys(groupBy: object, scope: KeyScope, problems: string[]): KeyPart[] {
  const parts: KeyPart[] = []
  for (const [name, expression] of Object.entries(groupBy)) {
    checkName(name, 'groupBy', problems)
    const part = checkKey(name, expression, scope, problems)
    if (part) parts.push(part)
  }
  return parts
}

function checkKey(name: string, expression: unknown, scope: KeyScope, problems: string[]): KeyPart | undefined {
  const where = `groupBy ${name}`
  if (!isExpression(expression)) {
    problems.push(`${where}: expected a column, prefix(...), timeBin(...) or lookup(...), got ${show(expression)}`)
    return undefined
  }
  const column = typeof expression === 'string' ? expression : expression.column
  const source = findColumn(scope.columns, column, where, scope.input, problems)
  if (!source) return undefined
  if (typeof expression === 'string') {
    const spec = { name, type: source.type, ...(source.nullable ? { nullable: true } : {}) }
    return { spec, column, expression: undefined }
  }
  const before = problems.length
  const spec = { name, ...checkExpression(expression, source, where, scope, problems) }
  return problems.length > before ? undefined : { spec, column, expression }
}

function isExpression(value: unknown): value is KeyExpression {
  if (typeof value === 'string') return true
  if (typeof value !== 'object' || value === null || !('type' in value)) return false
  return value.type === 'prefix' || value.type === 'timeBin' || value.type === 'lookup'
}

/** The type of an expression over a column. */
function checkExpression(
  expression: Exclude<KeyExpression, string>,
  source: ColumnSpec,
  where: string,
  scope: KeyScope,
  problems: string[],
): Omit<ColumnSpec, 'name'> {
  switch (expression.type) {
    case 'prefix':
      expectType(source, 'address', where, problems)
      checkBits(expression.bits4, 32, `${where}: IPv4`, problems)
      checkBits(expression.bits6, 128, `${where}: IPv6`, problems)
      return { type: 'prefix' }
    case 'timeBin':
      expectType(source, 'instant', where, problems)
      if (!(Number.isSafeInteger(expression.sizeMs) && expression.sizeMs > 0))
        problems.push(`${where}: bin expected whole milliseconds above 0, got ${show(expression.sizeMs)}`)
      if (!isZone(expression.zone))
        problems.push(`${where}: zone expected an IANA name such as Europe/Berlin, got ${show(expression.zone)}`)
      return { type: 'instant', ...(source.nullable ? { nullable: true } : {}) }
    case 'lookup': {
      expectType(source, 'address', where, problems)
      const table = scope.lookups.get(expression.table)
      const tables = [...scope.lookups.keys()]
      if (!table) {
        const known = tables.length > 0 ? suggest(expression.table, tables) : ', the configuration has none'
        problems.push(`${where}: lookup expected a table of the configuration, got ${show(expression.table)}${known}`)
      } else if (!table.attributes.includes(expression.attribute)) {
        const nearest = suggest(expression.attribute, table.attributes)
        problems.push(
          `${where}: lookup expected an attribute of ${table.name}, got ${show(expression.attribute)}${nearest}`,
        )
      }
      return { type: 'text' }
    }
  }
}

function expectType(source: ColumnSpec, type: 'address' | 'instant', where: string, problems: string[]): void {
  if (source.type !== type)
    problems.push(
      `${where}: expected ${type === 'address' ? 'an address' : 'a time'} column, got ${source.name} (${source.type})`,
    )
}

function checkBits(bits: number, most: number, where: string, problems: string[]): void {
  if (!(Number.isInteger(bits) && bits >= 0 && bits <= most))
    problems.push(`${where} prefix length expected 0..${most}, got ${show(bits)}`)
}
