import type { Batch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { returnKernels } from '../../kernels/pool.ts'
import { maxCompressedBytes } from '../../kernels/snappy-compress.ts'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'
import type { SnappyCompressor } from './codec.ts'
import { CRC_BYTES, snappyLibrary, withCrc, writeUint32 } from './codec.ts'
import type { EncodeOperation } from './encode-program.ts'
import { copyPart, DATA_OPERAND, encodeOperations, OPERATION_BYTES } from './encode-program.ts'
import { RowEncoder } from './encoder.ts'
import type { Layout, Room } from './sync-block-layout.ts'
import { layOut, layoutBytes, PART_SLACK } from './sync-block-layout.ts'

/** A finished sync-block, without count, size and marker. */
export interface PackedRows {
  /** Snappy data and checksum; valid until its maker is used again. */
  readonly data: Uint8Array
  readonly plainLength: number
}

export interface TakeOptions {
  /** Default `kernel`. */
  readonly compressor?: SnappyCompressor
  readonly place?: Uint8Array | undefined
}

/** Where a kernel that writes rows finds its input and leaves what it writes: as `avroEncode` has them. */
export interface WritePlaces {
  readonly instance: KernelInstance
  readonly from: number
  readonly dst: number
  readonly origin: number
  readonly starts: number
  readonly marks: number
  /** Some bytes of scratch, aligned to 16. */
  readonly scratch: number
}

/**
 * Encodes rows of batches as the data of Avro sync-blocks: columns are copied into kernel memory, written as rows there, and compressed in place, so
 * nothing is allocated per row. `close` gives the memory back. Its TypeScript twin is `RowEncoder`, which also says what is wrong with a value.
 */
export class SyncBlockEncoder {
  readonly #specs: readonly ColumnSpec[]
  readonly #operations: readonly EncodeOperation[]
  readonly #maxRows: number
  /** Most bytes of a row without its text and bytes. */
  readonly #rowBytes: number
  /** Fields of a row that matches may begin with; none beside text and bytes, which repeat anywhere. */
  readonly #marks: number
  /** The first of them that are times. */
  readonly #times: number
  readonly #beside: KernelInstance | undefined
  #layout: Layout | undefined
  #rows = 0
  #length = 0

  /** `maxRows` is the largest number of rows of a sync-block. Works in the free memory of `beside` when there is enough, `bytesNeeded`, else in memory of its own. */
  constructor(specs: readonly ColumnSpec[], maxRows: number, beside?: KernelInstance) {
    this.#specs = specs
    this.#beside = beside
    this.#operations = encodeOperations(specs)
    this.#maxRows = maxRows
    this.#rowBytes = specs.reduce((sum, { nullable }, i) => sum + this.#operations[i]!.maxBytes + (nullable ? 1 : 0), 0)
    const anyLength = specs.some(({ type }) => type === 'text' || type === 'bytes')
    this.#marks = anyLength ? 0 : this.#operations.filter(({ mark }) => mark !== undefined).length
    const others = specs.findIndex(({ type }, i) => this.#operations[i]!.mark !== undefined && type !== 'instant')
    this.#times = this.#operations
      .slice(0, others < 0 ? undefined : others)
      .filter(({ mark }) => mark !== undefined).length
  }

  /** Most bytes of `PackedRows.data` for rows without text and bytes. */
  static maxPackedBytes(specs: readonly ColumnSpec[], maxRows: number): number {
    return maxCompressedBytes(new SyncBlockEncoder(specs, maxRows).#rowBytes * maxRows) + CRC_BYTES
  }

  /** Bytes of kernel memory for rows without text and bytes. */
  static bytesNeeded(specs: readonly ColumnSpec[], maxRows: number): number {
    const encoder = new SyncBlockEncoder(specs, maxRows)
    return layoutBytes(encoder.#operations, specs, maxRows, encoder.#wanted(0, 0))
  }

  /** Plain bytes of the rows since `take`. */
  get sizeBytes(): number {
    return this.#length
  }

  /**
   * Appends rows `from` to `to` (exclusive) of a batch. Throws `bad-format` for a value that Avro or the column's type cannot hold; nothing is
   * appended then. Throws RangeError for more rows than a sync-block has.
   */
  add(batch: Batch, from: number, to: number): void {
    const rows = to - from
    this.#checkRoom(rows)
    const columns = this.#specs.map((spec) => batch.columns[spec.name])
    if (!columns.every((column, i) => fits(column, this.#specs[i]!, from, to))) throw this.#refusal(batch, from, to)
    const dataBytes = columns.reduce((sum, column) => sum + dataLength(column, from, to), 0)
    const layout = this.#reserve(this.#length + rows * this.#rowBytes + dataBytes, dataBytes)
    this.#copyIn(layout, columns as readonly Column[], from, rows)
    const written = this.#encode(layout, rows)
    if (written < 0) throw this.#refusal(batch, from, to)
    this.#rows += rows
    this.#length += written
  }

  /**
   * Appends rows that another kernel writes, from `input`, which is copied into kernel memory unless it lies there. It returns how many bytes it wrote. Throws RangeError
   * for more rows, or larger input, than columns of a sync-block have.
   */
  addWritten(rows: number, input: Uint8Array, write: (places: WritePlaces) => number): void {
    this.#checkRoom(rows)
    const layout = this.#reserve(this.#length + rows * this.#rowBytes, 0)
    const { instance, tableAt } = layout
    const isThere = input.buffer === instance.memory.memory.buffer
    const from = isThere ? input.byteOffset : this.#copyInput(layout, input)
    this.#length += write({ instance, from, scratch: tableAt, ...this.#places(layout) })
    this.#rows += rows
  }

  #copyInput({ instance, columnsAt, columnsBytes }: Layout, input: Uint8Array): number {
    if (input.length > columnsBytes)
      throw new RangeError(`storage: input expected at most ${columnsBytes} bytes, got ${input.length}`)
    instance.memory.bytes(columnsAt, input.length).set(input)
    return columnsAt
  }

  #checkRoom(rows: number): void {
    if (this.#rows + rows > this.#maxRows)
      throw new RangeError(`storage: sync-block expected ${this.#maxRows} rows, got ${this.#rows + rows}`)
  }

  #encode(layout: Layout, rows: number): number {
    const { dst, origin, starts, marks } = this.#places(layout)
    return layout.instance.kernels.avroEncode(layout.programAt, rows, dst, origin, starts, marks)
  }

  /** Where the next row and what is noted of it go. */
  #places({ plainAt, startsAt, marksAt }: Layout) {
    return {
      dst: plainAt + this.#length,
      origin: plainAt,
      starts: startsAt + this.#rows * 4,
      marks: marksAt + this.#rows * this.#marks * 2,
    }
  }

  /** Compresses the rows added since the last call; the kernel does so to `place`, of `maxPackedBytes`, when that is given and in its memory. */
  take({ compressor = 'kernel', place }: TakeOptions = {}): PackedRows {
    const layout = this.#reserve(0, 0)
    const plainLength = this.#length
    const plain = layout.instance.memory.bytes(layout.plainAt, plainLength)
    const packedAt = place?.buffer === plain.buffer ? place.byteOffset : layout.packedAt
    const data =
      compressor === 'library' ? withCrc(snappyLibrary(plain), plain) : this.#compress({ ...layout, packedAt }, plain)
    this.clear()
    return { data, plainLength }
  }

  /** Forgets the rows added since `take`. */
  clear(): void {
    this.#rows = 0
    this.#length = 0
  }

  /** Packs the rows in kernel memory; the checksum goes behind them there. */
  #compress({ instance, plainAt, packedAt, tableAt, startsAt, marksAt }: Layout, plain: Uint8Array): Uint8Array {
    const { kernels, memory } = instance
    const length =
      this.#marks === 0
        ? kernels.snappyCompress(plainAt, this.#length, packedAt, tableAt)
        : kernels.snappyCompressRows(
            plainAt,
            this.#length,
            packedAt,
            tableAt,
            this.#rows,
            startsAt,
            marksAt,
            this.#marks,
            this.#times,
          )
    const packed = memory.bytes(packedAt, length + CRC_BYTES)
    writeUint32(packed, length, crc32(plain))
    return packed
  }

  close(): void {
    if (this.#layout) returnKernels(this.#layout.instance)
    this.#layout = undefined
  }

  #copyIn({ instance, columnsAt, programAt, dataAt }: Layout, columns: readonly Column[], from: number, rows: number) {
    const { memory } = instance
    const program = new DataView(memory.memory.buffer, programAt)
    let at = columnsAt
    let data = dataAt
    for (const [i, column] of columns.entries()) {
      const { parts } = this.#operations[i]!
      const place = (bytes: number): number => {
        const here = at
        at += this.#maxRows * bytes + PART_SLACK
        return here
      }
      if (this.#specs[i]!.nullable) {
        const validAt = place(1)
        program.setUint32(i * OPERATION_BYTES + 4, column.valid ? validAt : 0, true)
        if (column.valid) memory.bytes(validAt, rows).set(column.valid.subarray(from, from + rows))
      }
      for (const { part, bytes } of parts) copyPart(memory, column, part, { from, rows, bytes, at: place(bytes) })
      if (column.type !== 'text' && column.type !== 'bytes') continue
      const first = column.offsets[from]!
      const bytes = column.data.subarray(first, column.offsets[from + rows])
      memory.bytes(data, bytes.length).set(bytes)
      program.setUint32(i * OPERATION_BYTES + DATA_OPERAND, data - first, true)
      data += bytes.length
    }
  }

  /** Room for plain bytes and for the text and bytes of one call, moved to a larger instance when it is needed. */
  #reserve(plainBytes: number, dataBytes: number): Layout {
    const had = this.#layout
    if (had && plainBytes <= had.plainBytes && dataBytes <= had.dataBytes) return had
    const wanted = this.#wanted(plainBytes, dataBytes)
    const layout = layOut(this.#operations, this.#specs, this.#maxRows, wanted, this.#beside)
    if (had) {
      const plain = had.instance.memory.bytes(had.plainAt, this.#length)
      layout.instance.memory.bytes(layout.plainAt, this.#length).set(plain)
      returnKernels(had.instance)
    }
    this.#layout = layout
    return layout
  }

  #wanted(plainBytes: number, dataBytes: number): Room {
    const had = this.#layout
    return {
      plainBytes: Math.max(plainBytes * (had ? 2 : 1), had?.plainBytes ?? this.#maxRows * this.#rowBytes),
      dataBytes: Math.max(dataBytes * 2, had?.dataBytes ?? 0),
      marks: this.#marks,
    }
  }

  /** What the twin finds wrong with the rows. */
  #refusal(batch: Batch, from: number, to: number): unknown {
    try {
      new RowEncoder(this.#specs, to - from).add(batch, from, to)
    } catch (error) {
      return error
    }
    return new StorageError('bad-format', 'storage: rows expected to be encoded as their twin does, got a refusal')
  }
}

function fits(column: Column | undefined, { type, nullable }: ColumnSpec, from: number, to: number): boolean {
  if (column?.type !== type) return false
  return nullable === true || column.valid === undefined || !column.valid.subarray(from, to).includes(0)
}

function dataLength(column: Column | undefined, from: number, to: number): number {
  return column?.type === 'text' || column?.type === 'bytes' ? column.offsets[to]! - column.offsets[from]! : 0
}
