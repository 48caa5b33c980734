import type { Batch } from '../../flow/batch.ts'
import { batchBytes, createBatch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { type EncodedPages, PageEncoder } from '../../kernels/encode-pages.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { isShared, SLACK } from '../../kernels/memory.ts'
import { COMPRESS_TABLE_BYTES, maxCompressedBytes } from '../../kernels/snappy-compress.ts'
import { snappyLibrary } from '../avro/codec.ts'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'
import { ByteSink } from './byte-sink.ts'
import type { Leaf } from './leaves.ts'
import { leafArray, leavesOf } from './leaves.ts'
import type { ColumnChunk, Encoding } from './metadata.ts'
import { CODEC, ENCODING, PAGE, PHYSICAL, writePageHeader } from './metadata.ts'
import { nullablePage } from './nullable.ts'
import { PAGE_ROWS, PAGES_PER_GROUP, ROW_GROUP_ROWS } from './rows.ts'
import { SparsePages } from './sparse-pages.ts'

/** Snappy must save at least this share of a column chunk, or readers are spared the work. */
const WORTH_COMPRESSING = 0.9

/** A row group of a Parquet file, wherever it comes to lie in it. */
export interface EncodedGroup {
  readonly rows: number
  /** The column chunks back to back. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Their offsets are those within `bytes`. */
  readonly columns: readonly ColumnChunk[]
  /** Smallest and largest number of every leaf whose chunk has them, by its name. */
  readonly bounds: ReadonlyMap<string, Bounds>
}

export type Bounds = readonly [least: number, most: number]

/** Encodes row groups of up to 131,072 rows in kernel memory (apache/parquet-format; data pages V1, CRC-32 on every page). */
export class RowGroupEncoder {
  /** The rows to encode, in kernel memory. */
  readonly batch: Batch
  readonly #leaves: readonly Leaf[]
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #encoder: PageEncoder
  readonly #sparse: SparsePages
  readonly #packed: number
  readonly #table: number

  /** Takes `bytesNeeded` of the memory for good. Throws `bad-schema` for columns that Parquet blocks do not hold. */
  constructor(columns: readonly ColumnSpec[], memory: KernelMemory, kernels: Kernels) {
    this.#leaves = leavesOf(columns)
    this.#memory = memory
    this.#kernels = kernels
    this.batch = createBatch(columns, ROW_GROUP_ROWS, memory.make)
    this.#encoder = new PageEncoder(memory, kernels, { rows: ROW_GROUP_ROWS, pages: PAGES_PER_GROUP })
    this.#sparse = new SparsePages(memory, kernels)
    this.#packed = memory.allocate(packedBytes())
    this.#table = memory.allocate(COMPRESS_TABLE_BYTES)
  }

  static bytesNeeded(columns: readonly ColumnSpec[]): number {
    const batch = batchBytes(columns, ROW_GROUP_ROWS)
    const scratch = SparsePages.bytesNeeded() + packedBytes() + COMPRESS_TABLE_BYTES
    return batch + PageEncoder.bytesNeeded(ROW_GROUP_ROWS, PAGES_PER_GROUP) + scratch + 64 * SLACK
  }

  /** Encodes the rows of the batch, into `room` when they fit. Throws `bad-format` for a number of more than 53 bits. */
  encode(room = RowGroupEncoder.room(this.batch.length)): EncodedGroup {
    const sink = new ByteSink(room)
    const bounds = new Map<string, Bounds>()
    const columns = this.#leaves.map((leaf) => {
      const bodies = this.#bodiesOf(leaf, this.batch.columns[leaf.column]!)
      if (bodies.bounds) bounds.set(leaf.name, bodies.bounds)
      return this.#addColumn(sink, leaf, bodies)
    })
    return { rows: this.batch.length, bytes: sink.take(), columns, bounds }
  }

  /** Memory that a row group of so many flows usually fits in. */
  static room(rows: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(rows * 32 + 65_536)
  }

  #addColumn(sink: ByteSink, leaf: Leaf, { bodies, entries, encoding, bounds }: Bodies): ColumnChunk {
    const offset = sink.length
    const plainBytes = total(bodies)
    const packed = this.#compress(bodies, plainBytes)
    const rows = this.batch.length
    let dataOffset = offset
    let headers = 0
    for (const [i, body] of (packed ?? bodies).entries()) {
      const isDictionary = entries > 0 && i === 0
      const page = entries > 0 ? i - 1 : i
      if (page === 0) dataOffset = sink.length
      const header = writePageHeader({
        type: isDictionary ? PAGE.DICTIONARY : PAGE.DATA,
        plainBytes: bodies[i]!.length,
        packedBytes: body.length,
        crc32: crc32(body),
        values: isDictionary ? entries : Math.min(PAGE_ROWS, rows - page * PAGE_ROWS),
        encoding: isDictionary ? ENCODING.PLAIN : encoding,
      })
      headers += header.length
      sink.add(header)
      this.#append(body, sink)
    }
    return {
      leaf,
      encodings: entries > 0 ? [ENCODING.PLAIN, ENCODING.RLE, encoding] : [ENCODING.RLE, encoding],
      codec: packed ? CODEC.SNAPPY : CODEC.UNCOMPRESSED,
      values: rows,
      plainBytes: plainBytes + headers,
      sizeBytes: sink.length - offset,
      offset,
      dataOffset,
      hasDictionary: entries > 0,
      ...(bounds ? { min: plainNumber(leaf, bounds[0]), max: plainNumber(leaf, bounds[1]) } : {}),
    }
  }

  /** Appends a body. Out of shared memory V8 copies byte by byte unless both sides begin alike, so a kernel moves the body to such a place first, a piece at a time: where pages were compressed with. */
  #append(body: Uint8Array, sink: ByteSink): void {
    const { memory } = this.#memory
    if (body.buffer !== memory.buffer || !isShared(memory)) {
      sink.add(body)
      return
    }
    const most = COMPRESS_TABLE_BYTES - WORD_BYTES
    for (let from = 0; from < body.length; from += most) {
      const at = this.#table + (sink.length % WORD_BYTES)
      const length = Math.min(most, body.length - from)
      this.#kernels.copyBytes(body.byteOffset + from, length, at)
      sink.add(this.#memory.bytes(at, length))
    }
  }

  /** The dictionary, when there is one, and the pages of a column, not compressed. */
  #bodiesOf(leaf: Leaf, column: Column): Bodies {
    const rows = this.batch.length
    const bounds = pageBounds(rows)
    if (leaf.layout === 'nullable') {
      const bodies = bounds.slice(1).map((to, p) => nullablePage(leaf, column, bounds[p]!, to))
      return { bodies, entries: 0, encoding: ENCODING.PLAIN }
    }
    if (leaf.layout === 'sparse') {
      if (column.type !== 'address')
        throw new StorageError('bad-schema', `parquet: column expected an address, got ${column.type}`)
      const { values, denseBounds, levels } = this.#sparse.pick(column, bounds)
      const encoded = this.#encoder.encode(values, 16, denseBounds)!
      return this.#sparse.join(levels, this.#spans(encoded), encoded)
    }
    const encoded = this.#encoder.encode(leafArray(column, leaf).byteOffset, leaf.bytes, bounds)
    if (!encoded)
      throw new StorageError('bad-format', `parquet: column ${leaf.column} expected numbers of 53 bits, got another`)
    const { entries, encoding, min, max } = encoded
    return {
      bodies: this.#spans(encoded),
      entries,
      encoding: encoding as Encoding, // the kernel's numbers are those of the specification
      ...(rows > 0 ? { bounds: [min, max] } : {}),
    }
  }

  /** Views of the dictionary, when there is one, and of the pages. */
  #spans({ at, dictionaryBytes, entries, pageBytes }: EncodedPages): Uint8Array[] {
    const spans = entries > 0 ? [this.#memory.bytes(at, dictionaryBytes)] : []
    let next = at + dictionaryBytes
    for (const length of pageBytes) {
      spans.push(this.#memory.bytes(next, length))
      next += length
    }
    return spans
  }

  /** The bodies compressed, or undefined when that saves too little. */
  #compress(bodies: readonly Uint8Array[], plainBytes: number): Uint8Array[] | undefined {
    const worth = plainBytes * WORTH_COMPRESSING
    const packed: Uint8Array[] = []
    let at = this.#packed
    let packedBytes = 0
    for (const body of bodies) {
      const piece = body.buffer === this.#memory.memory.buffer ? this.#compressAt(body, at) : snappyLibrary(body)
      at += piece.length
      packedBytes += piece.length
      packed.push(piece)
      if (packedBytes >= worth) return undefined
    }
    return packed
  }

  #compressAt(body: Uint8Array, at: number): Uint8Array {
    return this.#memory.bytes(at, this.#kernels.snappyCompress(body.byteOffset, body.length, at, this.#table))
  }
}

export interface Bodies {
  readonly bodies: readonly Uint8Array[]
  /** Of the dictionary, which is the first body then; 0 when there is none. */
  readonly entries: number
  readonly encoding: Encoding
  readonly bounds?: Bounds
}

/** What V8 copies at once. */
const WORD_BYTES = 8

/** All pages of the largest chunk and its dictionary, compressed. */
const packedBytes = (): number => maxCompressedBytes(ROW_GROUP_ROWS * 18 + (16 << 15)) + PAGES_PER_GROUP * 64

const total = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

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
