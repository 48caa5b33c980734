import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import { regionBytes } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { STATISTICS_COLUMNS } from '../../storage/block/statistics.ts'
import type { Program } from '../program.ts'
import type { OrderPart } from '../row-form.ts'
import { rowForm } from '../row-form.ts'
import { startsBefore } from '../shuffle/marks.ts'
import type { SourceSlice } from '../shuffle/merge-sources.ts'
import type { RunReader } from '../shuffle/run-reader.ts'
import { openSource } from '../shuffle/run-source.ts'

/** How the kernel `rowsMerge` writes a column, and most bytes that it takes in a record and as Avro. */
interface RowStep {
  readonly code: number
  readonly recordBytes: number
  readonly avroBytes: number
}

const wide = (code: number, avroBytes: number): RowStep => ({ code, recordBytes: 8, avroBytes })
const SAFE_INTEGER = wide(5, 8)

/** Columns of other types are left to `RowCodec`. */
const STEPS: { readonly [T in ColumnType]?: RowStep } = {
  u8: { code: 1, recordBytes: 1, avroBytes: 2 },
  u16: { code: 2, recordBytes: 2, avroBytes: 3 },
  u32: { code: 3, recordBytes: 4, avroBytes: 5 },
  u53: wide(4, 8),
  i53: SAFE_INTEGER,
  instant: SAFE_INTEGER,
  duration: SAFE_INTEGER,
  u64: wide(6, 10),
  i64: wide(7, 10),
  boolean: { code: 8, recordBytes: 1, avroBytes: 1 },
  address: { code: 9, recordBytes: 17, avroBytes: 17 },
  prefix: { code: 10, recordBytes: 18, avroBytes: 18 },
}

/** Columns whose length in a record depends on the family. */
const WITH_ADDRESS: ReadonlySet<ColumnType> = new Set<ColumnType>(['address', 'prefix'])

/** Set in a word of a program: the bits of the column are flipped. Above that stands the number of the part that has a column, or the width of a part. */
const FLIPPED = 0x100
const PART_SHIFT = 16
const WIDTH_SHIFT = 24

/** Bytes of a cursor, as the kernel keeps it. */
const CURSOR_BYTES = 16
/** Lengths of keys and rows are one byte below this. */
const LONGEST = 0x80
/** Inputs that are merged by the kernel; more take several passes of the general merge. */
const MOST_INPUTS = 128

export interface RowMergeOptions {
  /** Rows that are asked for at a time, at most. */
  readonly mostRows: number
  /** The number of the first row that is wanted. */
  readonly firstRow?: number
}

/** Rows as they stand in an Avro sync-block. */
export interface AvroRows {
  /** Valid until the next call. */
  readonly plain: Uint8Array
  readonly rows: number
}

/**
 * Merges the sorted rows of run files and writes them as Avro in one kernel, where rows have columns of fixed length and addresses. Its TypeScript twin is
 * `mergeCursors` with `RowCodec` and `BlockEncoder`, which takes any rows.
 */
export class RowMerge {
  readonly #instance: KernelInstance
  readonly #readers: readonly RunReader[]
  readonly #inputs: Input[]
  readonly #mostRows: number
  /** Rows that come before the first that is wanted. */
  #toSkip: number
  readonly #parts: number
  readonly #columns: number
  readonly #headsAt: number
  readonly #nodesAt: number
  readonly #programAt: number
  readonly #endAt: number
  readonly #plainAt: number

  /** Undefined for rows, or so many inputs, that the kernel does not take. */
  static for(
    program: Program,
    slices: readonly SourceSlice[],
    { mostRows, firstRow = 0 }: RowMergeOptions,
  ): RowMerge | undefined {
    const { order, rest } = rowForm(program)
    const [key, payload] = [order.map(({ column }) => column), rest].map(stepsOf)
    if (!key || !payload || slices.length > MOST_INPUTS) return undefined
    if ([key, payload].some((part) => recordBytesOf(part) >= LONGEST)) return undefined
    const counted = program.output.some(({ name }) => STATISTICS_COLUMNS.some((column) => column.name === name))
    if (counted) return undefined
    const parts = [...order, ...rest.map((column) => ({ column, descending: false }))]
    return new RowMerge(rowProgram(program.output, parts), openAll(slices), { mostRows, firstRow })
  }

