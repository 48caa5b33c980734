import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { IngestError } from '../error.ts'
import type { SimulatedExporter } from './exporters.ts'
import { type DatagramTarget, dotted } from './target.ts'

const BUFFERS = 128
const BUFFER_BYTES = 2048

export interface UdpAddress {
  readonly host: string
  readonly port: number
}

/**
 * Opens a socket per exporter towards `host`. When that is an IPv4 loopback address every socket has a loopback address of its own, so that
 * exporters differ as devices do; otherwise they differ by port.
 */
export async function openUdpTarget(
  { host, port }: UdpAddress,
  exporters: readonly SimulatedExporter[],
): Promise<DatagramTarget> {
  const found = await lookup(host).catch((error: unknown) => {
    throw new IngestError('bad-target', `simulate: target expected a host that resolves, got ${host}`, { host }, error)
  })
  const sockets: Socket[] = []
  try {
    for (const { address } of exporters) {
      const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4')
      sockets.push(socket)
      if (found.address.startsWith('127.')) await bindOrAny(socket, dotted(address))
      await connect(socket, port, found.address)
    }
  } catch (error) {
    for (const socket of sockets) socket.close()
    throw error
  }
  return new UdpTarget(sockets)
}

class UdpTarget implements DatagramTarget {
  readonly addresses: readonly { address: string; port: number }[]
  refused = 0
  readonly #sockets: readonly Socket[]
  readonly #free: Uint8Array[] = Array.from({ length: BUFFERS }, () => new Uint8Array(BUFFER_BYTES))
  /** Who waits until this many buffers are free. */
  #waiting: { readonly buffers: number; readonly resolve: () => void } | undefined

  constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets
    this.addresses = sockets.map((socket) => {
      const { address, port } = socket.address()
      return { address, port }
    })
    // A closed port shows as an error of a later send; it is counted there.
    for (const socket of sockets) socket.on('error', () => undefined)
  }

  send({ index }: SimulatedExporter, bytes: Uint8Array, length: number): Promise<void> | undefined {
    const buffer = this.#free.pop()
    if (!buffer) throw new RangeError('simulate: a send without waiting for the one before')
    buffer.set(length === bytes.length ? bytes : bytes.subarray(0, length))
    this.#transmit(index, buffer, length, 1)
    return this.#free.length > 0 ? undefined : this.#untilFree(BUFFERS / 2)
  }

  async close(): Promise<void> {
    await this.#untilFree(BUFFERS)
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
  }

  #untilFree(buffers: number): Promise<void> | undefined {
    if (this.#free.length >= buffers) return undefined
    return new Promise((resolve) => {
      this.#waiting = { buffers, resolve }
    })
  }

  /** The error that an earlier datagram caused is reported instead of sending this one, so one more try is made. */
  #transmit(index: number, buffer: Uint8Array, length: number, tries: number): void {
    this.#sockets[index]!.send(buffer, 0, length, (error) => {
      if (error && tries > 0) {
        this.#transmit(index, buffer, length, tries - 1)
        return
      }
      if (error) this.refused++
      this.#free.push(buffer)
      if (!this.#waiting || this.#free.length < this.#waiting.buffers) return
      this.#waiting.resolve()
      this.#waiting = undefined
    })
  }
}

function connect(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(port, address, () => {
      socket.removeListener('error', reject)
      resolve()
    })
  })
}

/** Binds to `address`, or to none where the system has it not (loopback has one address on some). */
async function bindOrAny(socket: Socket, address: string): Promise<void> {
  await bind(socket, address).catch(() => bind(socket, '0.0.0.0'))
}

function bind(socket: Socket, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address, port: 0 }, () => {
      socket.removeListener('error', reject)
      resolve()
    })
  })
}
