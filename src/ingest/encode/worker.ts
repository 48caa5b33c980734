import { parentPort, workerData } from 'node:worker_threads'
import { hashFiles } from './file-hashes.ts'
import { type SharedSlots, Slots } from './slots.ts'

/** A thread that packs the batches of an import, and hashes files while there are none. */

/** What the thread is started with. */
export interface EncodeWorkerData {
  readonly slots: SharedSlots
  readonly files: readonly string[]
}

const { slots, files } = workerData as EncodeWorkerData // `EncodeRing` gives it
const hashing = hashFiles(files, (file) => parentPort?.postMessage(file))
new Slots(slots).work(() => hashing.next().done !== true)
