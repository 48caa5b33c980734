import type { Column, ColumnType } from './column.ts'

/**
 * How one value of each column type is written so that comparing bytes compares values: integers big-endian (signed ones with the sign bit flipped),
 * addresses as family byte and raw bytes, prefixes as an address and its length, text and bytes with 00 escaped as 00 FF and closed by 00 00.
 * No encoding is a prefix of another, so encodings can be put back to back and compared as a whole.
 */
export interface TypeCodec {
  /** Bytes of every value, or 0 when it depends on the value. */
  readonly width: number
  /** Bytes of the value in this row. */
  measure(column: Column, row: number): number
  /** Writes the value of a row at `offset` and returns the end. */
  write(column: Column, row: number, out: Uint8Array, offset: number): number
  /** Reads the value at `offset` into a row and returns the end. Rows of `text` and `bytes` columns must be read in order from row 0. */
  read(column: Column, row: number, bytes: Uint8Array, offset: number): number
  /** Returns the end of the value at `offset`. */
  skip(bytes: Uint8Array, offset: number): number
}

const TWO_32 = 0x1_0000_0000
const SIGN = 0x8000_0000

const fixed = (
  width: number,
  write: (column: Column, row: number, out: Uint8Array, offset: number) => void,
  read: (column: Column, row: number, bytes: Uint8Array, offset: number) => void,
): TypeCodec => ({
  width,
  measure: () => width,
  write(column, row, out, offset) {
    write(column, row, out, offset)
    return offset + width
  },
  read(column, row, bytes, offset) {
    read(column, row, bytes, offset)
    return offset + width
  },
  skip: (_bytes, offset) => offset + width,
})

/** Writes an unsigned 32-bit integer, big-endian. */
export function putU32(out: Uint8Array, offset: number, value: number): void {
  out[offset] = value >>> 24
  out[offset + 1] = value >>> 16
  out[offset + 2] = value >>> 8
  out[offset + 3] = value
}

/** Reads an unsigned 32-bit integer, big-endian. */
export function getU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}

/** The values of a numeric column; the caller knows that the column is one. */
function numbers(column: Column): { [row: number]: number } {
  if ('values' in column && !(column.values instanceof BigUint64Array) && !(column.values instanceof BigInt64Array))
    return column.values
  throw new TypeError(`canonical: column expected numbers, got ${column.type}`)
}

/** Views made by `halves`: making one costs more than the row that asks for it. */
const views = new WeakMap<Column, Uint32Array>()

/** The 32-bit halves of a 64-bit column, low half first. */
export function halves(column: Column): Uint32Array {
  const known = views.get(column)
  if (known) return known
  if (column.type !== 'u64' && column.type !== 'i64')
    throw new TypeError(`canonical: column expected 64-bit integers, got ${column.type}`)
  const view = new Uint32Array(column.values.buffer, column.values.byteOffset, column.values.length * 2)
  views.set(column, view)
  return view
}

const u8 = fixed(
  1,
  (column, row, out, offset) => {
    out[offset] = numbers(column)[row]!
  },
  (column, row, bytes, offset) => {
    numbers(column)[row] = bytes[offset]!
  },
)

const u16 = fixed(
  2,
  (column, row, out, offset) => {
    const value = numbers(column)[row]!
    out[offset] = value >>> 8
    out[offset + 1] = value
  },
  (column, row, bytes, offset) => {
    numbers(column)[row] = (bytes[offset]! << 8) | bytes[offset + 1]!
  },
)

const u32 = fixed(
  4,
  (column, row, out, offset) => putU32(out, offset, numbers(column)[row]!),
  (column, row, bytes, offset) => {
    numbers(column)[row] = getU32(bytes, offset)
  },
)

/** 53-bit integers in 8 bytes; `flip` is the sign bit of signed ones, 0 for unsigned. */
const wide = (flip: number): TypeCodec =>
  fixed(
    8,
    (column, row, out, offset) => {
      const value = numbers(column)[row]!
      const high = Math.floor(value / TWO_32)
      putU32(out, offset, (high ^ flip) >>> 0)
      putU32(out, offset + 4, value - high * TWO_32)
    },
    (column, row, bytes, offset) => {
      const high = getU32(bytes, offset) ^ flip
      numbers(column)[row] = (flip ? high : high >>> 0) * TWO_32 + getU32(bytes, offset + 4)
    },
  )

