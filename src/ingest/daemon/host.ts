import { Worker } from 'node:worker_threads'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { FromCollector, ToCollector } from './messages.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import { CollectorSession } from './session.ts'
import type { CollectorWorkerData } from './worker.ts'

/** Where the collecting side runs. */
export interface CollectorHost {
  send(message: ToCollector): void
  close(): Promise<void>
}

/** How a thread of its own finds the store. */
export interface WorkerStore {
  readonly url: string
  readonly endpoint: string | undefined
}

/** Collects in this thread: for stores that another thread cannot open, and for tests. */
export function inlineHost(
  options: OpenCollectorOptions,
  pool: ChunkPool,
  store: ObjectStore,
  system: System,
  onMessage: (message: FromCollector) => void,
): CollectorHost {
  // Answers come later, as from a thread, so that no caller is entered again while it calls.
  const post = (message: FromCollector): void => void setImmediate(onMessage, message)
  const session = new CollectorSession({ options, pool, store, system, post })
  return {
    send: (message) => void setImmediate(() => session.receive(message)),
    close: async () => undefined,
  }
}

/** Collects in a thread of its own. */
export function workerHost(
  script: URL,
  options: OpenCollectorOptions,
  pool: ChunkPool,
  { url, endpoint }: WorkerStore,
  onMessage: (message: FromCollector) => void,
): CollectorHost {
  const workerData: CollectorWorkerData = { options, chunks: pool.shared, storeUrl: url, endpoint }
  const worker = new Worker(script, { workerData })
  const fatal = ({ message, stack }: Error): void =>
    onMessage({ type: 'fatal', error: { message, code: undefined, stack } })
  worker.on('message', onMessage)
  worker.on('error', fatal)
  worker.on('exit', (code) => {
    if (code !== 0) fatal(new Error(`ingest: collecting thread expected to run, got exit code ${code}`))
  })
  return {
    send: (message) => worker.postMessage(message),
    async close() {
      worker.removeAllListeners('exit')
      await worker.terminate()
    },
  }
}
