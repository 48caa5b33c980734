import { createSocket } from 'node:dgram'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { monotonicMs } from '../../flow/clock.ts'
import { realSystem } from '../../storage/system.ts'
import { ChunkPool } from './chunk-pool.ts'
import { Listener } from './listener.ts'
import { Receiver } from './receiver.ts'
import { ReceiverCounters } from './receiver-counters.ts'
import { closeSocket, listenOn } from './sockets.ts'

const DATAGRAMS = 4000
const PAYLOAD_BYTES = 1464
/** Sent in one turn of the event loop. */
const BURST = 50
const RECEIVE_BUFFER_BYTES = 1 << 20
const PATIENCE_MS = 300

/**
 * Receives datagrams of this thread's own on a free port of loopback, as a busy exporter sends them. Then V8 has compiled what receives before the first real one
 * comes: uncompiled it takes more than twice as long, and at 100,000 datagrams/s the receive buffer is full after 36 ms. Best effort.
 */
export async function rehearse(): Promise<void> {
  const pool = ChunkPool.create(2)
  const counters = new ReceiverCounters()
  const onChunk = (chunk: number): void => pool.free(chunk)
  const receiver = new Receiver({ pool, counters, allow: () => true, system: realSystem(), onChunk })
  const listening = await listenOn({ host: '127.0.0.1', port: 0 }, RECEIVE_BUFFER_BYTES)
  const listener = new Listener({ listening, number: 0, receiver, receiveBufferBytes: RECEIVE_BUFFER_BYTES })
  const exporter = createSocket('udp4')
  exporter.on('error', () => undefined)
  const untilMs = monotonicMs() + PATIENCE_MS
  try {
    await new Promise<void>((resolve) => exporter.connect(listening.bound.port, '127.0.0.1', () => resolve()))
    const payload = new Uint8Array(PAYLOAD_BYTES)
    while (counters.counts.received < DATAGRAMS && monotonicMs() < untilMs) {
      for (let i = 0; i < BURST; i++) exporter.send(payload)
      await nextTurn()
    }
  } finally {
    await closeSocket(exporter)
    await listener.close()
  }
}
