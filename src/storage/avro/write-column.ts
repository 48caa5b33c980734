import type { Column, ColumnSpec, NumericColumn } from '../../flow/column.ts'
import { NUMBER_RANGE } from '../../flow/value.ts'
import { StorageError } from '../errors.ts'
import { measureAddresses, measureVariable, writeAddresses, writeVariable } from './write-bytes.ts'
import { measureNumbers, measureWide, writeNumbers, writeSmall, writeWide } from './write-integer.ts'

/** Writes one column of the rows that a `RowEncoder` appends. */
export interface ColumnWriter {
  /**
   * Says how many bytes each row's value takes: what all rows have in common is returned, the rest added to the entries of `lengths`.
   * Throws `bad-format` for a value that cannot be stored.
   */
  measure(column: Column, from: number, rows: number, lengths: Int32Array): number
  /** Writes each row's value at its entry of `positions` and moves the entry past it. */
  write(column: Column, from: number, rows: number, bytes: Uint8Array, positions: Int32Array): void
}

/** The writer of a column, chosen once. A nullable column is a union of null and its type: branch 0 or 1 stands before the value. */
export function columnWriter(spec: ColumnSpec, maxRows: number): ColumnWriter {
  const values = valueWriter(spec, maxRows)
  return {
    measure(column, from, rows, lengths) {
      const present = presentRows(column, spec, from, rows)
      return values.measure(column, from, rows, lengths, present) + (spec.nullable ? 1 : 0)
    },
    write(column, from, rows, bytes, positions) {
      const present = presentRows(column, spec, from, rows)
      if (spec.nullable) {
        for (let row = 0; row < rows; row++)
          bytes[positions[row]!++] = present === undefined || present[row] === 1 ? 2 : 0
      }
      values.write(column, from, rows, bytes, positions, present)
    },
  }
}

/** 1 where a row has a value; undefined when all have. */
function presentRows(column: Column, spec: ColumnSpec, from: number, rows: number): Uint8Array | undefined {
  if (!column.valid) return undefined
  const present = column.valid.subarray(from, from + rows)
  if (spec.nullable) return present
  if (present.includes(0))
    throw new StorageError('bad-format', `storage: ${spec.name} expected a value in every row, got none`)
  return undefined
}

interface ValueWriter {
  measure(column: Column, from: number, rows: number, lengths: Int32Array, present?: Uint8Array): number
  write(
    column: Column,
    from: number,
    rows: number,
    bytes: Uint8Array,
    positions: Int32Array,
    present?: Uint8Array,
  ): void
}

function valueWriter(spec: ColumnSpec, maxRows: number): ValueWriter {
  switch (spec.type) {
    case 'address':
    case 'prefix':
      return { measure: measureAddresses, write: writeAddresses }
    case 'text':
    case 'bytes':
      return { measure: measureVariable, write: writeVariable }
    case 'u64':
    case 'i64':
      return {
        measure: (column, from, rows, lengths, present) => measureWide(spec.name, column, from, rows, lengths, present),
        write: writeWide,
      }
    case 'boolean':
      return { measure: measureBooleans, write: writeBooleans }
    default:
      return numberWriter(spec, maxRows)
  }
}

/** Numbers of any width go through one Float64Array, so that the loops see one kind of array. */
function numberWriter(spec: ColumnSpec, maxRows: number): ValueWriter {
  const numbers = new Float64Array(maxRows)
  const [min, most] = NUMBER_RANGE[spec.type as keyof typeof NUMBER_RANGE]
  const max = spec.avro === 'int' ? Math.min(most, 0x7fffffff) : most
  const load = (column: Column, from: number, rows: number): Float64Array => {
    numbers.set((column as NumericColumn<'u53'>).values.subarray(from, from + rows))
    return numbers
  }
  let isSingleByte = false
  return {
    measure(column, from, rows, lengths, present) {
      const common = measureNumbers(spec.name, min, max, load(column, from, rows), rows, lengths, present)
      isSingleByte = common === 1
      return common
    },
    // `numbers` still holds the rows that were measured.
    write: (_column, _from, rows, bytes, positions, present) =>
      isSingleByte
        ? writeSmall(numbers, rows, bytes, positions)
        : writeNumbers(numbers, rows, bytes, positions, present),
  }
}

function measureBooleans(
  _column: Column,
  _from: number,
  rows: number,
  lengths: Int32Array,
  present?: Uint8Array,
): number {
  if (present === undefined) return 1
  for (let row = 0; row < rows; row++) if (present[row] === 1) lengths[row]!++
  return 0
}

function writeBooleans(
  column: Column,
  from: number,
  rows: number,
  bytes: Uint8Array,
  positions: Int32Array,
  present?: Uint8Array,
): void {
  const { values } = column as NumericColumn<'boolean'>
  for (let row = 0; row < rows; row++) {
    if (present === undefined || present[row] === 1) bytes[positions[row]!++] = values[from + row] === 0 ? 0 : 1
  }
}
