import { type BoundAddress, endpoint, type SocketEntry, socketTable } from './socket-table.ts'

/**
 * Datagrams the kernel has dropped at an address since it was bound, because a receive buffer was full: at all sockets there, those included that are connected
 * to one exporter; undefined where the system does not tell.
 */
export function kernelDrops(bound: BoundAddress): number | undefined {
  const local = endpoint(bound)
  const [address = '', port = ''] = local.split(':')
  const isAny = /^0+$/.test(address)
  // A socket bound to any address has that of the route once it is connected.
  const isOurs = (entry: SocketEntry): boolean =>
    entry.local === local || (isAny && entry.isConnected && entry.local.endsWith(`:${port}`))
  const ours = socketTable(bound.address).filter(isOurs)
  return ours.length === 0 ? undefined : ours.reduce((sum, { drops }) => sum + drops, 0)
}
