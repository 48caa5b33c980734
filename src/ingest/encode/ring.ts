import { Worker } from 'node:worker_threads'
import type { ColumnSpec } from '../../flow/column.ts'
import type { V5Intake } from '../decode/v5-intake.ts'
import { workerScript } from '../worker-script.ts'
import { FileHashes, type HashedFile } from './file-hashes.ts'
import type { GatheredRows, PackedGathered } from './gathered-rows.ts'
import { Slots } from './slots.ts'
import type { EncodeWorkerData } from './worker.ts'

export interface EncodeRingOptions {
  /** Those of a flow, and further elements. */
  readonly columns: readonly ColumnSpec[]
  /** Where records of v5 are gathered; without it rows are columns from the start. */
  readonly intake?: V5Intake | undefined
  /** Rows of a batch, which becomes one sync-block. */
  readonly capacity: number
  /** Threads that pack beside this one. */
  readonly workers: number
  /** Called with the rows of each batch and their packed form, in the order in which they were submitted. Both are valid during the call. */
  readonly consume: (rows: GatheredRows, packed: PackedGathered) => void
  /** Large files that are about to be read: the workers start at once, and the first of them hashes the files while there is nothing to pack. */
  readonly files?: readonly string[]
  /** The script of the workers; without one this thread packs by itself. Default: that of this installation. */
  readonly script?: URL | undefined
}

/** Batches filled, packed or waiting at once: enough that neither side waits for the other, few enough to stay in the cache. */
export const SLOTS = 8
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
  readonly #hashes: FileHashes
  #submitted = 0
  #consumed = 0

  constructor(options: EncodeRingOptions) {
    const { columns, intake, capacity, files = [] } = options
    this.#options = options
    this.#hashes = new FileHashes(files)
    this.#slots = Slots.create({ columns, intake, capacity, count: SLOTS })
    this.rows = this.#slots.rows[0]!
    if (files.length > 0) this.#start()
  }

  /** SHA-256 of a file that a worker hashes, or undefined when none came to it; without a promise when none was asked to. */
  sha256(path: string): Promise<string | undefined> | undefined {
    return this.#workers.length > 0 ? this.#hashes.of(path) : undefined
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
      const workerData: EncodeWorkerData = { slots: this.#slots.shared, files: i === 0 ? this.#hashes.paths : [] }
      const worker = new Worker(script, { workerData })
      // A worker that cannot start is not missed: this thread packs what nobody takes, and who reads a file hashes it.
      worker.on('error', () => i === 0 && this.#hashes.giveUp())
      if (i === 0) worker.on('message', (file: HashedFile) => this.#hashes.note(file))
      this.#workers.push(worker)
    }
  }
}
