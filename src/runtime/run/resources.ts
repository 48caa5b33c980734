import { availableParallelism, totalmem } from 'node:os'

/** How the memory target of a run is shared out. */
export interface Resources {
  readonly workers: number
  readonly memoryBytes: number
  /** Bytes of tables, buffers and merges of one attempt. */
  readonly attemptBytes: number
  /** Heap limit of a worker. */
  readonly heapBytes: number
}

const MB = 2 ** 20
/** What a process of Node with this program takes before it does anything, and each worker thread with the buffers of a reader. */
const BASE_BYTES = 80 * MB
const WORKER_BYTES = 60 * MB
/** With less than this an attempt would only spill and merge: there are fewer workers instead. */
const WORTH_BYTES = 48 * MB
const MIN_ATTEMPT_BYTES = 8 * MB
const MAX_DEFAULT_BYTES = 8192 * MB

/** The least memory that a run is promised to keep to. */
export const LEAST_MEMORY_BYTES = 160e6

/** Shares out a memory target: what the process and its workers take by themselves comes first. Where there is little there are fewer workers than asked for. */
export function shareResources(wanted = availableParallelism(), memoryBytes = defaultMemoryBytes()): Resources {
  const fitting = Math.floor((memoryBytes - BASE_BYTES) / (WORKER_BYTES + WORTH_BYTES))
  const workers = Math.max(1, Math.min(wanted, fitting))
  const left = memoryBytes - BASE_BYTES - workers * WORKER_BYTES
  const attemptBytes = Math.max(MIN_ATTEMPT_BYTES, Math.floor(left / workers))
  const heapBytes = Math.max(96 * MB, Math.min(4096 * MB, attemptBytes))
  return { workers, memoryBytes, attemptBytes, heapBytes }
}

/** A quarter of the machine, at most 8 GB. */
const defaultMemoryBytes = (): number => Math.min(MAX_DEFAULT_BYTES, Math.floor(totalmem() / 4))
