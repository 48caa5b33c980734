import { Upkeep } from '../../storage/replica/upkeep.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { realSystem, type System } from '../../storage/system.ts'
import { FRAME_BYTES } from './chunk.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { Collector } from './collector.ts'
import { LogReader } from './log.ts'
import type { Feed, FromCollector, ToCollector } from './messages.ts'
import { type OpenCollector, type OpenCollectorOptions, openCollector } from './open-collector.ts'
import { plainError } from './plain-error.ts'

export interface SessionOptions {
  readonly options: OpenCollectorOptions
  readonly pool: ChunkPool
  readonly store: ObjectStore
  readonly system?: System
  /** Tells the daemon. */
  readonly post: (message: FromCollector) => void
}

const TICK_MS = 100
const STATUS_MS = 500

/** The collecting side of a daemon, in a thread of its own or in that of the daemon: takes messages in order and answers them. */
export class CollectorSession {
  readonly #post: SessionOptions['post']
  readonly #reader: LogReader | undefined
  readonly #pool: ChunkPool
  #open: OpenCollector | undefined
  /** Messages that wait for the store to be opened, or for room in the spool; undefined when nothing is taken any more. */
  #waiting: ToCollector[] | undefined = []
  #timers: NodeJS.Timeout[] = []
  readonly #upkeep: Upkeep | undefined

  constructor({ options, pool, store, system = realSystem(), post }: SessionOptions) {
    this.#post = post
    this.#pool = pool
    this.#reader = options.spoolFolder === undefined ? undefined : new LogReader(options.spoolFolder)
    const onWarning = (message: string): void => post({ type: 'warning', message })
    this.#upkeep = Upkeep.of(store, { onNote: (note) => onWarning(`replica set: ${note}`) })
    const onFatal = (error: unknown): void => this.#fail(error)
    openCollector(options, { store, system, onWarning, onFatal })
      .then((open) => this.#begin(open))
      .catch(onFatal)
  }

  /** Takes the next message. */
  receive(message: ToCollector): void {
    // What a full disk holds up is in the log, and left to the next daemon.
    if (message.type === 'stop' && this.#open?.collector.blocked) this.#waiting = []
    if (message.type === 'stop') this.#waiting = this.#waiting?.filter(({ type }) => type !== 'reload')
    this.#waiting?.push(message)
    this.#guard(() => this.#work())
  }

  #begin(open: OpenCollector): void {
    this.#open = open
    this.#post({ type: 'opened', recovered: open.recovered })
    const tick = (): void => {
      open.collector.tick()
      this.#work()
    }
    this.#timers = [
      setInterval(() => this.#guard(tick), TICK_MS),
      setInterval(() => this.#post({ type: 'status', status: open.collector.status() }), STATUS_MS),
    ]
    this.#guard(() => this.#work())
  }

  /** Handles the messages that can be. */
  #work(): void {
    for (let next = this.#waiting?.[0]; next && this.#open; next = this.#waiting?.[0]) {
      if (!this.#handle(next, this.#open.collector)) return
      this.#waiting?.shift()
    }
  }

  /** False when the message has to wait for room in the spool. */
  #handle(message: ToCollector, collector: Collector): boolean {
    switch (message.type) {
      case 'feed': {
        if (collector.blocked) return false
        collector.feed(this.#chunk(message), message.position)
        this.#post({ type: 'consumed', chunk: message.chunk })
        break
      }
      case 'dropped':
        collector.dropped(message.port, message.datagrams)
        break
      case 'reload':
        return collector.reload(message.settings)
      case 'stop':
        this.#stop().catch((error: unknown) => this.#fail(error))
        break
    }
    return true
  }

  #chunk({ chunk, frameBytes, position }: Feed): Uint8Array {
    if (chunk !== undefined) return this.#pool.bytes(chunk, frameBytes).subarray(FRAME_BYTES)
    if (!position || !this.#reader) throw new TypeError('ingest: chunk expected in memory or in the log')
    return this.#reader.chunkBefore(position, frameBytes)
  }

  async #stop(): Promise<void> {
    const open = this.#open
    if (!open) return
    this.#clear()
    const rolled = open.collector.roll()
    const committed = (await open.outbox.drain(false)) && rolled
    await this.#upkeep?.stop()
    this.#reader?.close()
    this.#post({ type: 'stopped', committed, status: open.collector.status() })
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#clear()
    void this.#upkeep?.stop()
    this.#open = undefined
    this.#waiting = undefined
    this.#post({ type: 'fatal', error: plainError(error) })
  }

  #clear(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }
}
