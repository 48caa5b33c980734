import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { buildConnector } from 'undici'
import { describe, expect, it } from 'vitest'
import { Connections } from '../../../src/storage/s3/connections.ts'
import { connector } from '../../../src/storage/s3/connector.ts'
import * as parts from '../../../src/storage/s3/parts.ts'
import { fc } from '../../kit/fast-check.ts'

const TARGET = { hostname: '127.0.0.1', protocol: 'http:', port: '1' }

/** What the operating system does: reads pieces into the memory that the connector gives for the next one. */
interface Reads {
  read(piece: Uint8Array): void
}

/** A connection of a connector whose bytes come from a test. */
function openSocket(): { readonly socket: Readable; readonly reads: Reads } {
  const socket = new Readable({ read() {}, highWaterMark: 64 << 10 })
  let reads: Reads | undefined
  const build = (options: Parameters<typeof buildConnector>[0] = {}): ReturnType<typeof buildConnector> => {
    const onread = 'onread' in options ? options.onread : undefined
    if (onread && typeof onread.buffer === 'function') {
      const { buffer, callback } = onread
      let memory = buffer()
      reads = {
        read(piece) {
          memory.set(piece)
          callback(piece.length, memory)
          memory = buffer()
        },
      }
    }
    return (_, callback) => callback(null, socket as Socket)
  }
  connector({ buildConnector: build }, {})(TARGET, () => undefined)
  if (!reads) throw new Error('test: memory to read into expected')
  return { socket, reads }
}

describe('bytes that are read into memory that is used again', () => {
  it('arrive as they were sent, whatever the pieces and however late they are taken', () => {
    const steps = fc.array(
      fc.record({ length: fc.constantFrom(1, 500, 16_383, 16_384, 40_000, 65_536), isTaken: fc.boolean() }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, (plan) => {
        const { socket, reads } = openSocket()
        const sent: Uint8Array[] = []
        const taken: Uint8Array[] = []
        const take = (): void => {
          const bytes: Uint8Array | null = socket.read()
          if (bytes) taken.push(new Uint8Array(bytes))
        }
        for (const [i, { length, isTaken }] of plan.entries()) {
          const piece = new Uint8Array(length).fill(i + 1)
          sent.push(piece)
          reads.read(piece)
          if (isTaken) take()
        }
        take()
        expect(Buffer.compare(Buffer.concat(taken), Buffer.concat(sent))).toBe(0)
      }),
    )
  })

  it('are a whole answer when its head comes a byte at a time and its body at once', async () => {
    const body = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) >> 3))
    const head = Buffer.from(
      `HTTP/1.1 200 OK\r\nx-name: ${'value'.repeat(40)}\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    const server = createServer((socket) => {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.once('data', () => {
        let at = 0
        const next = (): void => {
          if (at === head.length) return void socket.write(body)
          socket.write(head.subarray(at, ++at), () => setImmediate(next))
        }
        next()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const connections = new Connections(parts, { concurrency: 1, connectMs: 5000, authorities: undefined })
    try {
      const got = Buffer.alloc(body.length)
      let at = 0
      let name: unknown
      const sink = {
        head(_: number, headers: { readonly [name: string]: unknown }) {
          name = headers['x-name']
        },
        bytes(piece: Uint8Array) {
          got.set(piece, at)
          at += piece.length
        },
      }
      const call = { origin: `http://127.0.0.1:${port}`, method: 'GET', path: '/', headers: {} }
      await connections.exchange(call, sink)
      expect(name).toBe('value'.repeat(40))
      expect(Buffer.compare(got, body)).toBe(0)
    } finally {
      connections.close()
      server.close()
    }
  })
})
