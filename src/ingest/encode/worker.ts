import { workerData } from 'node:worker_threads'
import { type SharedSlots, Slots } from './slots.ts'

/** A thread that packs the batches of an import. */

/** What the thread is started with. */
export interface EncodeWorkerData {
  readonly slots: SharedSlots
  /** Which of the threads that pack it is. */
  readonly lane: number
}

const { slots, lane } = workerData as EncodeWorkerData // `EncodeRing` gives it
new Slots(slots, lane).work()
