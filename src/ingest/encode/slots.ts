import type { Batch } from '../../flow/batch.ts'
import { sharedBatch, sharedBatchBytes } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { PackedRows } from '../../storage/avro/sync-block-encoder.ts'
import { SyncBlockEncoder } from '../../storage/avro/sync-block-encoder.ts'

/** What a thread needs to work on the slots of another. */
export interface SharedSlots {
  readonly memory: SharedArrayBuffer
  readonly columns: readonly ColumnSpec[]
  /** Rows of a batch. */
  readonly capacity: number
  readonly count: number
}

/** States of a slot, in the order in which it goes through them. */
const FREE = 0
const READY = 1
const TAKEN = 2
const DONE = 3
const FAILED = 4

/** Words of a slot: its state, rows, plain bytes, packed bytes. */
const SLOT_WORDS = 4
const ROWS = 1
const PLAIN = 2
const PACKED = 3
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
  readonly batches: readonly Batch[]
  readonly #control: Int32Array
  readonly #packed: readonly Uint8Array[]
  #encoder: SyncBlockEncoder | undefined

  constructor(shared: SharedSlots) {
    const { memory, columns, capacity, count } = shared
    const { headBytes, batchBytes, slotBytes } = layoutOf(shared)
    this.shared = shared
    this.#control = new Int32Array(memory, 0, headBytes / 4)
    const at = (slot: number): number => headBytes + slot * slotBytes
    const slots = Array.from({ length: count }, (_, slot) => slot)
    this.batches = slots.map((slot) => sharedBatch(columns, capacity, memory, at(slot)))
    this.#packed = slots.map((slot) => new Uint8Array(memory, at(slot) + batchBytes, slotBytes - batchBytes))
  }

  static create(options: Omit<SharedSlots, 'memory'>): Slots {
    const { headBytes, slotBytes } = layoutOf(options)
    return new Slots({ ...options, memory: new SharedArrayBuffer(headBytes + options.count * slotBytes) })
  }

  isDone(slot: number): boolean {
    return Atomics.load(this.#control, this.#word(slot)) >= DONE
  }

  /** Hands a filled batch to whoever packs. */
  submit(slot: number): void {
    Atomics.store(this.#control, this.#word(slot) + ROWS, this.batches[slot]!.length)
    Atomics.store(this.#control, this.#word(slot), READY)
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

  /** The packed rows of a slot, which is free then; waits for the thread that packs it. Throws what the encoder has against its rows, or an Error when that thread does not answer. */
  take(slot: number): PackedRows {
    const word = this.#word(slot)
    while (!this.isDone(slot)) {
      if (Atomics.wait(this.#control, word, TAKEN, PATIENCE_MS) === 'timed-out')
        throw new Error(`ingest: encoding thread expected to answer within ${PATIENCE_MS / 1000} s, got nothing`)
    }
    const failed = Atomics.load(this.#control, word) === FAILED
    Atomics.store(this.#control, word, FREE)
    if (failed) return this.#encode(slot)
    const length = Atomics.load(this.#control, word + PACKED)
    return { data: this.#packed[slot]!.slice(0, length), plainLength: Atomics.load(this.#control, word + PLAIN) }
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
    this.#encoder?.close()
    this.#encoder = undefined
  }

  #pack(slot: number): boolean {
    try {
      const { data, plainLength } = this.#encode(slot)
      this.#packed[slot]!.set(data)
      Atomics.store(this.#control, this.#word(slot) + PLAIN, plainLength)
      Atomics.store(this.#control, this.#word(slot) + PACKED, data.length)
      return true
    } catch {
      // The filling thread encodes it once more, to throw where its caller can see it.
      return false
    }
  }

  #encode(slot: number): PackedRows {
    const { columns, capacity } = this.shared
    this.#encoder ??= new SyncBlockEncoder(columns, capacity)
    const rows = Atomics.load(this.#control, this.#word(slot) + ROWS)
    this.#encoder.add(this.batches[slot]!, 0, rows)
    return this.#encoder.take()
  }

  #word(slot: number): number {
    return HEAD_WORDS + slot * SLOT_WORDS
  }
}

function layoutOf({ columns, capacity, count }: Omit<SharedSlots, 'memory'>) {
  const batchBytes = sharedBatchBytes(columns, capacity)
  const packedBytes = SyncBlockEncoder.maxPackedBytes(columns, capacity)
  const headBytes = Math.ceil(((HEAD_WORDS + count * SLOT_WORDS) * 4) / 64) * 64
  return { headBytes, batchBytes, slotBytes: batchBytes + Math.ceil(packedBytes / 64) * 64 }
}
