import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { freePort } from '../../kit/udp.ts'
import { Program } from './program.ts'

/** Sums of one key: flows, packets, bytes. */
export type Sums = readonly [flows: number, packets: number, bytes: number]

/** A running `nfcapd`, the collector of nfdump. */
export interface Nfcapd {
  readonly port: number
  /** Ends it, so that everything it has received is in its files. */
  stop(): Promise<void>
  /** Sums by an aggregation of `nfdump -A`, printed with the format tag of the key, over the flows of a filter. */
  sums(aggregation: string, tag: string, filter: string): Map<string, Sums>
}

export async function startNfcapd(folder: string): Promise<Nfcapd> {
  const port = await freePort()
  const options = ['-b', '127.0.0.1', '-p', String(port), '-w', folder, '-t', '3600', '-B', '4000000']
  const program = new Program('nfcapd', options)
  await program.until(() => isBound(port))
  return {
    port,
    async stop() {
      await program.end('SIGTERM')
    },
    sums: (aggregation, tag, filter) => nfdump(folder, aggregation, tag, filter),
  }
}

async function isBound(port: number): Promise<boolean> {
  const sockets = await readFile('/proc/net/udp', 'utf8')
  return sockets.includes(`0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`)
}

function nfdump(folder: string, aggregation: string, tag: string, filter: string): Map<string, Sums> {
  const format = `fmt:${tag},%fl,%pkt,%byt`
  const printed = execFileSync('nfdump', ['-R', folder, '-q', '-N', '-6', '-A', aggregation, '-o', format, filter], {
    encoding: 'utf8',
  })
  const lines = printed.split('\n').filter((line) => /^[^,]+,[^,]+,[^,]+,[^,]+$/.test(line))
  return new Map(
    lines.map((line) => {
      const [key, flows, packets, octets] = line.split(',').map((text) => text.trim())
      return [String(key), [Number(flows), Number(packets), Number(octets)]]
    }),
  )
}
