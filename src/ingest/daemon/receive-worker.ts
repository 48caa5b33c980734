import { parentPort, workerData } from 'node:worker_threads'
import { ChunkPool, type SharedChunks } from './chunk-pool.ts'
import type { ReceiverSettings, ToReceiver } from './messages.ts'
import { comeFirst } from './priority.ts'
import { ReceiverCounters } from './receiver-counters.ts'
import { ReceivingSession } from './receiving-session.ts'
import { rehearse } from './rehearsal.ts'

/** The receiving thread of a daemon: copies datagrams from its sockets into chunks of shared memory, and does nothing else. */

/** What the thread is started with. */
export interface ReceiverWorkerData {
  readonly settings: ReceiverSettings
  readonly chunks: SharedChunks
  readonly counters: SharedArrayBuffer
}

const port = parentPort
if (!port) throw new Error('ingest: receiving thread expected a parent thread, got none')
const { settings, chunks, counters } = workerData as ReceiverWorkerData

comeFirst()
void rehearse()
  .catch(() => undefined)
  .then(() => {
    const session = new ReceivingSession({
      settings,
      pool: new ChunkPool(chunks),
      counters: new ReceiverCounters(counters),
      post: (message) => port.postMessage(message),
    })
    // What the daemon has told meanwhile waits until somebody listens.
    port.on('message', (message: ToReceiver) => session.receive(message))
  })
