import { createSocket, type Socket } from 'node:dgram'
import { IngestError } from '../error.ts'
import type { BoundAddress } from './socket-table.ts'

/** Where to receive. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Where a socket receives, and what the kernel granted it. */
export interface BoundSocket extends BoundAddress {
  /** `udp://host:port` as bound. */
  readonly url: string
  readonly receiveBufferBytes: number
}

/** A socket that receives. */
export interface ListeningSocket {
  readonly socket: Socket
  readonly bound: BoundSocket
}

/** Reads `udp://host:port` or `udp://[::1]:2055`; port 0 takes a free one. Throws IngestError `bad-listen`. */
export function parseListen(text: string): ListenAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const rest = url === undefined ? '' : url.pathname + url.search + url.hash
  if (url?.protocol !== 'udp:' || url.hostname === '' || url.port === '' || !['', '/'].includes(rest)) {
    throw new IngestError('bad-listen', `ingest: listen expected udp://host:port, got ${text}`, { listen: text })
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }
}

/** Binds a socket with as large a receive buffer as the kernel grants, up to `wantedBytes`. Throws IngestError `bad-listen` when it cannot. */
export async function listenOn({ host, port }: ListenAddress, wantedBytes: number): Promise<ListeningSocket> {
  try {
    let socket = await bind({ host, port }, false)
    if (MAY_SHARE) {
      // A port that others share is refused: nobody has it yet, so that it can be shared with `bindBeside`.
      const { address, port } = socket.address()
      socket.close()
      socket = await bind({ host: address, port }, true)
    }
    const receiveBufferBytes = enlarge(socket, wantedBytes)
    const { address, port: boundPort } = socket.address()
    const bound = { address, port: boundPort }
    return { socket, bound: { ...bound, url: urlOf(bound), receiveBufferBytes } }
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const message = `ingest: listen expected an address that can be bound, got udp://${host}:${port} (${reason})`
    throw new IngestError('bad-listen', message, { host, port }, error)
  }
}

/** On Linux sockets may have an address together, and of those one that is connected to the sender of a datagram gets it. */
const MAY_SHARE = process.platform === 'linux'

async function bind({ host, port }: ListenAddress, reuseAddr: boolean): Promise<Socket> {
  const socket = createSocket({ type: typeOf(host), reuseAddr })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address: host, port }, resolve)
    })
  } catch (error) {
    socket.close()
    throw error
  }
  socket.removeAllListeners('error')
  return socket
}

/**
 * A second socket where one of `listenOn` is bound, or undefined where the system has no such thing. It is bound, and later connected, at once and not in a later
 * turn: until it is connected it gets the datagrams of all senders.
 */
export function bindBeside({ address, port }: BoundAddress): Socket | undefined {
  if (!MAY_SHARE) return undefined
  const family = address.includes(':') ? 6 : 4
  const socket = createSocket({
    type: typeOf(address),
    reuseAddr: true,
    lookup: (host, _options, callback) => callback(null, host, family),
  })
  socket.on('error', () => undefined) // an ICMP error about what was never sent from here
  socket.bind(port, address)
  try {
    socket.address()
    return socket
  } catch {
    socket.close()
    return undefined
  }
}

const typeOf = (host: string): 'udp4' | 'udp6' => (host.includes(':') ? 'udp6' : 'udp4')

/** Linux grants at most net.core.rmem_max without a word, and reports twice what it granted. */
export function enlarge(socket: Socket, wantedBytes: number): number {
  try {
    socket.setRecvBufferSize(wantedBytes)
  } catch {
    // Other systems refuse a size over their limit; what they have is reported below.
  }
  const reported = socket.getRecvBufferSize()
  return process.platform === 'linux' ? reported / 2 : reported
}

/** What to tell when the kernel gave less than asked for; undefined when it gave all. */
export function bufferWarning({ url, receiveBufferBytes }: BoundSocket, wantedBytes: number): string | undefined {
  if (receiveBufferBytes >= wantedBytes) return undefined
  const remedy =
    process.platform === 'linux'
      ? `sysctl -w net.core.rmem_max=${wantedBytes}`
      : `sysctl -w kern.ipc.maxsockbuf=${wantedBytes * 2}`
  return `ingest: receive buffer of ${url} expected ${wantedBytes} bytes, got ${receiveBufferBytes}; bursts may be lost, raise it with: ${remedy}`
}

/** Closes a socket; one that is closed already stays so. */
export function closeSocket(socket: Socket): Promise<void> {
  return new Promise<void>((resolve) => {
    try {
      socket.close(() => resolve())
    } catch {
      resolve()
    }
  })
}

function urlOf({ address, port }: BoundAddress): string {
  return `udp://${address.includes(':') ? `[${address}]` : address}:${port}`
}
