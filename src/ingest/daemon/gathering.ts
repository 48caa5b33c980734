import { isMainThread } from 'node:worker_threads'
import { monotonicMs } from '../../flow/clock.ts'

/** Time in which datagrams gather. A receive buffer of 1 MiB holds what comes in it at 400,000 datagrams/s. */
const GATHER_MS = 1
/** With more datagrams than this taken one by one since the last time, the thread has work. */
const IDLE_DATAGRAMS = 16

/**
 * Waits a moment before what has come is read, so that there is more of it: a thread that wakes for every datagram costs itself and the sender more than the
 * datagrams do. Only where the thread has nothing else to do, and at most half of its time.
 */
export class Gathering {
  readonly #never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  #datagrams = 0
  #endedMs = 0

  /** A datagram has been taken by itself. */
  note(): void {
    this.#datagrams++
  }

  wait(): void {
    const isIdle = this.#datagrams <= IDLE_DATAGRAMS
    this.#datagrams = 0
    if (isMainThread || !isIdle || monotonicMs() - this.#endedMs < GATHER_MS) return
    Atomics.wait(this.#never, 0, 0, GATHER_MS)
    this.#endedMs = monotonicMs()
  }
}
