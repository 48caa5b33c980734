import type { RemoteInfo, Socket } from 'node:dgram'
import { parseAddress } from '../../flow/address.ts'
import type { System } from '../../storage/system.ts'
import type { AllowList } from './allow.ts'
import type { ChunkWriter } from './chunk.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { ReceiverCounters } from './receiver-counters.ts'

export interface ReceiverOptions {
  readonly pool: ChunkPool
  readonly counters: ReceiverCounters
  readonly allow: AllowList
  readonly system: System
  /** Takes over a chunk of the pool, which has `frameBytes` bytes, frame included. */
  readonly onChunk: (chunk: number, frameBytes: number) => void
}

interface Sender {
  readonly address: Uint8Array
  readonly allowed: boolean
}

const MAX_SENDERS = 65_536

/** Receives datagrams and gathers them in chunks: the least that the receiving thread can do for each. */
export class Receiver {
  readonly #options: ReceiverOptions
  /** Nothing more is taken: what is received is dropped and counted. */
  full = false
  #allow: AllowList
  readonly #senders = new Map<string, Sender>()
  /** The chunk being filled, and its number; undefined until there is a free one. */
  #writer: ChunkWriter | undefined
  #chunk = 0

  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#allow = options.allow
  }

  /** Receives from a socket, the one with this number. */
  listen(socket: Socket, number: number): void {
    socket.on('message', (payload, from) => this.#message(payload, from, number))
  }

  /** Replaces the allow list. */
  allow(list: AllowList): void {
    this.#allow = list
    this.#senders.clear()
  }

  /** Hands over what has been gathered. */
  flush(): void {
    const writer = this.#writer
    if (!writer || writer.datagrams === 0) return
    this.#writer = undefined
    this.#options.onChunk(this.#chunk, writer.frame().length)
  }

  #message(payload: Uint8Array, from: RemoteInfo, socket: number): void {
    const sender = this.#senders.get(from.address) ?? this.#meet(from.address)
    const { counters, system } = this.#options
    if (!sender.allowed) {
      counters.denied()
      return
    }
    if (this.#writer && !this.#writer.hasRoom(payload.length)) this.flush()
    const writer = this.#writer ?? this.#begin()
    if (!writer || this.full) {
      counters.dropped()
      return
    }
    writer.add(payload, sender.address, from.port, socket, system.now())
    counters.received(payload.length)
  }

  #begin(): ChunkWriter | undefined {
    const { pool } = this.#options
    const chunk = pool.take()
    if (chunk === undefined) return undefined
    this.#chunk = chunk
    this.#writer = pool.writer(chunk)
    return this.#writer
  }

  #meet(text: string): Sender {
    const zone = text.indexOf('%')
    const address = parseAddress(zone < 0 ? text : text.slice(0, zone))
    const sender = { address, allowed: this.#allow(address) }
    if (this.#senders.size >= MAX_SENDERS) this.#senders.clear()
    this.#senders.set(text, sender)
    return sender
  }
}
