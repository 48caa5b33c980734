import { readFile } from 'node:fs/promises'
import { parseAddressExact } from '../../flow/address.ts'

/** A bound socket, as the system reports it. */
export interface BoundAddress {
  readonly address: string
  readonly port: number
}

/**
 * Datagrams the kernel has dropped at each socket since it was bound, because its receive buffer was full (Linux: column `drops` of
 * /proc/net/udp and udp6); undefined where the system does not tell.
 */
export async function kernelDrops(sockets: readonly BoundAddress[]): Promise<(number | undefined)[]> {
  const [v4, v6] = await Promise.all([table('/proc/net/udp'), table('/proc/net/udp6')])
  return sockets.map((socket) => {
    const bytes = parseAddressExact(socket.address)
    return (bytes.length === 4 ? v4 : v6).get(localAddress(bytes, socket.port))
  })
}

/** Local address and port as the table writes them: words in the byte order of the machine (little-endian wherever Node runs). */
function localAddress(bytes: Uint8Array, port: number): string {
  let text = ''
  for (let word = 0; word < bytes.length; word += 4) {
    for (let i = 3; i >= 0; i--) text += bytes[word + i]!.toString(16).padStart(2, '0')
  }
  return `${text}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}

/** Drops by local address. Best effort: an unreadable table is empty. */
async function table(path: string): Promise<Map<string, number>> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const drops = new Map<string, number>()
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    const local = columns[1]
    const dropped = Number(columns[12])
    if (local !== undefined && Number.isFinite(dropped)) drops.set(local, (drops.get(local) ?? 0) + dropped)
  }
  return drops
}
