import { formatAddressBytes } from '../../../src/flow/address.ts'
import type { Batch } from '../../../src/flow/batch.ts'
import { COLUMN_TYPES, type ColumnSpec, type ColumnType } from '../../../src/flow/column.ts'
import type { Filter, Literal } from '../../../src/flow/filter/ast.ts'
import { columnTypes, junction } from '../../../src/flow/filter/parse.ts'
import { maskAddress, parsePrefix } from '../../../src/flow/prefix.ts'
import { parseInstant } from '../../../src/flow/time.ts'
import type { Value } from '../../../src/flow/value.ts'
import { fc } from '../../kit/fast-check.ts'
import { anyRows, anyValue, batchOf } from '../columns.ts'

/** A column of every type, once as it is and once nullable, and those that filters know by name. */
export const EVERY_TYPE: readonly ColumnSpec[] = [
  ...COLUMN_TYPES.map((type) => ({ name: `c_${type}`, type })),
  ...COLUMN_TYPES.map((type) => ({ name: `n_${type}`, type, nullable: true })),
  { name: 'start', type: 'instant' },
  { name: 'end', type: 'instant' },
  { name: 'tcpFlags', type: 'u16' },
  { name: 'flags', type: 'u32' },
  { name: 'proto', type: 'u8' },
]

const ORDERED: ReadonlySet<ColumnType> = new Set([
  'u8',
  'u16',
  'u32',
  'u53',
  'i53',
  'u64',
  'i64',
  'instant',
  'duration',
])

/** A value of a column as a filter holds it. */
function asLiteral(type: ColumnType, value: Value): Literal {
  if (type === 'instant') return typeof value === 'string' ? parseInstant(value) : 0
  if (type === 'duration') return Math.abs(Number(value))
  return typeof value === 'bigint' ? String(value) : (value ?? fallback(type))
}

const fallback = (type: ColumnType): Literal => (type === 'prefix' ? '10.0.0.0/8' : '10.1.2.3')

/** Literals of a column: values it can have, so that rows match; for addresses also prefixes around them. */
function anyLiteral(spec: ColumnSpec): fc.Arbitrary<Literal> {
  const values = anyValue({ ...spec, nullable: false }).map((value) => asLiteral(spec.type, value))
  if (spec.type !== 'address') return values
  const prefixes = fc.tuple(values, fc.nat(128)).map(([value, n]) => {
    const { bytes } = parsePrefix(String(value))
    const bits = n % (bytes.length * 8 + 1)
    return `${formatAddressBytes(maskAddress(bytes, bits))}/${bits}`
  })
  return fc.oneof(values, prefixes)
}

function anyTest(spec: ColumnSpec): fc.Arbitrary<Filter> {
  const column = spec.name
  const operators = ORDERED.has(spec.type) ? (['=', '!=', '<', '<=', '>', '>='] as const) : (['=', '!='] as const)
  const compare = fc
    .record({ operator: fc.constantFrom(...operators), value: anyLiteral(spec) })
    .filter(({ operator, value }) => !(operator === '!=' && spec.type === 'address' && String(value).includes('/')))
    .map((rest): Filter => ({ type: 'compare', column, ...rest }))
  const values = fc.array(anyLiteral(spec), { minLength: 1, maxLength: 4 })
  return fc.oneof(
    compare,
    values.map((list): Filter => ({ type: 'in', column, values: list })),
    fc.constant<Filter>({ type: 'present', column }),
  )
}

const flagTests = fc.oneof(
  fc.integer({ min: 1, max: 511 }).map((mask): Filter => ({ type: 'has', column: 'tcpFlags', mask })),
  fc.integer({ min: 0, max: 9 }).map((bit): Filter => ({ type: 'has', column: 'flags', mask: 1 << bit })),
)
const tests = fc.oneof(
  fc.constantFrom(...EVERY_TYPE, { name: 'duration', type: 'duration' as const }).chain(anyTest),
  flagTests,
)

/** Any filter made of some tests. */
const filtersOf = (leaves: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> =>
  fc.letrec<{ filter: Filter; terms: Filter[] }>((tie) => ({
    terms: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves,
      fc.record({ type: fc.constant('not' as const), term: tie('filter') }),
      tie('terms').map((terms) => junction('and', terms)),
      tie('terms').map((terms) => junction('or', terms)),
    ),
  })).filter

export const anyFilter = filtersOf(tests)

const PLAIN: readonly ColumnType[] = ['u8', 'u16', 'u32', 'u53', 'i53', 'instant', 'duration', 'boolean', 'address']

/** Filters of comparisons of numbers and addresses that are always there. */
export const plainFilter = filtersOf(
  fc
    .constantFrom(...EVERY_TYPE.filter(({ type, nullable }) => PLAIN.includes(type) && !nullable))
    .chain(anyTest)
    .filter(({ type }) => type !== 'present'),
)

export const types = columnTypes(EVERY_TYPE)

/** Rows whose values often equal those of the filter. */
export function rowsNear(filter: Filter, maxLength = 12): fc.Arbitrary<Batch> {
  return anyRows(EVERY_TYPE, { maxLength }).map((rows) => {
    const literals = literalsOf(filter)
    const near = rows.map((row, r) =>
      row.map((value, i) => {
        const { name, type } = EVERY_TYPE[i]!
        const same = literals.filter(({ column, value: literal }) => column === name && !String(literal).includes('/'))
        const chosen = same[r % Math.max(1, same.length)]?.value
        if (chosen === undefined || r % 3 === 2 || type === 'prefix') return value
        return type === 'u64' || type === 'i64' ? BigInt(chosen) : chosen
      }),
    )
    return batchOf(EVERY_TYPE, near)
  })
}

function literalsOf(filter: Filter): { column: string; value: Literal }[] {
  switch (filter.type) {
    case 'and':
    case 'or':
      return filter.terms.flatMap(literalsOf)
    case 'not':
      return literalsOf(filter.term)
    case 'compare':
      return [{ column: filter.column, value: filter.value }]
    case 'in':
      return filter.values.map((value) => ({ column: filter.column, value }))
    default:
      return []
  }
}
