import { batchIn, batchBytes as bytesOfBatch, type FlowBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { SyncBlockEncoder } from '../../storage/avro/sync-block-encoder.ts'
import type { TimeSpan } from '../../storage/block/statistics.ts'
import type { V5Intake } from '../decode/v5-intake.ts'
import { V5Records } from '../decode/v5-records.ts'
import { GatheredRows, type PackedGathered } from './gathered-rows.ts'
import { RowPacker } from './row-packer.ts'

/** What a thread needs to work on the slots of another. */
export interface SharedSlots {
  readonly memory: SharedArrayBuffer
  /** Those of a flow, and further elements. */
  readonly columns: readonly ColumnSpec[]
  readonly hasElements: boolean
  /** Rows of a batch. */
  readonly capacity: number
  readonly count: number
}

export interface SlotsOptions extends Omit<SharedSlots, 'memory' | 'hasElements'> {
  /** Where records of v5 are gathered; without it rows are columns from the start. */
  readonly intake?: V5Intake | undefined
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
 * Batches in shared memory that several threads pack: one thread fills them and takes the packed rows in the same order, others (or that thread itself) pack
 * them in between. What a slot holds depends on its rows alone, never on who packed it. A slot belongs to who brought it into its state: `FREE` and `DONE` to the
 * filling thread, `TAKEN` to the one that took it.
 */
export class Slots {
  readonly shared: SharedSlots
  readonly rows: readonly GatheredRows[]
  readonly #control: Int32Array
  readonly #spans: Float64Array
  /** Copies of the records of v5, for the other threads. */
  readonly #records: readonly Uint8Array[]
  readonly #packed: readonly Uint8Array[]
  /** What `take` gives; made on first use. */
  #taken = new Uint8Array(0)
  #packer: RowPacker | undefined

  /** `intake`: where this thread, which fills the slots, has records of v5; other threads have copies. */
  constructor(shared: SharedSlots, intake?: V5Intake) {
    const { memory, columns, hasElements, capacity, count } = shared
    const { headBytes, batchBytes, recordsBytes, slotBytes } = layoutOf(shared)
    this.shared = shared
    this.#control = new Int32Array(memory, 0, headBytes / 4)
    this.#spans = new Float64Array(memory, 0, headBytes / 8)
    const at = (slot: number): number => headBytes + slot * slotBytes
    const slots = Array.from({ length: count }, (_, slot) => slot)
    this.rows = slots.map((slot) => {
      const batch = batchIn(memory, at(slot), columns, capacity) as FlowBatch // these are the columns of a flow
      const v5 = (): V5Records => intake?.records() ?? new V5Records(capacity, memory, at(slot) + batchBytes)
      return new GatheredRows(batch, hasElements ? undefined : v5())
    })
    this.#records = slots.map((slot) => new Uint8Array(memory, at(slot) + batchBytes, recordsBytes))
    const packedAt = batchBytes + recordsBytes
    this.#packed = slots.map((slot) => new Uint8Array(memory, at(slot) + packedAt, slotBytes - packedAt))
  }

  /** For the thread that fills them. */
  static create({ intake, ...options }: SlotsOptions): Slots {
    const plan = { ...options, hasElements: intake === undefined }
    const { headBytes, slotBytes } = layoutOf(plan)
    const memory = new SharedArrayBuffer(headBytes + options.count * slotBytes)
    return new Slots({ ...plan, memory }, intake)
  }

  isDone(slot: number): boolean {
    return Atomics.load(this.#control, this.#word(slot)) >= DONE
  }

  /** Hands a filled batch to whoever packs. */
  submit(slot: number): void {
    const word = this.#word(slot)
    const { length, v5 } = this.rows[slot]!
    if (v5) this.#records[slot]!.set(v5.bytes)
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
    this.#packer?.close()
    this.#packer = undefined
  }

  #pack(slot: number): boolean {
    try {
      const { data, plainLength, v5Span } = this.#encode(slot)
      this.#packed[slot]!.set(data)
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
    const { columns, capacity } = this.shared
    this.#packer ??= new RowPacker(columns, capacity)
    const rows = this.rows[slot]!
    const word = this.#word(slot)
    rows.batch.length = Atomics.load(this.#control, word + ROWS)
    if (rows.v5) {
      rows.v5.rows = Atomics.load(this.#control, word + RECORDS)
      rows.v5.length = Atomics.load(this.#control, word + RECORD_BYTES)
    }
    return this.#packer.pack(rows)
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

function layoutOf({ columns, hasElements, capacity, count }: Omit<SharedSlots, 'memory'>) {
  const batchBytes = bytesOfBatch(columns, capacity)
  const recordsBytes = hasElements ? 0 : V5Records.sizeBytes(capacity)
  const packedBytes = SyncBlockEncoder.maxPackedBytes(columns, capacity)
  const headBytes = Math.ceil(((HEAD_WORDS + count * SLOT_WORDS) * 4) / 64) * 64
  const slotBytes = Math.ceil((batchBytes + recordsBytes + packedBytes) / 64) * 64
  return { headBytes, batchBytes, recordsBytes, slotBytes }
}
