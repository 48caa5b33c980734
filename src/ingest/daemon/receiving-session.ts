import { realSystem, type System } from '../../storage/system.ts'
import { allowList } from './allow.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { FromReceiver, ReceiverSettings, ToReceiver } from './messages.ts'
import { plainError } from './plain-error.ts'
import { Receiver } from './receiver.ts'
import type { ReceiverCounters } from './receiver-counters.ts'
import { closeSockets, type ListeningSocket, listenOn } from './sockets.ts'

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
  readonly #sockets: ListeningSocket[] = []
  #timer: NodeJS.Timeout | undefined

  constructor({ settings, pool, counters, system = realSystem(), post }: ReceivingSessionOptions) {
    this.#post = post
    const onChunk = (chunk: number, frameBytes: number): void => post({ type: 'chunk', chunk, frameBytes })
    this.#receiver = new Receiver({ pool, counters, allow: allowList(settings.allow), system, onChunk })
    this.#open(settings).catch(async (error: unknown) => {
      await closeSockets(this.#sockets)
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
    for (const [number, address] of listen.entries()) {
      const listening = await listenOn(address, receiveBufferBytes)
      this.#sockets.push(listening)
      this.#receiver.listen(listening.socket, number)
    }
    this.#timer = setInterval(() => this.#receiver.flush(), spoolMs)
    this.#post({ type: 'listening', sockets: this.#sockets.map(({ bound }) => bound) })
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer)
    await closeSockets(this.#sockets)
    this.#receiver.flush()
    this.#post({ type: 'stopped' })
  }
}