const big = (flip: number): TypeCodec =>
  fixed(
    8,
    (column, row, out, offset) => {
      const words = halves(column)
      putU32(out, offset, (words[row * 2 + 1]! ^ flip) >>> 0)
      putU32(out, offset + 4, words[row * 2]!)
    },
    (column, row, bytes, offset) => {
      const words = halves(column)
      words[row * 2 + 1] = getU32(bytes, offset) ^ flip
      words[row * 2] = getU32(bytes, offset + 4)
    },
  )

function addressOf(column: Column): { family: Uint8Array; v4: Uint32Array; v6: Uint8Array } {
  if (column.type === 'address' || column.type === 'prefix') return column
  throw new TypeError(`canonical: column expected addresses, got ${column.type}`)
}

const address: TypeCodec = {
  width: 0,
  measure(column, row) {
    const family = addressOf(column).family[row]
    return family === 4 ? 5 : family === 6 ? 17 : 1
  },
  write(column, row, out, offset) {
    const { family, v4, v6 } = addressOf(column)
    out[offset] = family[row]!
    if (family[row] === 4) {
      putU32(out, offset + 1, v4[row]!)
      return offset + 5
    }
    if (family[row] !== 6) return offset + 1
    for (let i = 0; i < 16; i++) out[offset + 1 + i] = v6[row * 16 + i]!
    return offset + 17
  },
  read(column, row, bytes, offset) {
    const { family, v4, v6 } = addressOf(column)
    const kind = bytes[offset]!
    const was = family[row]
    family[row] = kind
    v4[row] = kind === 4 ? getU32(bytes, offset + 1) : 0
    if (kind === 6) for (let i = 0; i < 16; i++) v6[row * 16 + i] = bytes[offset + 1 + i]!
    else if (was === 6) v6.fill(0, row * 16, row * 16 + 16)
    return address.skip(bytes, offset)
  },
  skip: (bytes, offset) => offset + (bytes[offset] === 4 ? 5 : bytes[offset] === 6 ? 17 : 1),
}

const prefix: TypeCodec = {
  width: 0,
  measure: (column, row) => address.measure(column, row) + 1,
  write(column, row, out, offset) {
    if (column.type !== 'prefix') throw new TypeError(`canonical: column expected prefixes, got ${column.type}`)
    const end = address.write(column, row, out, offset)
    out[end] = column.bits[row]!
    return end + 1
  },
  read(column, row, bytes, offset) {
    if (column.type !== 'prefix') throw new TypeError(`canonical: column expected prefixes, got ${column.type}`)
    const end = address.read(column, row, bytes, offset)
    column.bits[row] = bytes[end]!
    return end + 1
  },
  skip: (bytes, offset) => address.skip(bytes, offset) + 1,
}

function variableOf(column: Column): { offsets: Uint32Array; data: Uint8Array } {
  if (column.type === 'text' || column.type === 'bytes') return column
  throw new TypeError(`canonical: column expected text or bytes, got ${column.type}`)
}

const variable: TypeCodec = {
  width: 0,
  measure(column, row) {
    const { offsets, data } = variableOf(column)
    let width = offsets[row + 1]! - offsets[row]! + 2
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) if (data[i] === 0) width++
    return width
  },
  write(column, row, out, offset) {
    const { offsets, data } = variableOf(column)
    let end = offset
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      out[end++] = data[i]!
      if (data[i] === 0) out[end++] = 0xff
    }
    out[end++] = 0
    out[end++] = 0
    return end
  },
  read(column, row, bytes, offset) {
    const stored = variableOf(column)
    const end = variable.skip(bytes, offset)
    let at = stored.offsets[row]!
    if (stored.data.length < at + end - offset) {
      const grown = new Uint8Array(Math.max(at + end - offset, stored.data.length * 2))
      grown.set(stored.data)
      stored.data = grown
    }
    for (let i = offset; i < end - 2; i++) {
      stored.data[at++] = bytes[i]!
      if (bytes[i] === 0) i++
    }
    stored.offsets[row + 1] = at
    return end
  },
  skip(bytes, offset) {
    for (let i = offset; i + 1 < bytes.length; i++) {
      if (bytes[i] !== 0) continue
      if (bytes[i + 1] === 0) return i + 2
      i++
    }
    throw new RangeError(`canonical: text at byte ${offset} expected an end, got none`)
  },
}

/** The codec of each column type, for values that are present. */
export const TYPE_CODECS: { readonly [T in ColumnType]: TypeCodec } = {
  u8,
  u16,
  u32,
  u53: wide(0),
  i53: wide(SIGN),
  u64: big(0),
  i64: big(SIGN),
  instant: wide(SIGN),
  duration: wide(SIGN),
  boolean: u8,
  address,
  prefix,
  text: variable,
  bytes: variable,
}
