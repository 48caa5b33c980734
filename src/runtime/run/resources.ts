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
/** What a process of Node with this program takes before it does anything, and each worker thread. */
const BASE_BYTES = 70 * MB
const WORKER_BYTES = 30 * MB
const MIN_ATTEMPT_BYTES = 8 * MB
const MAX_DEFAULT_BYTES = 8192 * MB

/** Shares out a memory target: what the process and its workers take by themselves comes first. */
export function shareResources(workers = availableParallelism(), memoryBytes = defaultMemoryBytes()): Resources {
  const left = memoryBytes - BASE_BYTES - workers * WORKER_BYTES
  const attemptBytes = Math.max(MIN_ATTEMPT_BYTES, Math.floor(left / workers))
  const heapBytes = Math.max(96 * MB, Math.min(4096 * MB, attemptBytes))
  return { workers, memoryBytes, attemptBytes, heapBytes }
}

/** A quarter of the machine, at most 8 GB. */
const defaultMemoryBytes = (): number => Math.min(MAX_DEFAULT_BYTES, Math.floor(totalmem() / 4))
