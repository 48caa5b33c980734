import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { parseAddressExact } from '../../flow/address.ts'

/** A bound socket, as the system reports it. */
export interface BoundAddress {
  readonly address: string
  readonly port: number
}

/** A UDP socket as Linux lists it in /proc/net/udp and udp6. */
export interface SocketEntry {
  /** As `endpoint` writes it. */
  readonly local: string
  /** Where it is connected to, if it is. */
  readonly remote: string
  readonly isConnected: boolean
  /** Memory of the datagrams that wait: of each more than its payload. */
  readonly queuedBytes: number
  /** Names the socket among all of the machine. */
  readonly inode: string
  /** Datagrams dropped since it was made, because its receive buffer was full. */
  readonly drops: number
}

/** The sockets of the family of `address`. Best effort: none where the system does not tell. */
export function socketTable(address: string): SocketEntry[] {
  try {
    return parseSocketTable(readFileSync(address.includes(':') ? '/proc/net/udp6' : '/proc/net/udp', 'utf8'))
  } catch {
    return []
  }
}

export function parseSocketTable(text: string): SocketEntry[] {
  const entries: SocketEntry[] = []
  for (const line of text.split('\n').slice(1)) {
    const [, local, remote, , queues = '', , , , , inode, , , drops] = line.trim().split(/\s+/)
    const queuedBytes = Number.parseInt(queues.slice(queues.indexOf(':') + 1), 16)
    const dropped = Number(drops)
    if (local === undefined || remote === undefined || inode === undefined) continue
    if (!Number.isFinite(queuedBytes) || !Number.isFinite(dropped)) continue
    entries.push({ local, remote, isConnected: !/^[0:]+$/.test(remote), queuedBytes, inode, drops: dropped })
  }
  return entries
}

/** Address and port as the table writes them: words in the byte order of the machine (little-endian wherever Node runs). */
export function endpoint({ address, port }: BoundAddress): string {
  const bytes = parseAddressExact(address)
  let text = ''
  for (let word = 0; word < bytes.length; word += 4) {
    for (let i = 3; i >= 0; i--) text += bytes[word + i]!.toString(16).padStart(2, '0')
  }
  return `${text}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}

/** The descriptor of this process that is the socket with this inode; undefined when none is. */
export function socketDescriptor(inode: string): number | undefined {
  const wanted = `socket:[${inode}]`
  const isWanted = (descriptor: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === wanted
    } catch {
      return false // closed since it was listed
    }
  }
  try {
    const found = readdirSync('/proc/self/fd').find(isWanted)
    return found === undefined ? undefined : Number(found)
  } catch {
    return undefined
  }
}
