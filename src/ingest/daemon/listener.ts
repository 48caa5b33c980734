import type { RemoteInfo } from 'node:dgram'
import { monotonicMs } from '../../flow/clock.ts'
import { BusySenders } from './busy-senders.ts'
import { ConnectedSocket } from './connected-socket.ts'
import { Intake } from './intake.ts'
import type { Receiver } from './receiver.ts'
import { endpoint, socketTable } from './socket-table.ts'
import { bindBeside, closeSocket, type ListeningSocket } from './sockets.ts'

export interface ListenerOptions {
  readonly listening: ListeningSocket
  /** Of the socket, among those of the daemon. */
  readonly number: number
  readonly receiver: Receiver
  readonly receiveBufferBytes: number
}

const INTERVAL_MS = 1000
/** At least so long between two looks at what waits. */
const LOOK_MS = 10
/** Without a datagram for so long an exporter may lose its socket to another. */
const IDLE_INTERVALS = 10
/** The kernel may look at all sockets of a port for a datagram. */
const MOST_CONNECTED = 8

/** Receives at one address: by a socket for all exporters and, where the system allows it, by one more for each of the busiest. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #intake = new Intake()
  readonly #busy = new BusySenders()
  readonly #connected: ConnectedSocket[] = []
  /** Sockets that have had nothing to take for long. */
  #idle: ConnectedSocket[] = []
  #mayConnect = true
  #lookedMs = 0
  readonly #timer: NodeJS.Timeout

  constructor(options: ListenerOptions) {
    this.#options = options
    options.listening.socket.on('message', (payload, from) => this.#message(payload, from))
    this.#timer = setInterval(() => this.#interval(), INTERVAL_MS)
  }

  /** The sockets of single exporters. */
  get connected(): readonly ConnectedSocket[] {
    return this.#connected
  }

  /** Hands over what waits at the sockets of single exporters, and closes all. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#mayConnect = false
    await Promise.all([...this.#connected.map((socket) => socket.close()), closeSocket(this.#options.listening.socket)])
  }

  #message(payload: Uint8Array, from: RemoteInfo): void {
    const { receiver, number } = this.#options
    this.#intake.take(payload.length)
    const isAllowed = receiver.take(payload, from, number)
    if (isAllowed && this.#busy.note(from) && this.#mayConnect) this.#connect(from)
  }

  #interval(): void {
    this.#idle = this.#connected.filter((socket) => socket.interval() >= IDLE_INTERVALS)
  }

  #connect(exporter: RemoteInfo): void {
    // A zone names an interface, and no entry in a table of sockets.
    const isPlain = !exporter.address.includes('%')
    // Its datagrams at the first socket are those that were there before.
    const isThere = this.#connected.some((socket) => socket.isOf(exporter))
    const connected = isPlain && !isThere && this.#isOrderly() ? this.#place() : undefined
    if (connected && !connected.connect(exporter)) this.#mayConnect = false
  }

  /**
   * What others send while a new socket is bound and not yet connected comes to it, and would be taken behind what they send later as long as older datagrams wait at
   * the first socket. So there must be no others of note, or nothing that waits.
   */
  #isOrderly(): boolean {
    if (this.#busy.isAlone) return true
    const nowMs = monotonicMs()
    if (nowMs - this.#lookedMs < LOOK_MS) return false
    this.#lookedMs = nowMs
    const { bound } = this.#options.listening
    const local = endpoint(bound)
    return socketTable(bound.address).every((entry) => entry.local !== local || entry.queuedBytes === 0)
  }

  /** A socket that an exporter can have; undefined when all are in use. */
  #place(): ConnectedSocket | undefined {
    if (this.#connected.length >= MOST_CONNECTED) return this.#idle.pop()
    const { listening, number, receiver, receiveBufferBytes } = this.#options
    const socket = bindBeside(listening.bound)
    if (!socket) {
      this.#mayConnect = false
      return undefined
    }
    const connected = new ConnectedSocket({
      socket,
      bound: listening.bound,
      number,
      first: this.#intake,
      receiver,
      receiveBufferBytes,
    })
    this.#connected.push(connected)
    return connected
  }
}
