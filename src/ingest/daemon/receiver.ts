import type { RemoteInfo } from 'node:dgram'
import { parseAddress } from '../../flow/address.ts'
import type { System } from '../../storage/system.ts'
import type { AllowList } from './allow.ts'
import { ChunkWriter } from './chunk.ts'
import type { ListeningSocket } from './sockets.ts'

/** What the receiving thread has counted; all numbers only grow. */
export interface ReceiverCounters {
  /** Datagrams handed on. */
  received: number
  receivedBytes: number
  /** Datagrams of senders that are not allowed. */
  denied: number
  /** Datagrams dropped because the next stage was too far behind. */
  dropped: number
}

export interface ReceiverOptions {
  readonly sockets: readonly ListeningSocket[]
  readonly allow: AllowList
  readonly system: System
  /** Takes over a chunk: its buffer is the callee's until `recycle`. */
  readonly onChunk: (chunk: ChunkWriter) => void
  /** Chunks handed over and not recycled, at most; datagrams beyond are dropped and counted. */
  readonly maxChunks: number
}

interface Sender {
  readonly address: Uint8Array
  readonly allowed: boolean
}

const MAX_SENDERS = 65_536

/** Receives datagrams and gathers them in chunks: the least that the receiving thread can do for each. */
export class Receiver {
  readonly counters: ReceiverCounters = { received: 0, receivedBytes: 0, denied: 0, dropped: 0 }
  readonly #options: ReceiverOptions
  /** Nothing more is taken: what is received is dropped and counted. */
  full = false
  #allow: AllowList
  readonly #senders = new Map<string, Sender>()
  readonly #free: ArrayBuffer[] = []
  #chunk: ChunkWriter | undefined = new ChunkWriter()
  #outside = 0

  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#allow = options.allow
    for (const [index, { socket }] of options.sockets.entries()) {
      socket.on('message', (payload, from) => this.#message(payload, from, index))
    }
  }

  /** Replaces the allow list. */
  allow(list: AllowList): void {
    this.#allow = list
    this.#senders.clear()
  }

  /** Hands over what has been gathered. */
  flush(): void {
    if (this.#chunk && this.#chunk.datagrams > 0) this.#handOver(this.#chunk)
  }

  /** Gives back the buffer of a chunk. */
  recycle(buffer: ArrayBuffer): void {
    this.#outside--
    if (this.#chunk) this.#free.push(buffer)
    else this.#chunk = new ChunkWriter(buffer)
  }

  #message(payload: Uint8Array, from: RemoteInfo, socket: number): void {
    const sender = this.#senders.get(from.address) ?? this.#meet(from.address)
    const { counters } = this
    if (!sender.allowed) {
      counters.denied++
      return
    }
    if (this.#chunk && !this.#chunk.hasRoom(payload.length)) this.#handOver(this.#chunk)
    if (!this.#chunk || this.full) {
      counters.dropped++
      return
    }
    this.#chunk.add(payload, sender.address, from.port, socket, this.#options.system.now())
    counters.received++
    counters.receivedBytes += payload.length
  }

  #meet(text: string): Sender {
    const zone = text.indexOf('%')
    const address = parseAddress(zone < 0 ? text : text.slice(0, zone))
    const sender = { address, allowed: this.#allow(address) }
    if (this.#senders.size >= MAX_SENDERS) this.#senders.clear()
    this.#senders.set(text, sender)
    return sender
  }

  #handOver(chunk: ChunkWriter): void {
    this.#outside++
    const buffer = this.#free.pop()
    this.#chunk = this.#outside > this.#options.maxChunks ? undefined : new ChunkWriter(buffer)
    this.#options.onChunk(chunk)
  }
}
