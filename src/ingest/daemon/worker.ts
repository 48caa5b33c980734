import { getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { openStore } from '../../storage/open.ts'
import type { FromCollector, ToCollector } from './messages.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import { CollectorSession } from './session.ts'

/** The collecting thread of a daemon: decodes, compresses and stores, while the main thread does nothing but receive. */

/** What the thread is started with. */
export interface CollectorWorkerData {
  readonly options: OpenCollectorOptions
  readonly storeUrl: string
  readonly endpoint: string | undefined
}

const port = parentPort
if (!port) throw new Error('ingest: worker expected a parent thread, got none')
const { options, storeUrl, endpoint } = workerData as CollectorWorkerData

try {
  // On Linux a priority belongs to the thread: receiving comes first when there are fewer processors than threads, for what is late here waits in the log.
  if (process.platform === 'linux') setPriority(0, Math.min(19, getPriority(0) + 5))
} catch {
  // Without the right to change priorities it works as well, if less smoothly.
}

const post = (message: FromCollector, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
openStore(storeUrl, { endpoint }).then(
  (store) => {
    const session = new CollectorSession({ options, store, post })
    port.on('message', (message: ToCollector) => session.receive(message))
  },
  (error: unknown) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    post({ type: 'fatal', error: { message, code: undefined, stack } })
  },
)
