import type { ColumnType } from '../flow/column.ts'

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
export type KeyColumnType<E, R> = E extends PrefixKey
  ? 'prefix'
  : E extends TimeBinKey
    ? 'instant'
    : E extends LookupKey
      ? 'text'
      : E extends keyof R
        ? R[E] extends ColumnType
          ? R[E]
          : never
        : never
