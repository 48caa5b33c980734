/**
 * A column: the values of one field for every row of a batch, in typed arrays that a kernel can read without a copy.
 * Batches, keys, emitted values and result rows are all made of columns, so that there is one way to hold data in memory.
 */

/** Every type a column can have. Numbers of up to 53 bits are JavaScript numbers; `u64` and `i64` are bigints. */
export const COLUMN_TYPES = [
  'u8',
  'u16',
  'u32',
  'u53', // 0 .. 2^53-1, in a Float64Array
  'i53', // -(2^53-1) .. 2^53-1, in a Float64Array
  'u64',
  'i64',
  'instant', // milliseconds since 1970-01-01T00:00:00Z, in a Float64Array
  'duration', // milliseconds, in a Float64Array
  'boolean', // 0 or 1
  'address',
  'prefix',
  'text', // UTF-8
  'bytes',
] as const

export type ColumnType = (typeof COLUMN_TYPES)[number]

/** Address family of a row: 0 when there is no address. Its order is the canonical order of addresses. */
export type Family = 0 | 4 | 6

interface NumericArrays {
  u8: Uint8Array
  u16: Uint16Array
  u32: Uint32Array
  u53: Float64Array
  i53: Float64Array
  u64: BigUint64Array
  i64: BigInt64Array
  instant: Float64Array
  duration: Float64Array
  boolean: Uint8Array
}

export type NumericType = keyof NumericArrays

export interface NumericColumn<T extends NumericType = NumericType> {
  readonly type: T
  readonly values: NumericArrays[T]
  /** 1 where the row has a value; absent when every row has one. Only extra elements are nullable. */
  readonly valid?: Uint8Array
}

export interface AddressColumn {
  readonly type: 'address'
  /** `Family` of each row. */
  readonly family: Uint8Array
  /** The IPv4 address as an unsigned integer; 0 where the family is not 4. */
  readonly v4: Uint32Array
  /** 16 bytes per row in network order; zero where the family is not 6. */
  readonly v6: Uint8Array
  readonly valid?: Uint8Array
}

/** A network prefix: an address whose host bits are zero, and its length in bits. */
export interface PrefixColumn {
  readonly type: 'prefix'
  readonly family: Uint8Array
  readonly v4: Uint32Array
  readonly v6: Uint8Array
  /** 0..32 or 0..128. */
  readonly bits: Uint8Array
  readonly valid?: Uint8Array
}

/** Values of any length, back to back: row `i` is `data[offsets[i] .. offsets[i + 1])`. */
export interface VariableColumn<T extends 'text' | 'bytes' = 'text' | 'bytes'> {
  readonly type: T
  /** `length + 1` offsets into `data`. */
  readonly offsets: Uint32Array
  data: Uint8Array
  readonly valid?: Uint8Array
}

export type Column =
  | { [T in NumericType]: NumericColumn<T> }[NumericType]
  | AddressColumn
  | PrefixColumn
  | { [T in 'text' | 'bytes']: VariableColumn<T> }['text' | 'bytes']

/** The column that holds values of one type. */
export type ColumnOf<T extends ColumnType> = Extract<Column, { type: T }>

/** A named, typed column of a schema. */
export interface ColumnSpec {
  readonly name: string
  readonly type: ColumnType
  readonly nullable?: boolean
  /** Permanent number of a flow field; stored columns that have one also have a default in their schema. */
  readonly fieldId?: number
  readonly doc?: string
  /** What a row holds when its block has no such field; zero, empty or absent when not given. Numbers only. */
  readonly default?: number
  /** Other names of the column in blocks, by Avro's rule for aliases of the reader. */
  readonly aliases?: readonly string[]
  /** A u32 that is stored as an Avro int, so at most 2^31-1. */
  readonly avro?: 'int'
}

/** What makes the array of a type of numbers. */
export const NUMERIC_ARRAYS: { [T in NumericType]: ArrayType<NumericArrays[T]> } = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u53: Float64Array,
  i53: Float64Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  instant: Float64Array,
  duration: Float64Array,
  boolean: Uint8Array,
}

/** Makes an array of `length` elements; default: in memory of its own. */
export type ArrayMaker = <T extends ArrayBufferView>(type: ArrayType<T>, length: number) => T

export interface ArrayType<T extends ArrayBufferView> {
  readonly name: string
  readonly BYTES_PER_ELEMENT: number
  new (length: number): T
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
}

export interface ColumnOptions {
  readonly nullable?: boolean
  readonly make?: ArrayMaker
}

/** Makes an empty column of `capacity` rows; a nullable one starts with every row absent. `text` and `bytes` start with `capacity * 16` bytes of data. */
export function createColumn<T extends ColumnType>(type: T, capacity: number, options?: ColumnOptions): ColumnOf<T>
export function createColumn(
  type: ColumnType,
  capacity: number,
  { nullable = false, make = (array, length) => new array(length) }: ColumnOptions = {},
): Column {
  const valid = nullable ? { valid: make(Uint8Array, capacity) } : {}
  switch (type) {
    case 'address':
      return { type, ...addressArrays(capacity, make), ...valid }
    case 'prefix':
      return { type, ...addressArrays(capacity, make), bits: make(Uint8Array, capacity), ...valid }
    case 'text':
    case 'bytes':
      return { type, offsets: make(Uint32Array, capacity + 1), data: make(Uint8Array, capacity * 16), ...valid }
    default:
      return { type, values: make<NumericArrays[NumericType]>(NUMERIC_ARRAYS[type], capacity), ...valid } as Column
  }
}

function addressArrays(capacity: number, make: ArrayMaker): { family: Uint8Array; v4: Uint32Array; v6: Uint8Array } {
  return { family: make(Uint8Array, capacity), v4: make(Uint32Array, capacity), v6: make(Uint8Array, capacity * 16) }
}

/** Four rows of `family` that have an IPv4 address. */
const FOUR_4 = 0x0404_0404

/** Whether the first `length` rows all have an IPv4 address. Four rows at a time: `includes` of an array takes thirty times as long. */
export function isAll4(family: Uint8Array, length: number): boolean {
  const words = family.byteOffset % 4 === 0 ? length >>> 2 : 0
  const fours = new Uint32Array(family.buffer, words === 0 ? 0 : family.byteOffset, words)
  for (let i = 0; i < words; i++) if (fours[i] !== FOUR_4) return false
  for (let row = words * 4; row < length; row++) if (family[row] !== 4) return false
  return true
}
