import { realSystem, type System } from '../../storage/system.ts'
import { allowList } from './allow.ts'
import type { ChunkPool } from './chunk-pool.ts'
import { Listener } from './listener.ts'
import type { FromReceiver, ReceiverSettings, ToReceiver } from './messages.ts'
import { plainError } from './plain-error.ts'
import { Receiver } from './receiver.ts'
import type { ReceiverCounters } from './receiver-counters.ts'
import { type BoundSocket, listenOn } from './sockets.ts'

export interface ReceivingSessionOptions {
  readonly settings: ReceiverSettings
  readonly pool: ChunkPool
  readonly counters: ReceiverCounters
  readonly system?: System
  /** Tells the daemon. */
  readonly post: (message: FromReceiver) => void
}

/** The receiving side of a daemon, in a thread of its own or in that of the daemon: binds the sockets, fills chunks and hands them on. */
export class ReceivingSession {
  readonly #post: ReceivingSessionOptions['post']
  readonly #receiver: Receiver
  readonly #listeners: Listener[] = []
  #timer: NodeJS.Timeout | undefined

  constructor({ settings, pool, counters, system = realSystem(), post }: ReceivingSessionOptions) {
    this.#post = post
    const onChunk = (chunk: number, frameBytes: number): void => post({ type: 'chunk', chunk, frameBytes })
    this.#receiver = new Receiver({ pool, counters, allow: allowList(settings.allow), system, onChunk })
    this.#open(settings).catch(async (error: unknown) => {
      await this.#close()
      post({ type: 'failed', error: plainError(error) })
    })
  }

  /** Takes the next message. */
  receive(message: ToReceiver): void {
    switch (message.type) {
      case 'allow':
        this.#receiver.allow(allowList(message.networks))
        break
      case 'full':
        this.#receiver.full = message.full
        break
      case 'stop':
        void this.#stop()
        break
    }
  }

  async #open({ listen, receiveBufferBytes, spoolMs }: ReceiverSettings): Promise<void> {
    const sockets: BoundSocket[] = []
    for (const [number, address] of listen.entries()) {
      const listening = await listenOn(address, receiveBufferBytes)
      this.#listeners.push(new Listener({ listening, number, receiver: this.#receiver, receiveBufferBytes }))
      sockets.push(listening.bound)
    }
    this.#timer = setInterval(() => this.#receiver.flush(), spoolMs)
    this.#post({ type: 'listening', sockets })
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#close()
    this.#receiver.flush()
    this.#post({ type: 'stopped' })
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }
}
