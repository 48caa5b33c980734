import type { Batch } from '../../flow/batch.ts'
import { batchBytes, createBatch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { type EncodedPages, PageEncoder } from '../../kernels/encode-pages.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import { snappyLibrary } from '../avro/codec.ts'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'
import { ByteSink } from './byte-sink.ts'
import { ChunkWriter, WORTH_COMPRESSING } from './chunk-writer.ts'
import type { Leaf } from './leaves.ts'
import { leafArray, leavesOf } from './leaves.ts'
import type { ColumnChunk, Encoding } from './metadata.ts'
import { CODEC, ENCODING, PAGE, PHYSICAL, writePageHeader } from './metadata.ts'
import { nullablePage } from './nullable.ts'
import { PAGE_ROWS, PAGES_PER_GROUP, ROW_GROUP_ROWS } from './rows.ts'
import { SparsePages } from './sparse-pages.ts'

/** A row group of a Parquet file, wherever it comes to lie in it. */
export interface EncodedGroup {
  readonly rows: number
  /** The column chunks back to back. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Their offsets are those within `bytes`. */
  readonly columns: readonly ColumnChunk[]
  /** Smallest and largest number of every leaf whose chunk has them, by its name. */
  readonly bounds: ReadonlyMap<string, Bounds>
  /** The different values of every leaf of 32 bits that has few, by its name. */
  readonly distinct: ReadonlyMap<string, Uint32Array>
}

export type Bounds = readonly [least: number, most: number]

/** Different values that are few. */
const FEW = 256

/** What is found out about columns while they are encoded. */
interface Findings {
  readonly bounds: Map<string, Bounds>
  readonly distinct: Map<string, Uint32Array>
}

/** Encodes row groups of up to 131,072 rows in kernel memory (apache/parquet-format; data pages V1, CRC-32 on every page). */
export class RowGroupEncoder {
  /** The rows to encode, in kernel memory. */
  readonly batch: Batch
  readonly #leaves: readonly Leaf[]
  readonly #memory: KernelMemory
  readonly #encoder: PageEncoder
  readonly #sparse: SparsePages
  readonly #writer: ChunkWriter

  /** Takes `bytesNeeded` of the memory for good. Throws `bad-schema` for columns that Parquet blocks do not hold. */
  constructor(columns: readonly ColumnSpec[], memory: KernelMemory, kernels: Kernels) {
    this.#leaves = leavesOf(columns)
    this.#memory = memory
    this.batch = createBatch(columns, ROW_GROUP_ROWS, memory.make)
    this.#encoder = new PageEncoder(memory, kernels, { rows: ROW_GROUP_ROWS, pages: PAGES_PER_GROUP })
    this.#sparse = new SparsePages(memory, kernels)
    this.#writer = new ChunkWriter(memory, kernels)
  }

  static bytesNeeded(columns: readonly ColumnSpec[]): number {
    const batch = batchBytes(columns, ROW_GROUP_ROWS)
    const scratch = SparsePages.bytesNeeded() + ChunkWriter.bytesNeeded()
    return batch + PageEncoder.bytesNeeded(ROW_GROUP_ROWS, PAGES_PER_GROUP) + scratch + 64 * SLACK
  }

  /** Encodes the rows of the batch, into `room` when they fit. Throws `bad-format` for a number of more than 53 bits. */
  encode(room = RowGroupEncoder.room(this.batch.length)): EncodedGroup {
    const sink = new ByteSink(room)
    const findings: Findings = { bounds: new Map(), distinct: new Map() }
    const columns = this.#leaves.map((leaf) => {
      const column = this.batch.columns[leaf.column]!
      return leaf.layout === 'nullable'
        ? this.#addNullable(sink, leaf, column)
        : this.#addColumn(sink, leaf, column, findings)
    })
    return { rows: this.batch.length, bytes: sink.take(), columns, ...findings }
  }

  /** Memory that a row group of so many flows usually fits in. */
  static room(rows: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(rows * 32 + 65_536)
  }

  /** Adds a chunk whose pages kernels encode. */
  #addColumn(sink: ByteSink, leaf: Leaf, column: Column, { bounds, distinct }: Findings): ColumnChunk {
    const rows = this.batch.length
    const encoded = leaf.layout === 'sparse' ? this.#encodeSparse(column) : this.#encodeDense(leaf, column)
    const { entries, min, max } = encoded
    const encoding = encoded.encoding as Encoding // the kernel's numbers are those of the specification
    const hasBounds = leaf.layout === 'dense' && rows > 0
    if (hasBounds) bounds.set(leaf.name, [min, max])
    if (leaf.bytes === 4 && entries > 0 && entries <= FEW)
      distinct.set(leaf.name, new Uint32Array(this.#memory.memory.buffer, encoded.at, entries).slice())
    const offset = sink.length
    const chunk = this.#writer.finish({ hasDictionary: entries > 0, encoding, offset })
    sink.add(chunk.bytes)
    return {
      leaf,
      encodings: entries > 0 ? [ENCODING.PLAIN, ENCODING.RLE, encoding] : [ENCODING.RLE, encoding],
      codec: chunk.isPacked ? CODEC.SNAPPY : CODEC.UNCOMPRESSED,
      values: rows,
      plainBytes: chunk.plainBytes,
      sizeBytes: chunk.bytes.length,
      offset,
      dataOffset: offset + chunk.dataOffset,
      hasDictionary: entries > 0,
      ...(hasBounds ? { min: plainNumber(leaf, min), max: plainNumber(leaf, max) } : {}),
    }
  }

  /** Gives the writer the pages of a column that has a value in every row. */
  #encodeDense(leaf: Leaf, column: Column): EncodedPages {
    const rows = this.batch.length
    const encoded = this.#encoder.encode(leafArray(column, leaf).byteOffset, leaf.bytes, pageBounds(rows))
    if (!encoded)
      throw new StorageError('bad-format', `parquet: column ${leaf.column} expected numbers of 53 bits, got another`)
    let at = this.#addDictionary(encoded)
    for (const [page, length] of encoded.pageBytes.entries()) {
      this.#writer.add(at, length, valuesOf(page, rows))
      at += length
    }
    return encoded
  }

  /** Gives the writer the pages of IPv6 addresses. */
  #encodeSparse(column: Column): EncodedPages {
    if (column.type !== 'address')
      throw new StorageError('bad-schema', `parquet: column expected an address, got ${column.type}`)
    const rows = this.batch.length
    const { values, denseBounds, levels } = this.#sparse.pick(column, pageBounds(rows))
    const encoded = this.#encoder.encode(values, 16, denseBounds)! // of numbers alone some cannot be encoded
    const at = this.#addDictionary(encoded)
    for (const [page, body] of this.#sparse.join(levels, at, encoded.pageBytes).entries())
      this.#writer.add(body.byteOffset, body.length, valuesOf(page, rows))
    return encoded
  }

  /** Gives the writer the dictionary, when there is one, and returns its end. */
  #addDictionary({ at, dictionaryBytes, entries }: EncodedPages): number {
    if (entries > 0) this.#writer.add(at, dictionaryBytes, entries)
    return at + dictionaryBytes
  }

  /** Adds a chunk of pages that are made in TypeScript. */
  #addNullable(sink: ByteSink, leaf: Leaf, column: Column): ColumnChunk {
    const rows = this.batch.length
    const bounds = pageBounds(rows)
    const bodies = bounds.slice(1).map((to, page) => nullablePage(leaf, column, bounds[page]!, to))
    const plainBytes = total(bodies)
    const packed = bodies.map(snappyLibrary)
    const isPacked = total(packed) < plainBytes * WORTH_COMPRESSING
    const stored = isPacked ? packed : bodies
    const offset = sink.length
    for (const [page, body] of stored.entries()) {
      sink.add(
        writePageHeader({
          type: PAGE.DATA,
          plainBytes: bodies[page]!.length,
          packedBytes: body.length,
          crc32: crc32(body),
          values: valuesOf(page, rows),
          encoding: ENCODING.PLAIN,
        }),
      )
      sink.add(body)
    }
    const sizeBytes = sink.length - offset
    return {
      leaf,
      encodings: [ENCODING.RLE, ENCODING.PLAIN],
      codec: isPacked ? CODEC.SNAPPY : CODEC.UNCOMPRESSED,
      values: rows,
      plainBytes: plainBytes + sizeBytes - total(stored),
      sizeBytes,
      offset,
      dataOffset: offset,
      hasDictionary: false,
    }
  }
}

const total = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

/** Rows of a page. */
const valuesOf = (page: number, rows: number): number => Math.min(PAGE_ROWS, rows - page * PAGE_ROWS)

/** Rows at which pages start, and the end. */
function pageBounds(rows: number): number[] {
  const bounds: number[] = []
  for (let from = 0; from < rows; from += PAGE_ROWS) bounds.push(from)
  return [...bounds, rows]
}

function plainNumber(leaf: Leaf, value: number): Uint8Array {
  return new Uint8Array(
    leaf.physical === PHYSICAL.INT64 ? BigInt64Array.of(BigInt(value)).buffer : Uint32Array.of(value).buffer,
  )
}
