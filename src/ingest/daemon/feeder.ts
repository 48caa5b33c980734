import { monotonicMs } from '../../flow/clock.ts'
import { CHUNK_BYTES } from './chunk.ts'
import type { ChunkPool } from './chunk-pool.ts'
import { LogWriter } from './log.ts'
import type { Feed } from './messages.ts'

export interface FeederOptions {
  readonly pool: ChunkPool
  /** Folder of the spool, or undefined. */
  readonly spoolFolder: string | undefined
  /** Bytes that the log of the spool may have. */
  readonly budgetBytes: number
  /** Chunks kept in memory for the collector; with a spool those beyond are read back from its log. */
  readonly memoryChunks: number
  readonly onWarning: (message: string) => void
}

/** Chunks that the collector has been given and not finished. */
const IN_FLIGHT = 4

/** Between receiver and collector: writes every chunk to the log first, then passes them on in order, as fast as the collector takes them. */
export class Feeder {
  readonly #options: FeederOptions
  readonly #log: LogWriter | undefined
  readonly #queue: Feed[] = []
  /** First entry of the queue that is not passed on yet. */
  #head = 0
  #inMemory = 0
  #inFlight = 0
  /** Passes a chunk to the collector; undefined until it is there. */
  #feed: ((item: Feed) => void) | undefined
  #logging: Promise<void> = Promise.resolve()
  #idle: (() => void) | undefined
  #lastWarningMs = Number.NEGATIVE_INFINITY
  /** Chunks that the log could not take. */
  unlogged = 0
  /** Why the log did not take the last chunk; undefined when it did, or could now. */
  failure: string | undefined

  constructor(options: FeederOptions) {
    this.#options = options
    this.#log = options.spoolFolder === undefined ? undefined : new LogWriter(options.spoolFolder, options.budgetBytes)
  }

  /** The collector is there: begins to pass chunks on. */
  begin(feed: (item: Feed) => void): void {
    this.#feed = feed
    this.#pass()
  }

  /** Number of the first log file of this daemon. */
  get logFile(): number {
    return this.#log?.file ?? 0
  }

  /** Chunks that wait for the collector. */
  get waiting(): number {
    return this.#queue.length - this.#head + this.#inFlight
  }

  /** Takes over a chunk of the pool, which has so many bytes. */
  add(chunk: number, frameBytes: number): void {
    this.#logging = this.#logging.then(() => this.#store(chunk, frameBytes))
  }

  /** The collector has finished a chunk. */
  consumed(chunk: number | undefined): void {
    this.#inFlight--
    if (chunk !== undefined) {
      this.#inMemory--
      this.#options.pool.free(chunk)
    }
    this.#pass()
    if (this.waiting === 0) this.#idle?.()
  }

  /** Waits until the collector has finished everything, or is held up. */
  async drain(isHeldUp: () => boolean): Promise<void> {
    await this.#logging
    while (this.waiting > 0 && !isHeldUp()) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
        setTimeout(resolve, 100)
      })
    }
  }

  /** Forgets a failure once there is room again, also when no chunk comes to try it. */
  async recheck(): Promise<void> {
    if (this.failure === undefined) return
    const room = this.#log?.checkRoom(CHUNK_BYTES) ?? Promise.resolve()
    await room.then(
      () => {
        this.failure = undefined
      },
      () => undefined,
    )
  }

  async close(): Promise<void> {
    await this.#logging
    await this.#log?.close()
  }

  async #store(chunk: number, frameBytes: number): Promise<void> {
    const { pool } = this.#options
    const frame = pool.bytes(chunk, frameBytes)
    this.failure = undefined
    const position = await this.#log?.append(frame).catch((error: Error) => {
      this.unlogged++
      this.failure = error.message
      const now = monotonicMs()
      if (now - this.#lastWarningMs > 10_000) {
        this.#options.onWarning(`ingest: the spool cannot be written, datagrams are in memory only: ${error.message}`)
        this.#lastWarningMs = now
      }
      return undefined
    })
    const isInMemory = !position || this.#inMemory < this.#options.memoryChunks
    if (isInMemory) this.#inMemory++
    else pool.free(chunk)
    this.#queue.push({ chunk: isInMemory ? chunk : undefined, frameBytes, position })
    this.#pass()
  }

  #pass(): void {
    while (this.#feed && this.#inFlight < IN_FLIGHT && this.#head < this.#queue.length) {
      const item = this.#queue[this.#head++]!
      this.#inFlight++
      this.#feed(item)
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
  }
}
