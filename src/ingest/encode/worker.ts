import { workerData } from 'node:worker_threads'
import { type SharedSlots, Slots } from './slots.ts'

/** A thread that packs the batches of an import. */
new Slots(workerData as SharedSlots).work() // `EncodeRing` gives it
