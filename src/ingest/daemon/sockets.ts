import { createSocket, type Socket } from 'node:dgram'
import { IngestError } from '../error.ts'
import type { BoundAddress } from './kernel-drops.ts'

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
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address: host, port }, resolve)
    })
    socket.removeAllListeners('error')
    const receiveBufferBytes = enlarge(socket, wantedBytes)
    const { address, port: boundPort } = socket.address()
    const bound = { address, port: boundPort }
    return { socket, bound: { ...bound, url: urlOf(bound), receiveBufferBytes } }
  } catch (error) {
    socket.close()
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const message = `ingest: listen expected an address that can be bound, got udp://${host}:${port} (${reason})`
    throw new IngestError('bad-listen', message, { host, port }, error)
  }
}

/** Linux grants at most net.core.rmem_max without a word, and reports twice what it granted. */
function enlarge(socket: Socket, wantedBytes: number): number {
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

/** Closes sockets; one that is closed already stays so. */
export async function closeSockets(sockets: readonly ListeningSocket[]): Promise<void> {
  await Promise.all(
    sockets.map(({ socket }) => {
      return new Promise<void>((resolve) => {
        try {
          socket.close(() => resolve())
        } catch {
          resolve()
        }
      })
    }),
  )
}

function urlOf({ address, port }: BoundAddress): string {
  return `udp://${address.includes(':') ? `[${address}]` : address}:${port}`
}
