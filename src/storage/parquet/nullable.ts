import type { Column, VariableColumn } from '../../flow/column.ts'
import { decodeDictionary } from '../../kernels/parquet.ts'
import { plainPage } from '../../kernels/parquet-encode.ts'
import { StorageError } from '../errors.ts'
import type { Leaf, LeafArray } from './leaves.ts'
import { leafArray } from './leaves.ts'
import { packedLevels } from './levels.ts'

/**
 * Pages of the columns that configured elements add: nullable, and text or bytes. They are rare and read by few jobs, so they are PLAIN
 * behind their definition levels, in TypeScript alone.
 */

/** Encodes rows [from, to) of a column: definition levels when the leaf is optional, then the values that are there. */
export function nullablePage(leaf: Leaf, column: Column, from: number, to: number): Uint8Array {
  const there = column.valid ?? new Uint8Array(to).fill(1)
  const rows: number[] = []
  for (let row = from; row < to; row++) if (there[row]) rows.push(row)
  const values = leaf.part === 'text' ? variableValues(column, rows) : fixedValues(leaf, column, rows)
  return leaf.optional ? Buffer.concat([definitionLevels(there, from, to), values]) : values
}

/** The levels of rows [from, to): 1 where `there` is. */
function definitionLevels(there: Uint8Array, from: number, to: number): Uint8Array {
  const bits = new Uint8Array((to - from + 7) >>> 3)
  for (let i = 0; i < to - from; i++) if (there[from + i]) bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7))
  return packedLevels(bits)
}

function fixedValues(leaf: Leaf, column: Column, rows: readonly number[]): Uint8Array {
  const array = leafArray(column, leaf)
  const width = leaf.bytes === 16 ? 16 : 1
  const compact = array.slice(0, 0).constructor as new (length: number) => LeafArray
  const values = new compact(rows.length * width)
  rows.forEach((row, i) => {
    for (let k = 0; k < width; k++) values[i * width + k] = array[row * width + k] as number
  })
  return plainPage(values, 0, rows.length, width)
}

function variableValues(column: Column, rows: readonly number[]): Uint8Array {
  if (column.type !== 'text' && column.type !== 'bytes')
    throw new StorageError('bad-schema', `parquet: column expected text or bytes, got ${column.type}`)
  const parts: Uint8Array[] = []
  for (const row of rows) {
    const value = column.data.subarray(column.offsets[row], column.offsets[row + 1])
    parts.push(new Uint8Array(Uint32Array.of(value.length).buffer), value)
  }
  return Buffer.concat(parts)
}

/** Decodes a page written by `nullablePage` into rows [0, rows) of a column. Throws StorageError `corrupt`. */
export function readNullable(leaf: Leaf, column: Column, page: Uint8Array, rows: number): void {
  const { there, values } = leaf.optional ? readLevels(page, rows) : { there: undefined, values: page }
  if (there && column.valid) column.valid.set(there)
  if (column.type === 'text' || column.type === 'bytes') readVariable(column, values, there, rows)
  else readFixed(leaf, column, values, there, rows)
}

function readVariable(column: VariableColumn, values: Uint8Array, there: Uint8Array | undefined, rows: number): void {
  const view = new DataView(values.buffer, values.byteOffset, values.length)
  if (column.data.length < values.length) column.data = new Uint8Array(values.length)
  let at = 0
  let end = 0
  for (let row = 0; row < rows; row++) {
    column.offsets[row] = end
    if (there && !there[row]) continue
    const length = at + 4 <= values.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY
    at += 4
    if (length > values.length - at) throw corruptValues()
    column.data.set(values.subarray(at, at + length), end)
    at += length
    end += length
  }
  column.offsets[rows] = end
}

function readFixed(leaf: Leaf, column: Column, values: Uint8Array, there: Uint8Array | undefined, rows: number): void {
  const array = leafArray(column, leaf)
  const stored = leaf.bytes === 16 ? 16 : leaf.bytes === 8 ? 8 : 4
  const view = new DataView(values.buffer, values.byteOffset, values.length)
  let at = 0
  for (let row = 0; row < rows; row++) {
    if (there && !there[row]) {
      array.fill(0, row * (stored === 16 ? 16 : 1), (row + 1) * (stored === 16 ? 16 : 1))
      continue
    }
    if (at + stored > values.length) throw corruptValues()
    if (stored === 16) array.set(values.subarray(at, at + 16), row * 16)
    else array[row] = stored === 8 ? Number(view.getBigInt64(at, true)) : view.getUint32(at, true)
    at += stored
  }
}

/** Which rows have a value, and the bytes of the values behind the levels. Throws StorageError `corrupt`. */
function readLevels(page: Uint8Array, rows: number): { there: Uint8Array; values: Uint8Array } {
  const length =
    page.length < 4 ? Number.POSITIVE_INFINITY : new DataView(page.buffer, page.byteOffset).getUint32(0, true)
  if (length > page.length - 4) throw corruptValues()
  const there = new Uint8Array(rows)
  const levels = Buffer.concat([Uint8Array.of(1), page.subarray(4, 4 + length)])
  if (decodeDictionary(levels, rows, Uint8Array.of(0, 1), 2, there) !== 0) throw corruptValues()
  return { there, values: page.subarray(4 + length) }
}

const corruptValues = (): StorageError =>
  new StorageError('corrupt', 'parquet: nullable page expected levels and values, got fewer bytes')
