import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { System } from '../../../storage/system.ts'
import { ChunkPool } from '../chunk-pool.ts'
import { Receiver } from '../receiver.ts'
import { ReceiverCounters } from '../receiver-counters.ts'
import { closeSockets, listenOn } from '../sockets.ts'

/** Datagrams after which V8 has optimised what a receiver does for each. */
const DATAGRAMS = 6000
/** Datagrams on their way at once, which any receive buffer holds. */
const BURST = 60
const PAYLOAD_BYTES = 1464
/** Longer than loopback takes for a burst: then it was lost. */
const PATIENCE_MS = 20

/**
 * Has a receiver of its own, on a port that nobody knows, take datagrams until V8 has optimised what it does; they are dropped, and counted nowhere.
 * Best effort: where loopback does not work, the receiving thread is slower at first, as it would be without.
 */
export async function rehearseReceiving(system: System): Promise<void> {
  const pool = ChunkPool.create(1)
  const counters = new ReceiverCounters()
  const receiver = new Receiver({ pool, counters, allow: () => true, system, onChunk: (chunk) => pool.free(chunk) })
  const listening = await listenOn({ host: '127.0.0.1', port: 0 }, BURST * PAYLOAD_BYTES)
  receiver.listen(listening.socket, 0)
  const socket = createSocket('udp4')
  try {
    socket.connect(listening.bound.port, '127.0.0.1')
    await once(socket, 'connect')
    const payload = new Uint8Array(PAYLOAD_BYTES)
    for (let sent = 0; sent < DATAGRAMS; sent += BURST) {
      for (let i = 0; i < BURST; i++) socket.send(payload)
      const giveUpMs = performance.now() + PATIENCE_MS
      while (counters.counts.received < sent + BURST && performance.now() < giveUpMs) await new Promise(setImmediate)
    }
  } finally {
    await closeSockets([listening, { socket }])
  }
}
