import { createSocket, type Socket } from 'node:dgram'

/** A UDP socket that keeps what an exporter sends, so that several collectors can be given the same datagrams. */
export interface Recorder {
  readonly port: number
  readonly datagrams: readonly Uint8Array[]
  /** Resolves once nothing has come for `quietMs`. */
  quiet(quietMs?: number): Promise<void>
  close(): Promise<void>
}

export async function record(): Promise<Recorder> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  const datagrams: Uint8Array[] = []
  socket.on('message', (payload) => datagrams.push(payload))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    port: socket.address().port,
    datagrams,
    async quiet(quietMs = 200) {
      for (let before = -1; before !== datagrams.length; await pause(quietMs)) before = datagrams.length
    },
    close: () => closeSocket(socket),
  }
}

/** Sends the datagrams to each of the ports from one socket, slowly enough for small receive buffers. */
export async function replay(datagrams: readonly Uint8Array[], ports: readonly number[]): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  for (const [index, datagram] of datagrams.entries()) {
    for (const port of ports) {
      await new Promise<void>((resolve, reject) =>
        socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
      )
    }
    if (index % 10 === 9) await pause(5)
  }
  await closeSocket(socket)
}

/** Sends payloads to `target`, `udp://host:port`, from one socket on `address`; returns its port. */
export async function sendFrom(address: string, target: string, payloads: readonly Uint8Array[]): Promise<number> {
  const url = new URL(target)
  const socket = createSocket(url.hostname.startsWith('[') ? 'udp6' : 'udp4')
  await new Promise<void>((resolve) => socket.bind(0, address, resolve))
  const host = url.hostname.replace(/[[\]]/g, '')
  for (const payload of payloads) {
    await new Promise((resolve) => socket.send(payload, Number(url.port), host, resolve))
  }
  const { port } = socket.address()
  await closeSocket(socket)
  return port
}

/** A UDP port of the loopback address that nobody has bound. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await closeSocket(socket)
  return port
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const closeSocket = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(resolve))
