import { Worker } from 'node:worker_threads'
import type { ColumnSpec } from '../../flow/column.ts'
import type { V5Intake } from '../decode/v5-intake.ts'
import { workerScript } from '../worker-script.ts'
import type { GatheredRows, PackedGathered } from './gathered-rows.ts'
import { Slots } from './slots.ts'
import type { EncodeWorkerData } from './worker.ts'

export interface EncodeRingOptions {
  /** Those of a flow, and further elements. */
  readonly columns: readonly ColumnSpec[]
  /** Bytes of each piece of memory that datagrams are read into; without it rows are columns from the start, and no records of v5. */
  readonly inputs?: readonly number[] | undefined
  /** Rows of a batch, which becomes one sync-block. */
  readonly capacity: number
  /** Threads that pack beside this one. */
  readonly workers: number
  /** Called with the rows of each batch and their packed form, in the order in which they were submitted. Both are valid during the call. */
  readonly consume: (rows: GatheredRows, packed: PackedGathered) => void
  /** Many batches are about to come: the workers start at once. Default false. */
  readonly isLarge?: boolean
  /** The script of the workers; without one this thread packs by itself. Default: that of this installation. */
  readonly script?: URL | undefined
}

/** Batches filled, packed or waiting at once: enough that neither side waits for the other, few enough to stay in the cache. */
const SLOTS = 8
/** Batches before the first worker is started: fewer are packed before it would be there. */
const FIRST_BATCHES = 24

/**
 * A bounded ring of batches: this thread fills them and consumes their packed rows in order, worker threads pack them in between, and this thread helps
 * whenever the ring is full. So both are always busy, memory does not grow, and the bytes do not depend on how many threads there are.
 */
export class EncodeRing {
  /** The rows to be filled. */
  rows: GatheredRows
  readonly #options: EncodeRingOptions
  readonly #slots: Slots
  readonly #workers: Worker[] = []
  #submitted = 0
  #consumed = 0

  constructor(options: EncodeRingOptions) {
    const { columns, inputs, capacity, workers, isLarge = false } = options
    this.#options = options
    this.#slots = Slots.create({ columns, inputs, capacity, count: SLOTS, lanes: 1 + workers })
    this.rows = this.#slots.rows[0]!
    if (isLarge) this.#start()
  }

  /** Where records of v5 are gathered. */
  get intake(): V5Intake | undefined {
    return this.#slots.intake
  }

  /** Submits the rows and returns the next ones, of which there are none. Throws `bad-format` for a value of these or earlier ones that cannot be stored. */
  submit(): GatheredRows {
    if (this.rows.length === 0) return this.rows
    this.#slots.submit(this.#submitted % SLOTS)
    this.#submitted++
    if (this.#submitted === FIRST_BATCHES && this.#workers.length === 0) this.#start()
    while (this.#consumed < this.#submitted && this.#slots.isDone(this.#consumed % SLOTS)) this.#consume()
    if (this.#submitted - this.#consumed === SLOTS) this.#help()
    this.rows = this.#slots.rows[this.#submitted % SLOTS]!
    this.rows.clear()
    return this.rows
  }

  /** Consumes all that was submitted. */
  drain(): void {
    while (this.#consumed < this.#submitted) this.#help()
  }

  /** Ends the workers. */
  close(): void {
    this.#slots.end()
    this.#slots.close()
    for (const worker of this.#workers) worker.unref()
  }

  /** Packs the oldest batch that nobody has taken, and consumes the oldest of all once that is packed. */
  #help(): void {
    for (let i = this.#consumed; i < this.#submitted && !this.#slots.isDone(this.#consumed % SLOTS); i++) {
      this.#slots.pack(i % SLOTS)
    }
    this.#consume()
  }

  #consume(): void {
    const slot = this.#consumed % SLOTS
    const packed = this.#slots.take(slot)
    this.#consumed++
    this.#options.consume(this.#slots.rows[slot]!, packed)
  }

  #start(): void {
    const script = 'script' in this.#options ? this.#options.script : workerScript('encode-worker')
    if (!script) return
    for (let i = 0; i < this.#options.workers; i++) {
      const workerData: EncodeWorkerData = { slots: this.#slots.shared, lane: 1 + i }
      const worker = new Worker(script, { workerData })
      // A worker that cannot start is not missed: this thread packs what nobody takes.
      worker.on('error', () => undefined)
      this.#workers.push(worker)
    }
  }
}
