import { readFile } from 'node:fs/promises'
import { type BoundAddress, endpoint, parseSocketTable, type SocketEntry } from './socket-table.ts'

/**
 * Datagrams the kernel has dropped at each address since it was bound, because a receive buffer was full: at all sockets there, those included that are connected
 * to one exporter; undefined where the system does not tell.
 */
export async function kernelDrops(sockets: readonly BoundAddress[]): Promise<(number | undefined)[]> {
  const [v4, v6] = await Promise.all([table('/proc/net/udp'), table('/proc/net/udp6')])
  return sockets.map((socket) => {
    const local = endpoint(socket)
    const [address = '', port = ''] = local.split(':')
    const isAny = isZero(address)
    const isOurs = (entry: SocketEntry): boolean => {
      if (entry.local === local) return true
      const [, entryPort] = entry.local.split(':')
      // A socket bound to any address has that of the route once it is connected.
      return isAny && entryPort === port && !isZero(entry.remote.slice(0, address.length))
    }
    const ours = (socket.address.includes(':') ? v6 : v4).filter(isOurs)
    return ours.length === 0 ? undefined : ours.reduce((sum, { drops }) => sum + drops, 0)
  })
}

const isZero = (hexadecimal: string): boolean => /^0*$/.test(hexadecimal)

/** Best effort: an unreadable table is empty. */
async function table(path: string): Promise<SocketEntry[]> {
  return parseSocketTable(await readFile(path, 'utf8').catch(() => ''))
}