  private constructor(
    { words, columns, avroBytes }: RowProgram,
    slices: readonly OpenSlice[],
    { mostRows, firstRow }: Required<RowMergeOptions>,
  ) {
    this.#readers = slices.map(({ reader }) => reader)
    const { starts, skipped } = startsBefore(
      slices.map(({ reader, slice }) => reader.slices[slice]!),
      firstRow,
    )
    this.#mostRows = mostRows
    this.#toSkip = firstRow - skipped
    const opened = slices.map(({ reader, slice }, i) => ({
      frames: reader.frames(slice, starts[i]),
      bytes: reader.slices[slice]!.maxFrame,
    }))
    const plainBytes = mostRows * avroBytes
    const places = [slices.length * CURSOR_BYTES, (slices.length + 1) * 4, words.length * 4, 4, plainBytes]
    const sizes = [...places, ...opened.map(({ bytes }) => bytes)]
    this.#instance = borrowKernels(sizes.reduce((sum, size) => sum + regionBytes(size), 0))
    const [headsAt = 0, nodesAt = 0, programAt = 0, endAt = 0, plainAt = 0, ...frames] = sizes.map((size) =>
      this.#instance.memory.allocate(size),
    )
    ;[this.#headsAt, this.#nodesAt, this.#programAt] = [headsAt, nodesAt, programAt]
    ;[this.#endAt, this.#plainAt] = [endAt, plainAt]
    this.#columns = columns
    this.#parts = words.length - columns
    this.#words(programAt, words.length).set(words)
    const inputs = opened.map((input, i) => ({ frames: input.frames, at: frames[i]!, next: 0, end: 0 }))
    this.#inputs = inputs.filter((input) => this.#refill(input))
  }

  /** Whether all rows have been given. */
  get isDone(): boolean {
    return this.#inputs.length === 0
  }

  /** The next rows, up to `most` of them. Undefined when a row cannot be stored, which the general way then says. */
  next(most: number): AvroRows | undefined {
    while (this.#toSkip > 0 && !this.isDone) {
      const skipped = this.#merge(Math.min(this.#toSkip, this.#mostRows))
      if (!skipped) return undefined
      this.#toSkip -= skipped.rows
    }
    return this.#merge(most)
  }

  #merge(most: number): AvroRows | undefined {
    const { kernels } = this.#instance
    let rows = 0
    let end = this.#plainAt
    while (rows < most && this.#inputs.length > 0) {
      const count = this.#placeHeads()
      const places = [this.#headsAt, count, this.#nodesAt] as const
      const program = [this.#programAt, this.#parts, this.#columns] as const
      const merged = kernels.rowsMerge(...places, ...program, most - rows, end, this.#endAt)
      if (merged < 0) return undefined
      rows += merged
      end = this.#words(this.#endAt, 1)[0]!
      this.#takeHeads()
    }
    return { plain: this.#instance.memory.bytes(this.#plainAt, end - this.#plainAt), rows }
  }

  close(): void {
    for (const reader of this.#readers) reader.close()
    returnKernels(this.#instance)
  }

  #placeHeads(): number {
    const heads = this.#words(this.#headsAt, (this.#inputs.length * CURSOR_BYTES) / 4)
    for (const [i, { next, end }] of this.#inputs.entries()) {
      heads[i * 4] = next
      heads[i * 4 + 1] = end
    }
    return this.#inputs.length
  }

  /** Where the kernel has left the inputs; one that has nothing left gets its next frame, or goes. */
  #takeHeads(): void {
    const heads = this.#words(this.#headsAt, (this.#inputs.length * CURSOR_BYTES) / 4)
    for (let i = this.#inputs.length - 1; i >= 0; i--) {
      const input = this.#inputs[i]!
      input.next = heads[i * 4]!
      if (input.next === input.end && !this.#refill(input)) this.#inputs.splice(i, 1)
    }
  }

  #refill(input: Input): boolean {
    const frame = input.frames.next()
    if (frame.done) return false
    this.#instance.memory.bytes(input.at, frame.value.length).set(frame.value)
    input.next = input.at
    input.end = input.at + frame.value.length
    return true
  }

  #words(at: number, length: number): Uint32Array {
    return new Uint32Array(this.#instance.memory.memory.buffer, at, length)
  }
}

/** A slice being merged: its frame at hand lies at `at`, what is left of it from `next` to `end`. */
interface Input {
  readonly frames: Iterator<Uint8Array, void>
  readonly at: number
  next: number
  end: number
}

interface OpenSlice {
  readonly reader: RunReader
  readonly slice: number
}

function openAll(slices: readonly SourceSlice[]): OpenSlice[] {
  const opened: OpenSlice[] = []
  try {
    for (const { source, slice } of slices) opened.push({ reader: openSource(source), slice })
    return opened
  } catch (error) {
    for (const { reader } of opened) reader.close()
    throw error
  }
}

/** What the kernel is told of records and of the rows in them. */
interface RowProgram {
  /** A word for each part of a record, then one for each of `columns` columns of a row. */
  readonly words: readonly number[]
  readonly columns: number
  /** Most bytes of a row as Avro. */
  readonly avroBytes: number
}

/** Of parts with the same column the kernel takes the first. */
function rowProgram(output: readonly ColumnSpec[], parts: readonly OrderPart[]): RowProgram {
  const wordOf = ({ column, descending }: OrderPart): number => STEPS[column.type]!.code | (descending ? FLIPPED : 0)
  const names = parts.map(({ column }) => column.name)
  const columns = output.map(({ name }) => {
    const part = names.indexOf(name)
    return wordOf(parts[part]!) | (part << PART_SHIFT)
  })
  const avroBytes = output.reduce((sum, { type }) => sum + STEPS[type]!.avroBytes, 0)
  const widths = parts.map(({ column: { type } }) => (WITH_ADDRESS.has(type) ? 0 : STEPS[type]!.recordBytes))
  const words = parts.map((part, i) => wordOf(part) | (widths[i]! << WIDTH_SHIFT))
  return { words: [...words, ...columns], columns: columns.length, avroBytes }
}

function stepsOf(specs: readonly ColumnSpec[]): readonly RowStep[] | undefined {
  const steps = specs.flatMap(({ type, nullable, avro }) => (nullable || avro ? [] : (STEPS[type] ?? [])))
  return steps.length === specs.length ? steps : undefined
}

const recordBytesOf = (steps: readonly RowStep[]): number =>
  steps.reduce((sum, { recordBytes }) => sum + recordBytes, 0)
