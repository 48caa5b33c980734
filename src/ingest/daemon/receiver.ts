import { readSync } from 'node:fs'
import { parseAddress } from '../../flow/address.ts'
import type { System } from '../../storage/system.ts'
import type { AllowList } from './allow.ts'
import type { ChunkWriter } from './chunk.ts'
import type { ChunkPool } from './chunk-pool.ts'
import { Gathering } from './gathering.ts'
import type { ReceiverCounters } from './receiver-counters.ts'
import type { BoundAddress } from './socket-table.ts'

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
const MAX_DATAGRAM_BYTES = 65_535
/** So many datagrams are read from one socket before others have their turn. */
export const READS = 128

/** Receives datagrams and gathers them in chunks: the least that the receiving thread can do for each. */
export class Receiver {
  readonly #options: ReceiverOptions
  /** Nothing more is taken: what is received is dropped and counted. */
  full = false
  readonly gathering = new Gathering()
  #allow: AllowList
  readonly #senders = new Map<string, Sender>()
  /** The chunk being filled, and its number; undefined until there is a free one. */
  #writer: ChunkWriter | undefined
  #chunk = 0
  /** For datagrams that are read to be dropped. */
  readonly #dropped = new Uint8Array(MAX_DATAGRAM_BYTES)

  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#allow = options.allow
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

  /** Takes a datagram that came to the socket with this number; false when its sender is not allowed. */
  take(payload: Uint8Array, from: BoundAddress, socket: number): boolean {
    const sender = this.#senders.get(from.address) ?? this.#meet(from.address)
    const { counters, system } = this.#options
    this.gathering.note()
    if (!sender.allowed) {
      counters.denied()
      return false
    }
    const writer = this.#room(payload.length)
    if (writer) {
      writer.add(payload, sender.address, from.port, socket, system.now())
      counters.received(payload.length)
    } else counters.dropped()
    return true
  }

  /** Reads datagrams that wait at a socket to which nobody but `from` can send, at most a bounded number, and returns how many there were. */
  read(descriptor: number, from: BoundAddress, socket: number): number {
    const sender = this.#senders.get(from.address) ?? this.#meet(from.address)
    // What says that none waits any more is an exception; its stack would cost as much as reading a datagram.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    let datagrams = 0
    while (datagrams < READS && this.#read(descriptor, sender, from.port, socket)) datagrams++
    Error.stackTraceLimit = stackTraceLimit
    return datagrams
  }

  /** False when none waits. */
  #read(descriptor: number, sender: Sender, port: number, socket: number): boolean {
    const { counters, system } = this.#options
    const writer = sender.allowed ? this.#room(MAX_DATAGRAM_BYTES) : undefined
    const bytes = readDatagram(descriptor, writer?.bytes ?? this.#dropped, writer?.payloadAt ?? 0)
    if (bytes === undefined) return false
    if (writer) {
      writer.added(bytes, sender.address, port, socket, system.now())
      counters.received(bytes)
    } else if (sender.allowed) counters.dropped()
    else counters.denied()
    return true
  }

  /** The chunk to be filled, with room for a payload; undefined when datagrams are dropped. */
  #room(payloadBytes: number): ChunkWriter | undefined {
    if (this.#writer && !this.#writer.hasRoom(payloadBytes)) this.flush()
    const writer = this.#writer ?? this.#begin()
    return this.full ? undefined : writer
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

/** Reads one datagram into `buffer` and returns its length; undefined when none waits, or for an ICMP error, which concerns nobody who only receives. */
function readDatagram(descriptor: number, buffer: Uint8Array, at: number): number | undefined {
  try {
    return readSync(descriptor, buffer, at, MAX_DATAGRAM_BYTES, null)
  } catch {
    return undefined
  }
}
