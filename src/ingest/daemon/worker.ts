import { parentPort, workerData } from 'node:worker_threads'
import { openStore } from '../../storage/open.ts'
import { ChunkPool, type SharedChunks } from './chunk-pool.ts'
import type { FromCollector, ToCollector } from './messages.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import { yieldToOthers } from './priority.ts'
import { CollectorSession } from './session.ts'

/** The collecting thread of a daemon: decodes, compresses and stores. */

/** What the thread is started with. */
export interface CollectorWorkerData {
  readonly options: OpenCollectorOptions
  readonly chunks: SharedChunks
  readonly storeUrl: string
  readonly endpoint: string | undefined
}

const port = parentPort
if (!port) throw new Error('ingest: worker expected a parent thread, got none')
const { options, chunks, storeUrl, endpoint } = workerData as CollectorWorkerData

yieldToOthers()

const post = (message: FromCollector): void => port.postMessage(message)
openStore(storeUrl, { endpoint }).then(
  (store) => {
    const session = new CollectorSession({ options, pool: new ChunkPool(chunks), store, post })
    port.on('message', (message: ToCollector) => session.receive(message))
  },
  (error: unknown) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    post({ type: 'fatal', error: { message, code: undefined, stack } })
  },
)
