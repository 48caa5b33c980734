import type { ColumnType } from '../flow/column.ts'
import type { Address } from './address.ts'

/** The type of a column of a key, a value or an output: `u16()`, `address()`, `instant()` ... */
export interface ColumnTypeOf<T extends ColumnType = ColumnType> {
  readonly column: T
}

/** What a column of one type holds, as `map` and `reduce` see it. */
export interface ValueTypes {
  u8: number
  u16: number
  u32: number
  u53: number
  i53: number
  u64: bigint
  i64: bigint
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  instant: number
  /** Milliseconds. */
  duration: number
  boolean: boolean
  address: Address
  /** CIDR text, such as `10.0.0.0/8`. */
  prefix: string
  text: string
  bytes: Uint8Array
}

export type ValueOf<T extends ColumnType> = ValueTypes[T]

/** What `emit` and `out` take for a column of one type: as `ValueOf`, and safe integers for the 64-bit types. */
export type EmitOf<T extends ColumnType> = T extends 'u64' | 'i64' ? bigint | number : ValueTypes[T]

/** Column types by name: the shape of a row. */
export type RowTypes = { readonly [name: string]: ColumnType }

/** A row, as user code reads it. */
export type RowOf<R extends RowTypes> = { readonly [N in keyof R]: ValueOf<R[N]> }

/** Columns as a job declares them. */
export type ColumnTypes = { readonly [name: string]: ColumnTypeOf }

/** The row that declared columns describe. */
export type RowTypesOf<C extends ColumnTypes> = { readonly [N in keyof C]: C[N]['column'] }

/** The row that `emit` or `out` takes for declared columns. */
export type EmitRow<C extends ColumnTypes> = { readonly [N in keyof C]: EmitOf<C[N]['column']> }

const columnType = <T extends ColumnType>(column: T) => {
  const type: ColumnTypeOf<T> = Object.freeze({ column })
  return (): ColumnTypeOf<T> => type
}

/** 0 .. 255. */
export const u8 = columnType('u8')
/** 0 .. 65,535. */
export const u16 = columnType('u16')
/** 0 .. 4,294,967,295. */
export const u32 = columnType('u32')
/** 0 .. 2^53 - 1, the largest integer a number holds exactly. */
export const u53 = columnType('u53')
/** -(2^53 - 1) .. 2^53 - 1. */
export const i53 = columnType('i53')
/** 0 .. 2^64 - 1; a bigint in `reduce` and in rows. */
export const u64 = columnType('u64')
/** -2^63 .. 2^63 - 1; a bigint in `reduce` and in rows. */
export const i64 = columnType('i64')
/** true or false. */
export const boolean = columnType('boolean')
/** Unicode text. */
export const text = columnType('text')

/** True for what `u16()`, `address()` and the like return. */
export function isColumnType(value: unknown): value is ColumnTypeOf {
  return typeof value === 'object' && value !== null && 'column' in value && typeof value.column === 'string'
}
