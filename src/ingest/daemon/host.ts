import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import type { FromCollector, ToCollector } from './messages.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import { CollectorSession } from './session.ts'
import type { CollectorWorkerData } from './worker.ts'

/** Where the collecting side runs. */
export interface CollectorHost {
  /** Sends a message; what is in `transfer` is no longer the sender's. */
  send(message: ToCollector, transfer?: ArrayBuffer[]): void
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
  store: ObjectStore,
  system: System,
  onMessage: (message: FromCollector) => void,
): CollectorHost {
  // Answers come later, as from a thread, so that no caller is entered again while it calls.
  const session = new CollectorSession({ options, store, system, post: (message) => setImmediate(onMessage, message) })
  return {
    send: (message) => void setImmediate(() => session.receive(message)),
    close: async () => undefined,
  }
}

/** Collects in a thread of its own. */
export function workerHost(
  script: URL,
  options: OpenCollectorOptions,
  { url, endpoint }: WorkerStore,
  onMessage: (message: FromCollector) => void,
): CollectorHost {
  const workerData: CollectorWorkerData = { options, storeUrl: url, endpoint }
  const worker = new Worker(script, { workerData })
  const fatal = ({ message, stack }: Error): void =>
    onMessage({ type: 'fatal', error: { message, code: undefined, stack } })
  worker.on('message', onMessage)
  worker.on('error', fatal)
  worker.on('exit', (code) => {
    if (code !== 0) fatal(new Error(`ingest: collecting thread expected to run, got exit code ${code}`))
  })
  return {
    send: (message, transfer = []) => worker.postMessage(message, transfer),
    async close() {
      worker.removeAllListeners('exit')
      await worker.terminate()
    },
  }
}

/** The built script of the collecting thread, or undefined when this runs from the sources. */
export function workerScript(): URL | undefined {
  const places = ['./ingest-worker.js', '../ingest-worker.js'].map((path) => new URL(path, import.meta.url))
  return places.find((url) => url.protocol === 'file:' && existsSync(fileURLToPath(url)))
}
