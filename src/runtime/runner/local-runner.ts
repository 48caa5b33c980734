import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Piscina } from 'piscina'
import { RuntimeError } from '../error.ts'
import type { JournalEntry } from '../run/journal.ts'
import type { TaskDescription } from '../task/description.ts'
import { RemoteError } from '../task/error-json.ts'
import type { AttemptReply, AttemptRequest, ProgressMessage } from './messages.ts'
import type { AttemptSignals, Runner } from './runner.ts'
import { workerFailure } from './worker-failure.ts'

export interface LocalRunnerOptions {
  readonly workers: number
  /** Heap of each worker; beyond it the worker is ended as out of memory. */
  readonly heapBytes: number
  /** Attempts after which the workers are replaced by new ones. */
  readonly tasksPerPool: number
  /** What workers load before their first attempt. */
  readonly preload?: Preload | undefined
}

/** The path of the bundle of the job, and the URL of the store. */
export interface Preload {
  readonly bundle: string
  readonly store: string
}

/** A pool, the attempts it was given and those that are still running. */
interface Generation {
  readonly pool: Piscina
  started: number
  running: number
}

/**
 * Runs attempts on piscina worker threads. Workers are started as attempts need them, and after a number of attempts the whole pool gives way to a new one, so that
 * memory that user code leaks goes back to the system. Atomics are off: a worker parked in them would not get its messages.
 */
export class LocalRunner implements Runner {
  readonly slots: number
  readonly #options: LocalRunnerOptions
  readonly #progress = new Map<number, NonNullable<AttemptSignals['onProgress']>>()
  readonly #closing = new Set<Promise<void>>()
  #generation: Generation | undefined
  #nextId = 0
  #isClosed = false

  constructor(options: LocalRunnerOptions) {
    this.slots = options.workers
    this.#options = options
  }

  /**
   * Starts so many workers before there is anything to run: they load while the caller plans. An error shows with the first attempt; `close` is
   * due even when nothing was run.
   */
  start(workers: number): void {
    this.#currentGeneration({ minThreads: workers }).catch(() => undefined)
  }

  async run(task: TaskDescription, { signal, faults, next, onProgress }: AttemptSignals): Promise<JournalEntry> {
    const generation = await this.#currentGeneration()
    const request: AttemptRequest = { id: this.#nextId++, task, next, ...(faults ? { faults } : {}) }
    if (onProgress) this.#progress.set(request.id, onProgress)
    generation.started++
    generation.running++
    try {
      const reply: AttemptReply = await generation.pool.run(request, { signal })
      if (reply.type === 'committed') return reply.entry
      throw new RemoteError(reply.error)
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof RemoteError ? error : workerFailure(error)
    } finally {
      generation.running--
      this.#progress.delete(request.id)
      this.#retire(generation)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const { pool } = this.#generation ?? {}
    this.#generation = undefined
    await Promise.all([...this.#closing, pool?.destroy()])
  }

  async #currentGeneration({ minThreads = 0 } = {}): Promise<Generation> {
    const { tasksPerPool } = this.#options
    if (this.#generation && this.#generation.started < tasksPerPool) return this.#generation
    const { Piscina } = await import('piscina')
    if (this.#generation && this.#generation.started < tasksPerPool) return this.#generation
    const previous = this.#generation
    if (this.#isClosed) throw new RuntimeError('worker-terminated', 'runner: expected to be open, got closed')
    const generation = { pool: this.#createPool(Piscina, minThreads), started: 0, running: 0 }
    this.#generation = generation
    if (previous) this.#retire(previous)
    return generation
  }

  #createPool(PiscinaClass: typeof Piscina, minThreads: number): Piscina {
    const { workers, heapBytes, preload } = this.#options
    const pool = new PiscinaClass({
      filename: workerFile(),
      minThreads,
      maxThreads: workers,
      idleTimeout: 60_000,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      recordTiming: false,
      ...(preload && { argv: [preload.bundle, preload.store] }),
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(heapBytes / 2 ** 20) },
    })
    pool.on('message', (message: ProgressMessage) => {
      this.#progress.get(message.id)?.(message.counters)
    })
    // A worker that fails between attempts is replaced with the next one; there is no attempt to fail.
    pool.on('error', () => {})
    return pool
  }

  /** Ends the workers of a pool that has been replaced, once nothing runs on them. */
  #retire(generation: Generation): void {
    if (generation === this.#generation || generation.running > 0) return
    const closing = generation.pool.destroy().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

/** dist/worker.js of this installation, whether this code runs from src/ or from dist/. */
function workerFile(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const file = join(folder, 'dist', 'worker.js')
    if (existsSync(file)) return file
    const parent = dirname(folder)
    if (parent === folder)
      throw new RuntimeError(
        'not-found',
        'worker: dist/worker.js expected in the installation, got none; run npm run build',
      )
    folder = parent
  }
}
