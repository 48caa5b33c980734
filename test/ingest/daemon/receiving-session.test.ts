import { createSocket } from 'node:dgram'
import { expect, it, vi } from 'vitest'
import { ChunkPool } from '../../../src/ingest/daemon/chunk-pool.ts'
import type { FromReceiver } from '../../../src/ingest/daemon/messages.ts'
import { ReceiverCounters } from '../../../src/ingest/daemon/receiver-counters.ts'
import { ReceivingSession } from '../../../src/ingest/daemon/receiving-session.ts'

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

it('receives while it rehearses, says then that it listens, and hands over all of it at the end', async () => {
  const port = await freePort()
  const counters = new ReceiverCounters()
  const messages: FromReceiver[] = []
  let rehearsed = (): void => undefined
  const session = new ReceivingSession({
    settings: { listen: [{ host: '127.0.0.1', port }], receiveBufferBytes: 1 << 16, allow: [], spoolMs: 1e6 },
    pool: ChunkPool.create(2),
    counters,
    post: (message) => messages.push(message),
    rehearse: () => new Promise((resolve) => (rehearsed = resolve)),
  })
  const sender = createSocket('udp4')
  await vi.waitUntil(async () => {
    await new Promise<void>((resolve) => sender.send(Uint8Array.of(1, 2, 3), port, '127.0.0.1', () => resolve()))
    return counters.counts.received > 0
  }, 10_000)
  expect(messages).toEqual([])
  rehearsed()
  await vi.waitUntil(() => messages.length > 0, 10_000)
  expect(messages).toMatchObject([{ type: 'listening', sockets: [{ url: `udp://127.0.0.1:${port}` }] }])
  session.receive({ type: 'stop' })
  await vi.waitUntil(() => messages.some(({ type }) => type === 'stopped'), 10_000)
  expect(messages.map(({ type }) => type)).toEqual(['listening', 'chunk', 'stopped'])
  sender.close()
})

it('listens although its rehearsal fails', async () => {
  const messages: FromReceiver[] = []
  const session = new ReceivingSession({
    settings: { listen: [{ host: '127.0.0.1', port: 0 }], receiveBufferBytes: 1 << 16, allow: [], spoolMs: 1e6 },
    pool: ChunkPool.create(1),
    counters: new ReceiverCounters(),
    post: (message) => messages.push(message),
    rehearse: () => Promise.reject(new Error('no loopback')),
  })
  await vi.waitUntil(() => messages.length > 0, 10_000)
  expect(messages).toMatchObject([{ type: 'listening' }])
  session.receive({ type: 'stop' })
  await vi.waitUntil(() => messages.some(({ type }) => type === 'stopped'), 10_000)
})
