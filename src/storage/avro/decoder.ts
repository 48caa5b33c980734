import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { FAULT, ROW_SLACK } from '../../kernels/avro-program.ts'
import { decodeRows } from '../../kernels/avro-rows.ts'
import { kernelFault } from '../../kernels/codes.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { returnKernels } from '../../kernels/pool.ts'
import type { AvroCodec } from './codec.ts'
import { checkCrc, corrupt, decompress, openSnappy } from './codec.ts'
import type { DecoderLayout } from './decoder-layout.ts'
import { areDirect, layOut, layoutBytes } from './decoder-layout.ts'
import { fillColumn } from './fill.ts'
import type { RowProgram } from './program.ts'
import { compileProgram } from './program.ts'
import { parseAvroRecord } from './type.ts'

/** Room for a packed and a plain sync-block of the usual size; a larger one takes a larger instance. */
const USUAL_BYTES = 1 << 20

/** Rows that are decoded at a time, usually. */
export const BATCH_ROWS = 4096

/** Rows that the kernel walks on from one that the compiled walk does not know. */
const UNUSUAL = 64

/** Rows of one writer's schema, and where their columns are to lie. */
export interface RowDecoderOptions {
  readonly schema: unknown
  readonly columns: readonly ColumnSpec[]
  /** Rows of the batch. */
  readonly capacity: number
  /** Memory that the columns are left in when it has room. */
  readonly kernels?: KernelInstance | undefined
  /** Rows of that memory in which rows are to stay, where `staysInPlace` says that they can; `decode` puts them at `row`. */
  readonly place?: Batch | undefined
}

/**
 * Unpacks sync-blocks into kernel memory and decodes the wanted columns of their rows into one batch, which is used again for every call until a larger sync-block moves it.
 * Programs with nested values are walked by the TypeScript twin, over the same memory. `close` gives the memory back.
 */
export class RowDecoder {
  readonly #program: RowProgram
  readonly #options: RowDecoderOptions
  #lent: DecoderLayout | undefined
  /** Bytes of the sync-block at hand. */
  #plainLength = 0
  /** The row of `place` at which the next rows begin; whoever takes rows moves it on, as rows that turn out to be damaged are decoded again from another copy. */
  row = 0
  /** Whether rows are decoded into `place`, so that `batch` says no more than how many. Else they are in a batch of the decoder's own. */
  readonly staysInPlace: boolean

  /** What a decoder of sync-blocks of the usual size takes of a memory. */
  static bytesNeeded(columns: readonly ColumnSpec[], capacity: number): number {
    return 2 * USUAL_BYTES + layoutBytes(columns, capacity)
  }

