import type { Column, ColumnSpec, ColumnType } from '../flow/column.ts'

/** How results look on a page: which columns are numbers, which are byte counts. */

const NUMBERS: ReadonlySet<ColumnType> = new Set(['u8', 'u16', 'u32', 'u53', 'i53', 'u64', 'i64', 'duration'])

/** Names that look like counters but number a thing: shown without separators. */
const IDENTIFIERS = /(^|[a-z])(port|as|vlan|proto|id|domain|if|mask|version)$/i

/** Whether a column lines up on the right. */
export function isNumber({ type }: ColumnSpec): boolean {
  return NUMBERS.has(type)
}

/** Whether a column numbers things (ports, autonomous systems) rather than counting them. */
export function isIdentifier({ name, type }: ColumnSpec): boolean {
  return NUMBERS.has(type) && IDENTIFIERS.test(name)
}

/** Whether a column counts bytes, by its name: result columns carry no unit. */
export function isBytes({ name, type }: ColumnSpec): boolean {
  return NUMBERS.has(type) && /^(rev)?bytes$|bytes(Sum|Total)?$|octets$/i.test(name)
}

/** The columns of a batch in the order of `specs`. */
export function pickColumns(
  specs: readonly ColumnSpec[],
  columns: { readonly [name: string]: Column },
): readonly Column[] {
  return specs.map(({ name }) => columns[name]!)
}
