import { workerData } from 'node:worker_threads'
import { type SharedSlots, Slots } from './slots.ts'

/** A thread that packs the batches of an import. */

/** What the thread is started with. */
export interface EncodeWorkerData {
  readonly slots: SharedSlots
}

const { slots } = workerData as EncodeWorkerData // `EncodeRing` gives it
new Slots(slots).work()
