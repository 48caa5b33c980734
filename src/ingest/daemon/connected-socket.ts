import type { RemoteInfo, Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { Intake } from './intake.ts'
import { READS, type Receiver } from './receiver.ts'
import { type BoundAddress, endpoint, type SocketEntry, socketDescriptor, socketTable } from './socket-table.ts'
import { type BoundSocket, closeSocket, enlarge } from './sockets.ts'

export interface ConnectedSocketOptions {
  /** Bound beside the first socket. */
  readonly socket: Socket
  /** Where both are bound, and the number of the first. */
  readonly bound: BoundSocket
  readonly number: number
  /** What has been taken from the first socket. */
  readonly first: Intake
  readonly receiver: Receiver
  /** As asked for. */
  readonly receiveBufferBytes: number
}

/** Time between two looks at what still waits. */
const LOOK_MS = 2
/** A processor may still be handing over a datagram for which the kernel chose the socket before it was connected. */
const SETTLE_MS = 5
/** So many datagrams must be read to pay for the failed read behind the last one. */
const PRICE = 2
/** With a smaller receive buffer datagrams are read as they come. */
const GATHERING_BUFFER_BYTES = 1 << 20
/** Reading pauses when it has cost more than it saved by so many datagrams, */
const DEBT = 32
/** until so many more were taken the ordinary way. */
const PAUSE = 256

/**
 * A second socket where the daemon listens, connected to one busy exporter, whose datagrams the kernel gives to it from then on. So their sender is known, and they
 * can be read straight into a chunk, many for each that Node reports, at half of the CPU.
 *
 * What Node reports is taken with the sender that comes with it. Only once nothing can be left that came before the socket was connected, maybe of others, is it
 * read. As long as older datagrams of the exporter wait at the first socket, newer ones are kept back, for a sequence that goes back by much counts as a restart.
 */
export class ConnectedSocket {
  readonly #options: ConnectedSocketOptions
  readonly #intake = new Intake()
  #exporter: BoundAddress | undefined
  /** Datagrams kept back; undefined when none are to be. */
  #held: [Uint8Array, RemoteInfo][] | undefined
  /** Set while the socket may be read; never longer than it is open. */
  #descriptor: number | undefined
  /** Datagrams to be left to the ordinary way. */
  #pause = 0
  /** What reading has saved of late, in datagrams; at most 0 is kept, so that it stops soon when datagrams come one by one. */
  #saved = 0
  /** Datagrams waited when the socket was left. */
  #isBehind = false
  /** Calls of `interval` since the last datagram. */
  #intervals = 0
  #isClosed = false

  constructor(options: ConnectedSocketOptions) {
    this.#options = options
    options.socket.on('message', (payload, from) => this.#message(payload, from))
  }

  /** It is read, and nobody asked who sent. */
  get isRead(): boolean {
    return this.#descriptor !== undefined
  }

  /** An interval of the caller's has passed; returns how many have, as a whole, without a datagram. */
  interval(): number {
    return this.#intervals++
  }

  isOf({ address, port }: BoundAddress): boolean {
    return this.#exporter?.address === address && this.#exporter.port === port
  }

  /**
   * Connects to an exporter in place of the one before. Between the two the socket takes from anybody, so nothing is lost. False when it cannot be connected: then it
   * goes on as one for anybody, for to close it would lose what has come.
   */
  connect(exporter: BoundAddress): boolean {
    const { socket } = this.#options
    this.#descriptor = undefined
    if (isConnected(socket)) socket.disconnect()
    this.#exporter = exporter
    this.#intervals = 0
    socket.connect(exporter.port, exporter.address)
    enlarge(socket, this.#options.receiveBufferBytes)
    if (!isConnected(socket)) return false
    this.#held ??= []
    void this.#takeOver(exporter)
    return true
  }

  /** Hands over what waits, and closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#release()
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    while (descriptor !== undefined && this.#read(descriptor) > 0);
    await closeSocket(this.#options.socket)
  }

  async #takeOver(exporter: BoundAddress): Promise<void> {
    const { bound, first, socket } = this.#options
    const bindsAll = endpoint(bound)
    const local = endpoint(socket.address())
    const remote = endpoint(exporter)
    const isFirst = (entry: SocketEntry): boolean => entry.local === bindsAll && !entry.isConnected
    const isReleased = this.#drained(first, isFirst).then(() => this.#release())
    await sleep(SETTLE_MS)
    const inode = await this.#drained(this.#intake, (entry) => entry.local === local && entry.remote === remote)
    await isReleased
    if (inode === undefined || this.#isClosed || this.#exporter !== exporter) return
    this.#descriptor = socketDescriptor(inode)
  }

  /** Waits until all has been taken that waits at a socket now; returns its inode, undefined when the system does not list it. */
  async #drained(intake: Intake, isIt: (entry: SocketEntry) => boolean): Promise<string | undefined> {
    let isTaken: (() => boolean) | undefined
    while (!this.#isClosed) {
      const entry = socketTable(this.#options.bound.address).find(isIt)
      if (!entry) return undefined
      isTaken ??= intake.mark(entry.queuedBytes)
      if (entry.queuedBytes === 0 || isTaken()) return entry.inode
      await sleep(LOOK_MS)
    }
    return undefined
  }

  #message(payload: Uint8Array, from: RemoteInfo): void {
    this.#intervals = 0
    this.#intake.take(payload.length)
    if (this.#held) {
      this.#held.push([payload, from])
      return
    }
    this.#options.receiver.take(payload, from, this.#options.number)
    if (this.#descriptor === undefined) return
    if (this.#pause > 0) {
      this.#pause--
      return
    }
    const { receiver, bound } = this.#options
    if (!this.#isBehind && bound.receiveBufferBytes >= GATHERING_BUFFER_BYTES) receiver.gathering.wait()
    const datagrams = this.#read(this.#descriptor)
    this.#isBehind = datagrams === READS
    this.#saved = Math.min(0, this.#saved + datagrams - PRICE)
    if (this.#saved > -DEBT) return
    this.#saved = -DEBT / 2
    this.#pause = PAUSE
  }

  /** Returns how many datagrams were read. */
  #read(descriptor: number): number {
    const { receiver, number } = this.#options
    return this.#exporter ? receiver.read(descriptor, this.#exporter, number) : 0
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const [payload, from] of held) this.#options.receiver.take(payload, from, this.#options.number)
  }
}

function isConnected(socket: Socket): boolean {
  try {
    socket.remoteAddress()
    return true
  } catch {
    return false
  }
}
