import { connect, type Socket } from 'node:net'
import type { RecordedRead } from './recorder.ts'

/** What a server takes to hand out the same parts to a client that does no more than drop them. */
export interface Replayed {
  readonly bytes: number
  /** Seconds. */
  readonly seconds: number
  readonly clientCpu: number
}

/** Asks for the parts of a recording over so many connections at a time. */
export async function replay(endpoint: string, reads: readonly RecordedRead[], wide: number): Promise<Replayed> {
  const waiting = [...reads]
  const [started, before] = [performance.now(), process.cpuUsage()]
  const bytes = await Promise.all(Array.from({ length: wide }, () => drain(endpoint, waiting)))
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - started) / 1000
  return { bytes: bytes.reduce((sum, count) => sum + count, 0), seconds, clientCpu: (user + system) / 1e6 }
}

/** Takes reads from a list until it is empty, one after the other on one connection. Resolves to the bytes of their bodies. */
function drain(endpoint: string, waiting: RecordedRead[]): Promise<number> {
  const { hostname, port } = new URL(endpoint)
  return new Promise((resolve, reject) => {
    let total = 0
    let left = 0
    let head = ''
    const next = (): void => {
      const read = waiting.shift()
      if (read) return void socket.write(headOf(read))
      socket.end()
      resolve(total)
    }
    const take = (length: number, buffer: Uint8Array): boolean => {
      let body = length
      if (left === 0) {
        head += Buffer.from(buffer.subarray(0, length)).toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return true
        const [, status] = /^HTTP\/1\.1 (\d+)/.exec(head) ?? []
        if (status !== '206') reject(new Error(`bench: status expected 206, got ${status}`))
        left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
        total += left
        body = head.length - end - 4
        head = ''
      }
      left -= body
      if (left === 0) next()
      return true
    }
    const onread = { buffer: new Uint8Array(64 << 10), callback: take }
    const socket: Socket = connect({ host: hostname, port: Number(port), onread }, next)
    socket.on('error', reject)
  })
}

const headOf = ({ path, headers }: RecordedRead): string =>
  `GET ${path} HTTP/1.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`
