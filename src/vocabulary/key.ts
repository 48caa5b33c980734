import type { ColumnType } from '../flow/column.ts'
import { parseDuration } from '../flow/time.ts'
import type { ColumnTypeOf } from './column-type.ts'

/** What a declarative job groups by: the name of a column, or an expression over one. */
export type KeyExpression<C extends string = string> = C | PrefixKey<C> | TimeBinKey<C> | LookupKey<C>

/** The network an address lies in. */
export interface PrefixKey<C extends string = string> {
  readonly type: 'prefix'
  readonly column: C
  readonly bits4: number
  readonly bits6: number
}

/** The start of the bin a time lies in. */
export interface TimeBinKey<C extends string = string> {
  readonly type: 'timeBin'
  readonly column: C
  readonly sizeMs: number
  /** IANA name of the time zone whose days and hours the bins follow. */
  readonly zone: string
}

/** An attribute of the longest prefix of a lookup table that holds an address; empty text when none does. */
export interface LookupKey<C extends string = string> {
  readonly type: 'lookup'
  readonly table: string
  readonly column: C
  readonly attribute: string
}

/** The column type an expression has over a row. */
export type KeyColumnType<E, R> = E extends { readonly type: 'prefix' }
  ? 'prefix'
  : E extends { readonly type: 'timeBin' }
    ? 'instant'
    : E extends { readonly type: 'lookup' }
      ? 'text'
      : E extends keyof R
        ? R[E] extends ColumnType
          ? R[E]
          : never
        : never

const PREFIX_TYPE: ColumnTypeOf<'prefix'> = Object.freeze({ column: 'prefix' })

/** The column type of prefixes: CIDR text such as `10.0.0.0/8`. */
export function prefix(): ColumnTypeOf<'prefix'>
/** The network that an address column lies in: the first `bits4` bits of an IPv4 address, `bits6` of an IPv6 address. */
export function prefix<const C extends string>(column: C, bits4?: number, bits6?: number): PrefixKey<C>
export function prefix(column?: string, bits4 = 24, bits6 = 64): ColumnTypeOf<'prefix'> | PrefixKey {
  return column === undefined ? PREFIX_TYPE : Object.freeze({ type: 'prefix', column, bits4, bits6 })
}

/**
 * The start of the bin of `size` (`'5m'`, `'1d'`, or milliseconds) that a time lies in; `start` unless another column is named. Bins follow
 * the clock of `zone` (UTC unless given): days begin at its midnight, and last 23 or 25 hours when its clocks change.
 */
export function timeBin(
  size: string | number,
  options?: { readonly zone?: string; readonly column?: undefined },
): TimeBinKey<'start'>
export function timeBin<const C extends string>(
  size: string | number,
  options: { readonly zone?: string; readonly column: C },
): TimeBinKey<C>
export function timeBin(
  size: string | number,
  options: { readonly zone?: string; readonly column?: string | undefined } = {},
): TimeBinKey {
  const { zone = 'UTC', column = 'start' } = options
  return Object.freeze({ type: 'timeBin', column, sizeMs: typeof size === 'number' ? size : parseDuration(size), zone })
}

/** The attribute that the table `table` of the configuration gives for an address: of its longest prefix that holds the address, else empty text. */
export function lookup<const C extends string>(table: string, column: C, attribute: string): LookupKey<C> {
  return Object.freeze({ type: 'lookup', table, column, attribute })
}
