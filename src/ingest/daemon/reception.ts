import { Worker } from 'node:worker_threads'
import type { System } from '../../storage/system.ts'
import { IngestError } from '../error.ts'
import { workerScript } from '../worker-script.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { FromReceiver, ReceiverSettings, ToReceiver } from './messages.ts'
import { type PlainError, plainError, toError } from './plain-error.ts'
import type { ReceiverWorkerData } from './receive-worker.ts'
import { ReceiverCounters, type ReceiverCounts } from './receiver-counters.ts'
import { ReceivingSession } from './receiving-session.ts'
import type { BoundSocket } from './sockets.ts'

export interface ReceptionOptions {
  readonly settings: ReceiverSettings
  readonly pool: ChunkPool
  /** Receive in this thread (always so from the sources). */
  readonly inline: boolean
  readonly system: System
  /** Takes over a chunk of the pool, which has so many bytes. */
  readonly onChunk: (chunk: number, frameBytes: number) => void
}

/** The receiving side of a daemon as its other threads see it. */
export class Reception {
  readonly #counters = new ReceiverCounters()
  readonly #onChunk: ReceptionOptions['onChunk']
  readonly #send: (message: ToReceiver) => void
  readonly #worker: Worker | undefined
  readonly #opened: Promise<void>
  #sockets: readonly BoundSocket[] = []
  #isFull = false
  #stopped: Promise<void> | undefined
  #onOpened: { resolve: () => void; reject: (error: Error) => void } | undefined
  #onStopped: (() => void) | undefined
  /** Told when nothing will be received any more. */
  onFatal: ((error: PlainError) => void) | undefined

  private constructor({ settings, pool, inline, system, onChunk }: ReceptionOptions) {
    this.#onChunk = onChunk
    this.#opened = new Promise((resolve, reject) => {
      this.#onOpened = { resolve, reject }
    })
    const counters = this.#counters
    const script = inline ? undefined : workerScript('receive-worker')
    if (script) {
      const workerData: ReceiverWorkerData = { settings, chunks: pool.shared, counters: counters.shared }
      const worker = new Worker(script, { workerData })
      worker.on('message', (message: FromReceiver) => this.#message(message))
      worker.on('error', (error) => this.#fail(plainError(error)))
      this.#worker = worker
      this.#send = (message) => worker.postMessage(message)
    } else {
      const post = (message: FromReceiver): void => this.#message(message)
      const session = new ReceivingSession({ settings, pool, counters, system, post })
      this.#send = (message) => session.receive(message)
    }
  }

  /** Binds the sockets and begins to receive. Throws IngestError `bad-listen` when one cannot be bound. */
  static async open(options: ReceptionOptions): Promise<Reception> {
    const reception = new Reception(options)
    await reception.#opened.catch(async (error: unknown) => {
      await reception.#worker?.terminate()
      throw error
    })
    return reception
  }

  /** In the order of `listen`. */
  get sockets(): readonly BoundSocket[] {
    return this.#sockets
  }

  get counts(): ReceiverCounts {
    return this.#counters.counts
  }

  /** What is received is dropped and counted. */
  get isFull(): boolean {
    return this.#isFull
  }

  set isFull(isFull: boolean) {
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#send({ type: 'full', full: isFull })
  }

  /** Replaces the allow list. */
  allow(networks: readonly string[]): void {
    this.#send({ type: 'allow', networks })
  }

  /** Waits until the sockets have nothing more to give: what the kernel holds has been received too. */
  async quiet(): Promise<void> {
    const seen = (): number => {
      const { received, denied, dropped } = this.counts
      return received + denied + dropped
    }
    for (let round = 0, before = -1; round < 50 && seen() !== before; round++) {
      before = seen()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Closes the sockets; what was received has been handed over then. */
  close(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #close(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve
    })
    this.#send({ type: 'stop' })
    await stopped
    await this.#worker?.terminate()
  }

  #message(message: FromReceiver): void {
    switch (message.type) {
      case 'listening':
        this.#sockets = message.sockets
        this.#onOpened?.resolve()
        this.#onOpened = undefined
        break
      case 'failed':
        this.#fail(message.error)
        break
      case 'chunk':
        this.#onChunk(message.chunk, message.frameBytes)
        break
      case 'stopped':
        this.#onStopped?.()
        break
    }
  }

  #fail(error: PlainError): void {
    this.#onStopped?.()
    if (this.#onOpened) this.#onOpened.reject(listenError(error))
    else this.onFatal?.(error)
    this.#stopped ??= Promise.resolve()
  }
}

/** What a thread could not bind is an error of this one. */
function listenError(plain: PlainError): Error {
  const error = toError(plain)
  return plain.code === 'bad-listen' ? new IngestError('bad-listen', plain.message, {}, error) : error
}
