import type { Batch } from './batch.ts'
import { measureColumn, writeColumn } from './canonical-columns.ts'
import type { TypeCodec } from './canonical-types.ts'
import { TYPE_CODECS } from './canonical-types.ts'
import type { Column, ColumnSpec } from './column.ts'

/**
 * The canonical, order-preserving encoding of rows: `memcmp` of two encodings orders them as DESIGN section 5 does (columns in turn; IPv4 before IPv6,
 * then unsigned bytes; integers by value; text by UTF-8 bytes; an absent value first). Keys in run files, sorts and hashes are these bytes, never handles or strings.
 */
export class RowCodec {
  readonly specs: readonly ColumnSpec[]
  /** Bytes of every row, or 0 when rows differ. */
  readonly width: number
  readonly #types: readonly TypeCodec[]

  constructor(specs: readonly ColumnSpec[]) {
    this.specs = specs
    this.#types = specs.map(({ type, nullable }) => (nullable ? absentFirst(TYPE_CODECS[type]) : TYPE_CODECS[type]))
    this.width = this.#types.every(({ width }) => width > 0)
      ? this.#types.reduce((total, { width }) => total + width, 0)
      : 0
  }

  /** The columns of a batch in the order of the codec; throws when one is missing or of another type. */
  columnsOf(batch: Batch): readonly Column[] {
    return this.specs.map(({ name, type }) => {
      const column = batch.columns[name]
      if (column?.type !== type)
        throw new TypeError(`canonical: column ${name} expected ${type}, got ${column?.type ?? 'none'}`)
      return column
    })
  }

  /** Encodes `length` rows from `first` into `rows`, replacing what it held. */
  encode(columns: readonly Column[], first: number, length: number, rows: ByteRows): void {
    rows.reserve(length)
    this.#layOut(columns, first, length, rows)
    const { data, cursors } = rows
    for (let i = 0; i < this.#types.length; i++) writeColumn(this.#types[i]!, columns[i]!, first, length, data, cursors)
  }

  #layOut(columns: readonly Column[], first: number, length: number, rows: ByteRows): void {
    const { offsets, cursors } = rows
    let fixed = 0
    cursors.fill(0, 0, length)
    for (let i = 0; i < this.#types.length; i++) {
      const type = this.#types[i]!
      fixed += type.width
      if (type.width === 0) measureColumn(type, columns[i]!, first, length, cursors)
    }
    let end = 0
    for (let row = 0; row < length; row++) {
      const start = end
      end += fixed + cursors[row]!
      offsets[row] = start
      cursors[row] = start
    }
    offsets[length] = end
    rows.length = length
    rows.grow(end)
  }

  /** Encodes one row at `offset` and returns the end; `out` must have room (`measure`). */
  write(columns: readonly Column[], row: number, out: Uint8Array, offset: number): number {
    let end = offset
    for (let i = 0; i < this.#types.length; i++) end = this.#types[i]!.write(columns[i]!, row, out, end)
    return end
  }

  /** Bytes that `write` would need for a row. */
  measure(columns: readonly Column[], row: number): number {
    let width = 0
    for (let i = 0; i < this.#types.length; i++) width += this.#types[i]!.measure(columns[i]!, row)
    return width
  }

  /** Decodes the row at `offset` into row `row` of the columns and returns its end; rows must be read in order from row 0. */
  read(columns: readonly Column[], row: number, bytes: Uint8Array, offset: number): number {
    let end = offset
    for (let i = 0; i < this.#types.length; i++) end = this.#types[i]!.read(columns[i]!, row, bytes, end)
    return end
  }

  /** The end of the row that starts at `offset`. */
  skip(bytes: Uint8Array, offset: number): number {
    if (this.width > 0) return offset + this.width
    let end = offset
    for (let i = 0; i < this.#types.length; i++) end = this.#types[i]!.skip(bytes, end)
    return end
  }
}

/** Encoded rows back to back, in buffers that are reused: row `i` is `data[offsets[i] .. offsets[i + 1])`. */
export class ByteRows {
  length = 0
  data = new Uint8Array(0)
  offsets = new Uint32Array(1)
  /** Work space of the encoder: where the next column of each row goes. */
  cursors = new Uint32Array(0)

  /** Makes room for the offsets of `rows` rows. */
  reserve(rows: number): void {
    if (this.cursors.length >= rows) return
    this.offsets = new Uint32Array(rows + 1)
    this.cursors = new Uint32Array(rows)
  }

  /** Makes room for `size` bytes; what was there is lost. */
  grow(size: number): void {
    if (this.data.length < size) this.data = new Uint8Array(Math.max(size, this.data.length * 2))
  }
}

/** Compares two byte ranges as `memcmp` does, a shorter one first when it is a prefix of the other. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < length; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aStart - (bEnd - bStart)
}

/** Flips every bit of a range, which turns an ascending encoding into a descending one. */
export function invertBytes(bytes: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) bytes[i] = ~bytes[i]!
}

/** The encoding of a nullable column: 00 for an absent value, 01 and the value otherwise. */
function absentFirst(type: TypeCodec): TypeCodec {
  return {
    width: 0,
    measure: (column, row) => (column.valid?.[row] ? 1 + type.measure(column, row) : 1),
    write(column, row, out, offset) {
      const present = column.valid?.[row] ?? 0
      out[offset] = present
      return present ? type.write(column, row, out, offset + 1) : offset + 1
    },
    read(column, row, bytes, offset) {
      if (column.valid) column.valid[row] = bytes[offset]!
      if (bytes[offset]) return type.read(column, row, bytes, offset + 1)
      if (column.type === 'text' || column.type === 'bytes') column.offsets[row + 1] = column.offsets[row]!
      return offset + 1
    },
    skip: (bytes, offset) => (bytes[offset] ? type.skip(bytes, offset + 1) : offset + 1),
  }
}
