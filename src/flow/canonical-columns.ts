import type { TypeCodec } from './canonical-types.ts'
import { halves, putU32 } from './canonical-types.ts'
import type { Column } from './column.ts'

/** Adds the bytes that one column takes in each row to `widths`. */
export function measureColumn(
  type: TypeCodec,
  column: Column,
  first: number,
  length: number,
  widths: Uint32Array,
): void {
  if (column.type === 'address' && !column.valid) {
    const { family } = column
    for (let i = 0; i < length; i++) {
      const kind = family[first + i]
      widths[i]! += kind === 4 ? 5 : kind === 6 ? 17 : 1
    }
    return
  }
  for (let i = 0; i < length; i++) widths[i]! += type.measure(column, first + i)
}

/** Writes one column of every row at its cursor and moves the cursors on; the common types have loops of their own. */
export function writeColumn(
  type: TypeCodec,
  column: Column,
  first: number,
  length: number,
  out: Uint8Array,
  cursors: Uint32Array,
): void {
  if (column.valid) writeOthers(type, column, first, length, out, cursors)
  else if (column.type === 'address') writeAddresses(column.family, column.v4, column.v6, first, length, out, cursors)
  else if (column.type === 'u16') writeU16(column.values, first, length, out, cursors)
  else if (column.type === 'u32') writeU32(column.values, first, length, out, cursors)
  else if (column.type === 'u53') writeWide(column.values, 0, first, length, out, cursors)
  else if (column.type === 'i53' || column.type === 'instant' || column.type === 'duration')
    writeWide(column.values, 0x8000_0000, first, length, out, cursors)
  else if (column.type === 'u64') writeHalves(halves(column), 0, first, length, out, cursors)
  else if (column.type === 'i64') writeHalves(halves(column), 0x8000_0000, first, length, out, cursors)
  else writeOthers(type, column, first, length, out, cursors)
}

function writeOthers(
  type: TypeCodec,
  column: Column,
  first: number,
  length: number,
  out: Uint8Array,
  cursors: Uint32Array,
): void {
  for (let i = 0; i < length; i++) cursors[i] = type.write(column, first + i, out, cursors[i]!)
}

function writeU16(values: Uint16Array, first: number, length: number, out: Uint8Array, cursors: Uint32Array): void {
  for (let i = 0; i < length; i++) {
    const at = cursors[i]!
    const value = values[first + i]!
    out[at] = value >>> 8
    out[at + 1] = value
    cursors[i] = at + 2
  }
}

function writeU32(values: Uint32Array, first: number, length: number, out: Uint8Array, cursors: Uint32Array): void {
  for (let i = 0; i < length; i++) {
    putU32(out, cursors[i]!, values[first + i]!)
    cursors[i]! += 4
  }
}

function writeWide(
  values: Float64Array,
  flip: number,
  first: number,
  length: number,
  out: Uint8Array,
  cursors: Uint32Array,
): void {
  for (let i = 0; i < length; i++) {
    const value = values[first + i]!
    const high = Math.floor(value / 0x1_0000_0000)
    putU32(out, cursors[i]!, (high ^ flip) >>> 0)
    putU32(out, cursors[i]! + 4, value - high * 0x1_0000_0000)
    cursors[i]! += 8
  }
}

function writeHalves(
  words: Uint32Array,
  flip: number,
  first: number,
  length: number,
  out: Uint8Array,
  cursors: Uint32Array,
): void {
  for (let i = 0; i < length; i++) {
    const row = (first + i) * 2
    putU32(out, cursors[i]!, (words[row + 1]! ^ flip) >>> 0)
    putU32(out, cursors[i]! + 4, words[row]!)
    cursors[i]! += 8
  }
}

function writeAddresses(
  family: Uint8Array,
  v4: Uint32Array,
  v6: Uint8Array,
  first: number,
  length: number,
  out: Uint8Array,
  cursors: Uint32Array,
): void {
  for (let i = 0; i < length; i++) {
    const row = first + i
    const at = cursors[i]!
    const kind = family[row]!
    out[at] = kind
    if (kind === 4) {
      putU32(out, at + 1, v4[row]!)
      cursors[i] = at + 5
    } else if (kind === 6) {
      for (let byte = 0; byte < 16; byte++) out[at + 1 + byte] = v6[row * 16 + byte]!
      cursors[i] = at + 17
    } else cursors[i] = at + 1
  }
}
