import { crc32 } from 'node:zlib'
import { compressSync } from 'snappy'
import type { Batch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { StorageError } from '../errors.ts'
import type { EncodedValues } from './encode-values.ts'
import { doublesOf, encodeValues } from './encode-values.ts'
import type { Leaf, LeafArray } from './leaves.ts'
import { leafArray, leavesOf } from './leaves.ts'
import type { Codec, ColumnChunk, Encoding, RowGroup } from './metadata.ts'
import { CODEC, ENCODING, PAGE, PHYSICAL, writeFooter, writePageHeader } from './metadata.ts'
import { definitionLevels, nullablePage } from './nullable.ts'

/** Rows of a full row group, and of a full page within it: all columns cut their pages at the same rows. */
export const ROW_GROUP_ROWS = 131_072
export const PAGE_ROWS = 16_384

const MAGIC = new TextEncoder().encode('PAR1')

/** Snappy must save at least this share of a column chunk, or readers are spared the work. */
const WORTH_COMPRESSING = 0.9

/** Writes one Parquet file in memory, row group by row group (apache/parquet-format; data pages V1, CRC-32 on every page). */
export class ParquetEncoder {
  readonly #leaves: readonly Leaf[]
  readonly #schema: string
  readonly #parts: Uint8Array[] = [MAGIC]
  readonly #groups: RowGroup[] = []
  #sizeBytes = MAGIC.length

  /** `schema` is the Avro schema as JSON text; it goes into the file's properties for readers that want the field docs. */
  constructor({ columns, schema }: { columns: readonly ColumnSpec[]; schema: string }) {
    this.#leaves = leavesOf(columns)
    this.#schema = schema
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Writes the rows of `batch` as one row group; returns its byte range. */
  addRowGroup(batch: Batch): { offset: number; length: number } {
    const offset = this.#sizeBytes
    const columns = this.#leaves.map((leaf) =>
      this.#addColumn(leaf, batch.columns[leaf.column] as Column, batch.length),
    )
    this.#groups.push({ rows: batch.length, columns })
    return { offset, length: this.#sizeBytes - offset }
  }

  /** Ends the file; the encoder is done. */
  finish(): Uint8Array {
    const footer = writeFooter(this.#leaves, this.#groups, { 'avro.schema': this.#schema })
    const length = new Uint8Array(Uint32Array.of(footer.length).buffer)
    return Buffer.concat([...this.#parts, footer, length, MAGIC])
  }

  #addColumn(leaf: Leaf, column: Column, rows: number): ColumnChunk {
    const offset = this.#sizeBytes
    const { pages, dictionary, encoding, statistics } = encodeLeaf(leaf, column, rows)
    const plain = [...(dictionary ? [dictionary.bytes] : []), ...pages]
    const packed = plain.map((page) => compressSync(page))
    const saved = total(packed) < WORTH_COMPRESSING * total(plain)
    const codec: Codec = saved ? CODEC.SNAPPY : CODEC.UNCOMPRESSED
    const bodies = saved ? packed : plain
    let dataOffset = offset
    let headers = 0
    bodies.forEach((body, index) => {
      const isDictionary = dictionary !== undefined && index === 0
      if (!isDictionary && index === (dictionary ? 1 : 0)) dataOffset = this.#sizeBytes
      const page = index - (dictionary ? 1 : 0)
      const values = isDictionary ? dictionary.entries : Math.min(PAGE_ROWS, rows - page * PAGE_ROWS)
      headers += this.#addPage(
        body,
        (plain[index] as Uint8Array).length,
        isDictionary,
        values,
        isDictionary ? ENCODING.PLAIN : encoding,
      )
    })
    return {
      leaf,
      encodings: dictionary ? [ENCODING.PLAIN, ENCODING.RLE, encoding] : [ENCODING.RLE, encoding],
      codec,
      values: rows,
      plainBytes: total(plain) + headers,
      sizeBytes: this.#sizeBytes - offset,
      offset,
      dataOffset,
      hasDictionary: dictionary !== undefined,
      ...statistics,
    }
  }

  #addPage(body: Uint8Array, plainBytes: number, isDictionary: boolean, values: number, encoding: Encoding): number {
    const type = isDictionary ? PAGE.DICTIONARY : PAGE.DATA
    const header = writePageHeader({ type, plainBytes, packedBytes: body.length, crc32: crc32(body), values, encoding })
    this.#parts.push(header, body)
    this.#sizeBytes += header.length + body.length
    return header.length
  }
}

const total = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

interface EncodedLeaf {
  readonly pages: readonly Uint8Array[]
  readonly dictionary?: EncodedValues['dictionary']
  readonly encoding: Encoding
  readonly statistics: { min: Uint8Array; max: Uint8Array } | undefined
}

const ENCODINGS = {
  plain: ENCODING.PLAIN,
  dictionary: ENCODING.RLE_DICTIONARY,
  delta: ENCODING.DELTA_BINARY_PACKED,
} as const

function encodeLeaf(leaf: Leaf, column: Column, rows: number): EncodedLeaf {
  const bounds = pageBounds(rows)
  if (leaf.layout === 'nullable') {
    const pages = bounds.slice(1).map((to, p) => nullablePage(leaf, column, bounds[p] as number, to))
    return { pages, encoding: ENCODING.PLAIN, statistics: undefined }
  }
  if (leaf.layout === 'sparse') return encodeSparse(column, bounds)
  const values = leafArray(column, leaf)
  const { pages, dictionary, encoding } = encodeValues(values, bounds, 1)
  return {
    pages,
    ...(dictionary ? { dictionary } : {}),
    encoding: ENCODINGS[encoding],
    statistics: statisticsOf(leaf, values, rows),
  }
}

/** Rows at which pages start, and the end. */
function pageBounds(rows: number): number[] {
  const bounds: number[] = []
  for (let from = 0; from < rows; from += PAGE_ROWS) bounds.push(from)
  return [...bounds, rows]
}

/** The IPv6 addresses of a column: definition levels by family, then the addresses there are. */
function encodeSparse(column: Column, bounds: readonly number[]): EncodedLeaf {
  if (column.type !== 'address')
    throw new StorageError('bad-schema', `parquet: column expected an address, got ${column.type}`)
  const rows = bounds.at(-1) ?? 0
  const there = new Uint8Array(rows)
  let total = 0
  for (let row = 0; row < rows; row++) {
    const is6 = column.family[row] === 6 ? 1 : 0
    there[row] = is6
    total += is6
  }
  const dense = new Uint8Array(total * 16)
  const denseBounds: number[] = []
  let count = 0
  for (let row = 0; row < rows; row++) {
    if (row % PAGE_ROWS === 0) denseBounds.push(count)
    if (there[row]) dense.set(column.v6.subarray(row * 16, row * 16 + 16), 16 * count++)
  }
  const { pages, dictionary, encoding } = encodeValues(dense, [...denseBounds, count], 16)
  return {
    pages: pages.map((page, p) =>
      Buffer.concat([definitionLevels(there, bounds[p] as number, bounds[p + 1] as number), page]),
    ),
    ...(dictionary ? { dictionary } : {}),
    encoding: ENCODINGS[encoding],
    statistics: undefined,
  }
}

/** Smallest and largest value of a number column, PLAIN. */
function statisticsOf(leaf: Leaf, values: LeafArray, rows: number): { min: Uint8Array; max: Uint8Array } | undefined {
  if (leaf.bytes === 16 || rows === 0) return undefined
  const numbers = doublesOf(values, rows)
  let min = numbers[0] as number
  let max = min
  for (let i = 1; i < rows; i++) {
    const value = numbers[i] as number
    if (value < min) min = value
    else if (value > max) max = value
  }
  return { min: plainNumber(leaf, min), max: plainNumber(leaf, max) }
}

function plainNumber(leaf: Leaf, value: number): Uint8Array {
  return new Uint8Array(
    leaf.physical === PHYSICAL.INT64 ? BigInt64Array.of(BigInt(value)).buffer : Uint32Array.of(value).buffer,
  )
}