  /** Throws `bad-schema` when rows of the writer's schema can never fit the columns. */
  constructor(options: RowDecoderOptions) {
    this.#options = options
    this.#program = compileProgram(parseAvroRecord(options.schema), options.columns)
    this.staysInPlace = options.place !== undefined && areDirect(this.#program, options.place)
  }

  /** The rows decoded last. */
  get batch(): Batch {
    return this.#here.batch
  }

  /** Unpacks and checks a sync-block, in place when it lies in the memory of the columns, and returns the length of its plain bytes. Throws `corrupt`. */
  load(codec: AvroCodec, data: Uint8Array): number {
    if (codec === 'snappy') this.#loadSnappy(data)
    else {
      const plain = decompress(codec, data)
      const { instance, plainAt } = this.#layout(0, plain.length)
      instance.memory.bytes(plainAt, plain.length).set(plain)
      this.#plainLength = plain.length
    }
    const { instance, plainAt } = this.#here
    instance.memory.bytes(plainAt + this.#plainLength, ROW_SLACK).fill(0)
    return this.#plainLength
  }

  /** Decodes `rows` rows (at most the batch's capacity) that begin at byte `at` and returns where they end. Throws `corrupt`. */
  decode(at: number, rows: number): number {
    const { batch } = this.#here
    const next = this.#program.isFlat ? this.#decodeFlat(at, rows) : this.#decodeAny(at, rows)
    batch.length = rows
    return next
  }

  #decodeFlat(at: number, rows: number): number {
    const { instance, plainAt, programAt, targetsAt, presentAt, slots, filled, walk, columnsAt } = this.#here
    if (filled.length > 0) slots.present.fill(1)
    const end = plainAt + this.#plainLength
    const first = this.staysInPlace ? this.row : 0
    const lastRow = first + rows
    let [row, next] = [first, plainAt + at]
    for (;;) {
      if (walk) [row, next] = walk.run(next, Math.max(0, end - walk.reach), row, lastRow, columnsAt)
      next >>>= 0
      if (row === lastRow) break
      const last = walk ? Math.min(lastRow, row + UNUSUAL) : lastRow
      const to = [targetsAt, slots.stride, presentAt] as const
      const length = instance.kernels.avroRows(programAt, plainAt, next, end, row, last, ...to)
      // The twin keeps the value that does not fit, and says what it is.
      if (length === FAULT.value && !this.staysInPlace) this.#decodeAny(at, rows)
      if (length < 0) throw fault(length)
      row = last
      next += length
    }
    this.#fill(filled, rows)
    return next - plainAt
  }

  #decodeAny(at: number, rows: number): number {
    const { instance, plainAt, slots } = this.#here
    const plain = instance.memory.bytes(plainAt, this.#plainLength)
    slots.present.fill(1)
    const next = decodeRows(this.#program.code, plain, at, plain.length, rows, slots)
    if (next < 0) throw fault(next)
    this.#fill([...this.#program.reads.keys()], rows)
    return next
  }

  /** Moves what lies in slots into columns. */
  #fill(filled: readonly number[], rows: number): void {
    const { batch, instance, plainAt, slots } = this.#here
    const plain = instance.memory.bytes(plainAt, this.#plainLength)
    for (const slot of filled) {
      const read = this.#program.reads[slot]!
      fillColumn(batch.columns[read.spec.name]!, read, slot, rows, plain, slots)
    }
  }

  close(): void {
    if (this.#lent) returnKernels(this.#lent.instance)
    this.#lent = undefined
  }

  #loadSnappy(data: Uint8Array): void {
    const { body, crc, plainLength } = openSnappy(data)
    const { instance, packedAt, plainAt } = this.#layout(body.length, plainLength)
    const isThere = body.buffer === instance.memory.memory.buffer
    if (!isThere) instance.memory.bytes(packedAt, body.length).set(body)
    const from = isThere ? body.byteOffset : packedAt
    const written = instance.kernels.snappyDecompress(from, body.length, plainAt, plainLength)
    if (written < 0) throw corrupt('snappy data', kernelFault(written))
    checkCrc(instance.memory.bytes(plainAt, written), crc)
    this.#plainLength = written
  }

  /** The places in kernel memory of the sync-block at hand. */
  get #here(): DecoderLayout {
    return this.#lent ?? this.#layout(0, 0)
  }

  /** The places in kernel memory, moved to a larger instance when a sync-block needs one. */
  #layout(packedLength: number, plainLength: number): DecoderLayout {
    const lent = this.#lent
    if (lent && packedLength <= lent.packedLength && plainLength <= lent.plainLength) return lent
    this.close()
    const lengths = [packedLength, plainLength].map((length) => Math.max(length, USUAL_BYTES))
    this.#lent = layOut(this.#program, this.#options, this.staysInPlace, lengths[0]!, lengths[1]!)
    return this.#lent
  }
}

const fault = (code: number): Error => corrupt(...(FAULTS[code] ?? (['rows', 'none'] as const)))

const FAULTS: { readonly [fault: number]: readonly [expected: string, got: string] } = {
  [FAULT.end]: ['whole rows', 'the end within one'],
  [FAULT.varint]: ['varints of at most 64 bits', 'a longer one'],
  [FAULT.length]: ['a length within the data', 'another'],
  [FAULT.boolean]: ['a boolean of 0 or 1', 'another byte'],
  [FAULT.branch]: ['a branch of the union', 'another'],
  [FAULT.refused]: ['a value that the column can hold', 'null or another branch of the union'],
  [FAULT.value]: ['values that the columns can hold', 'others'],
  [FAULT.depth]: ['at most 200 nested values', 'more'],
}
