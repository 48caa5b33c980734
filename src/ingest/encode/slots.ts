import { batchBytes, batchIn, type FlowBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { loadKernels } from '../../kernels/load.ts'
import { KernelMemory, regionBytes } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { SyncBlockEncoder } from '../../storage/avro/sync-block-encoder.ts'
import type { TimeSpan } from '../../storage/block/statistics.ts'
import { V5Intake } from '../decode/v5-intake.ts'
import { V5Records } from '../decode/v5-records.ts'
import { GatheredRows, type PackedGathered } from './gathered-rows.ts'
import { RowPacker } from './row-packer.ts'

/** What a thread needs to work on the slots of another. */
export interface SharedSlots {
  readonly memory: WebAssembly.Memory
  /** Those of a flow, and further elements. */
  readonly columns: readonly ColumnSpec[]
  /** Rows of a batch. */
  readonly capacity: number
  readonly count: number
  /** Threads that pack. */
  readonly lanes: number
  /** Bytes of each piece of memory that datagrams are read into; without it rows are columns from the start, and no records of v5. */
  readonly inputs?: readonly number[] | undefined
}

/** States of a slot, in the order in which it goes through them. */
const FREE = 0
const READY = 1
const TAKEN = 2
const DONE = 3
const FAILED = 4

/** Words of a slot: its state, rows, records of v5 among them and their bytes, plain bytes, packed bytes; from an even word on the four times of a span. */
const SLOT_WORDS = 16
const ROWS = 1
const RECORDS = 2
const RECORD_BYTES = 3
const PLAIN = 4
const PACKED = 5
const SPAN = 8
/** Words in front of the slots: batches submitted so far, which the workers wait for, and whether they shall end. */
const SUBMITTED = 0
const ENDED = 1
const HEAD_WORDS = 16

/** Longer than any batch takes: then the other thread is gone. */
const PATIENCE_MS = 60_000

/**
 * Batches in kernel memory that several threads share: one thread fills them and takes the packed rows in the same order, others (or that thread itself) pack them in between, from
 * where they were filled to where they are taken; the rows between lie in a lane, a region of each thread. What a slot holds depends on its rows alone, never on who packed it. A slot
 * belongs to who brought it into its state: `FREE` and `DONE` to the filling thread, `TAKEN` to the one that took it.
 */
export class Slots {
  readonly shared: SharedSlots
  readonly rows: readonly GatheredRows[]
  /** Where the filling thread has records of v5 gathered. */
  readonly intake: V5Intake | undefined
  readonly #control: Int32Array
  readonly #spans: Float64Array
  readonly #packed: readonly Uint8Array[]
  /** What `take` gives; made on first use. */
  #taken = new Uint8Array(0)
  readonly #packer: RowPacker

  /** `lane`: which of the threads this is; the one that fills the slots is the first. */
  constructor(shared: SharedSlots, lane: number) {
    const { columns, capacity, count, lanes, inputs } = shared
    const memory = KernelMemory.over(shared.memory)
    const { buffer } = shared.memory
    const instance = { memory, kernels: loadKernels(memory), base: memory.mark, isPart: false }
    this.shared = shared
    this.#control = memory.make(Int32Array, headWords(shared))
    this.#spans = new Float64Array(buffer, this.#control.byteOffset, this.#control.length / 2)
    const slots = Array.from({ length: count }, () => slotIn(instance, shared))
    this.rows = slots.map(({ rows }) => rows)
    this.#packed = slots.map(({ packed }) => packed)
    const parts = Array.from({ length: lanes }, () => memory.part(SyncBlockEncoder.bytesNeeded(columns, capacity)))
    this.#packer = new RowPacker(columns, capacity, { ...instance, memory: parts[lane]! })
    this.intake = inputs && lane === 0 ? new V5Intake(instance, { capacity, inputs }) : undefined
  }

  /** For the thread that fills them. */
  static create(plan: Omit<SharedSlots, 'memory'>): Slots {
    return new Slots({ ...plan, memory: KernelMemory.create(bytesOf(plan), { shared: true }).memory }, 0)
  }

  isDone(slot: number): boolean {
    return Atomics.load(this.#control, this.#word(slot)) >= DONE
  }

  /** Hands a filled batch to whoever packs. */
  submit(slot: number): void {
    const word = this.#word(slot)
    const { length, v5 } = this.rows[slot]!
    Atomics.store(this.#control, word + ROWS, length)
    Atomics.store(this.#control, word + RECORDS, v5?.rows ?? 0)
    Atomics.store(this.#control, word + RECORD_BYTES, v5?.length ?? 0)
    Atomics.store(this.#control, word, READY)
    Atomics.add(this.#control, SUBMITTED, 1)
    Atomics.notify(this.#control, SUBMITTED)
  }

  /** Packs the slot when nobody has taken it; false when it was not there to be packed. Never throws: a value that cannot be stored shows in `take`. */
  pack(slot: number): boolean {
    const word = this.#word(slot)
    if (Atomics.compareExchange(this.#control, word, READY, TAKEN) !== READY) return false
    Atomics.store(this.#control, word, this.#pack(slot) ? DONE : FAILED)
    Atomics.notify(this.#control, word)
    return true
  }

  /**
   * The packed rows of a slot, which is free then, valid until the next call; waits for the thread that packs it. Throws what the encoder has against
   * its rows, or an Error when that thread does not answer.
   */
  take(slot: number): PackedGathered {
    const word = this.#word(slot)
    while (!this.isDone(slot)) {
      if (Atomics.wait(this.#control, word, TAKEN, PATIENCE_MS) === 'timed-out')
        throw new Error(`ingest: encoding thread expected to answer within ${PATIENCE_MS / 1000} s, got nothing`)
    }
    const failed = Atomics.load(this.#control, word) === FAILED
    Atomics.store(this.#control, word, FREE)
    if (failed) return this.#encode(slot)
    const length = Atomics.load(this.#control, word + PACKED)
    const plainLength = Atomics.load(this.#control, word + PLAIN)
    // Out of shared memory into memory that begins as it does: only so are eight bytes copied at a time.
    const packed = this.#packed[slot]!
    if (this.#taken.length === 0) this.#taken = new Uint8Array(packed.length)
    this.#taken.set(packed.subarray(0, length))
    return { data: this.#taken.subarray(0, length), plainLength, v5Span: this.#span(slot) }
  }

  /** Packs what is submitted until `end`: all that a worker does. */
  work(): void {
    for (;;) {
      const seen = Atomics.load(this.#control, SUBMITTED)
      if (Atomics.load(this.#control, ENDED)) break
      // From the oldest on: the one that the other thread waits for first.
      const oldest = seen % this.shared.count
      let packed = false
      for (let i = 0; i < this.shared.count; i++) packed = this.pack((oldest + i) % this.shared.count) || packed
      if (!packed) Atomics.wait(this.#control, SUBMITTED, seen)
    }
    this.close()
  }

  /** Has `work` return in every thread. */
  end(): void {
    Atomics.store(this.#control, ENDED, 1)
    Atomics.add(this.#control, SUBMITTED, 1)
    Atomics.notify(this.#control, SUBMITTED)
  }

  /** Gives the kernel memory of this thread back. */
  close(): void {
    this.#packer.close()
  }

  #pack(slot: number): boolean {
    try {
      const { data, plainLength, v5Span } = this.#encode(slot)
      const word = this.#word(slot)
      if (v5Span)
        this.#spans.set([v5Span.minStart!, v5Span.maxStart!, v5Span.minEnd!, v5Span.maxEnd!], (word + SPAN) / 2)
      Atomics.store(this.#control, word + PLAIN, plainLength)
      Atomics.store(this.#control, word + PACKED, data.length)
      return true
    } catch {
      // The filling thread encodes it once more, to throw where its caller can see it.
      return false
    }
  }

  #encode(slot: number): PackedGathered {
    const rows = this.rows[slot]!
    const word = this.#word(slot)
    rows.batch.length = Atomics.load(this.#control, word + ROWS)
    if (rows.v5) {
      rows.v5.rows = Atomics.load(this.#control, word + RECORDS)
      rows.v5.length = Atomics.load(this.#control, word + RECORD_BYTES)
    }
    return this.#packer.pack(rows, this.#packed[slot])
  }

  /** The times of the records of v5 of a packed slot. */
  #span(slot: number): TimeSpan | undefined {
    if (this.rows[slot]!.records === 0) return undefined
    const at = (this.#word(slot) + SPAN) / 2
    const [minStart = 0, maxStart = 0, minEnd = 0, maxEnd = 0] = this.#spans.subarray(at, at + 4)
    return { minStart, maxStart, minEnd, maxEnd }
  }

  #word(slot: number): number {
    return HEAD_WORDS + slot * SLOT_WORDS
  }
}

/** Takes the memory of a slot. */
function slotIn(instance: KernelInstance, { columns, capacity, inputs }: SharedSlots) {
  const { memory } = instance
  const at = memory.allocate(batchBytes(columns, capacity))
  const batch = batchIn(memory.memory.buffer, at, columns, capacity) as FlowBatch // these are the columns of a flow
  const rows = new GatheredRows(batch, inputs && new V5Records(capacity, instance))
  const packedBytes = SyncBlockEncoder.maxPackedBytes(columns, capacity)
  return { rows, packed: memory.bytes(memory.allocate(packedBytes), packedBytes) }
}

const headWords = ({ count }: Pick<SharedSlots, 'count'>): number => HEAD_WORDS + count * SLOT_WORDS

function bytesOf({ columns, capacity, count, lanes, inputs }: Omit<SharedSlots, 'memory'>): number {
  const records = inputs ? regionBytes(V5Records.sizeBytes(capacity)) : 0
  const packed = regionBytes(SyncBlockEncoder.maxPackedBytes(columns, capacity))
  const slot = regionBytes(batchBytes(columns, capacity)) + records + packed
  const lane = regionBytes(SyncBlockEncoder.bytesNeeded(columns, capacity))
  const intake = inputs ? V5Intake.bytesNeeded(inputs) : 0
  return regionBytes(headWords({ count }) * 4) + count * slot + lanes * lane + intake
}
