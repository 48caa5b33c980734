import type { Batch } from '../../flow/batch.ts'
import { ByteRows, compareBytes, RowCodec } from '../../flow/canonical.ts'
import { partitionOf } from '../aggregate/hash.ts'
import { RuntimeError } from '../error.ts'
import type { BatchSink, Program, TaskContext } from '../program.ts'
import type { Cursor, RecordSink } from '../shuffle/cursor.ts'
import { drain } from '../shuffle/cursor.ts'
import { RecordBuffer } from '../shuffle/record-buffer.ts'
import { GroupedValues } from './grouped-values.ts'
import { orderedValues } from './ordered-values.ts'

/**
 * Keys and values on their way to a custom reduce: records whose key is the key followed by the values, in the order in which the values are to arrive. Where the job
 * has a combiner, every sorted run passes through it.
 */
export class ValuesBuffer {
  readonly #program: Program
  readonly #context: TaskContext
  readonly #codec: RowCodec
  readonly #rowCodec: RowCodec
  readonly #buffer: RecordBuffer
  readonly #rows = new ByteRows()

  constructor(program: Program, context: TaskContext, budgetBytes: number) {
    this.#program = program
    this.#context = context
    this.#codec = new RowCodec(program.key)
    this.#rowCodec = new RowCodec([...program.key, ...orderedValues(program)])
    this.#buffer = new RecordBuffer(budgetBytes)
  }

  get length(): number {
    return this.#buffer.length
  }

  add(batch: Batch): boolean {
    const rows = this.#rows
    this.#rowCodec.encode(this.#rowCodec.columnsOf(batch), 0, batch.length, rows)
    if (!this.#buffer.fits(batch.length, rows.offsets[batch.length]!)) return false
    for (let row = 0; row < batch.length; row++) {
      const start = rows.offsets[row]!
      const size = rows.offsets[row + 1]! - start
      const at = this.#buffer.reserve(size, 0)
      const { data } = this.#buffer.records
      for (let i = 0; i < size; i++) data[at + i] = rows.data[start + i]!
    }
    return true
  }

  writeTo(sink: RecordSink, partitions: number): void {
    const { data, offsets } = this.#buffer.records
    const partitionOfRow = (row: number): number =>
      partitionOf(data, offsets[row]!, this.#codec.skip(data, offsets[row]!), partitions)
    this.#buffer.sorted(partitions, partitionOfRow).forEach((cursor, partition) => {
      drain(this.combined(cursor), partition, sink)
    })
  }

  clear(): void {
    this.#buffer.clear()
  }

  /** The records of a sorted cursor after the combiner, or as they are without one. */
  combined(sorted: Cursor): Cursor {
    return this.#program.createCombiner
      ? new CombinerCursor(this.#program, this.#context, this.#codec, this.#rowCodec, sorted)
      : sorted
  }
}

/** Runs the combiner over each group of a sorted cursor; what it emits for a key is sorted again. */
class CombinerCursor implements Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  keyStart = 0
  keyEnd = 0
  payloadStart = 0
  payloadEnd = 0
  readonly #groups: GroupedValues
  readonly #codec: RowCodec
  readonly #rowCodec: RowCodec
  readonly #combiner: ReturnType<NonNullable<Program['createCombiner']>>
  readonly #rows = new ByteRows()
  readonly #emitted = new RecordBuffer(Number.POSITIVE_INFINITY)
  #sorted: Cursor | undefined
  #lastKey: Uint8Array = new Uint8Array(0)

  constructor(program: Program, context: TaskContext, codec: RowCodec, rowCodec: RowCodec, sorted: Cursor) {
    this.#codec = codec
    this.#rowCodec = rowCodec
    this.#groups = new GroupedValues(program.key, orderedValues(program), sorted)
    const sink: BatchSink = { add: (batch) => this.#take(batch) }
    // How often a combiner runs depends on memory, so it must not show in the counters.
    this.#combiner = program.createCombiner!(sink, { ...context, count: () => {} })
  }

  next(): boolean {
    for (;;) {
      if (this.#sorted?.next()) {
        this.bytes = this.#sorted.bytes
        this.keyStart = this.#sorted.keyStart
        this.keyEnd = this.#sorted.keyEnd
        this.payloadStart = this.keyEnd
        this.payloadEnd = this.keyEnd
        return true
      }
      this.#emitted.clear()
      if (!this.#groups.next()) return false
      this.#lastKey = this.#groups.keyBytes()
      this.#combiner.reduce(this.#groups.key, 0, this.#groups.values())
      this.#combiner.finish()
      this.#sorted = this.#emitted.sorted(1, () => 0)[0]
    }
  }

  #take(batch: Batch): void {
    const rows = this.#rows
    this.#rowCodec.encode(this.#rowCodec.columnsOf(batch), 0, batch.length, rows)
    for (let row = 0; row < batch.length; row++) {
      const start = rows.offsets[row]!
      const end = rows.offsets[row + 1]!
      const key = this.#lastKey
      if (compareBytes(rows.data, start, this.#codec.skip(rows.data, start), key, 0, key.length) !== 0)
        throw new RuntimeError(
          'bad-program',
          'combine: key of an emitted value expected that of its group, got another',
        )
      const at = this.#emitted.reserve(end - start, 0)
      this.#emitted.records.data.set(rows.data.subarray(start, end), at)
    }
  }
}
