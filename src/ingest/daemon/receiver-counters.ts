/** What the receiving thread has counted; all numbers only grow. */
export interface ReceiverCounts {
  /** Datagrams handed on. */
  readonly received: number
  readonly receivedBytes: number
  /** Datagrams of senders that are not allowed. */
  readonly denied: number
  /** Datagrams dropped because the next stage was too far behind. */
  readonly dropped: number
}

const COUNTERS = 4

/** The counters of the receiving thread, in memory that other threads read at any time. */
export class ReceiverCounters {
  readonly shared: SharedArrayBuffer
  readonly #values: Float64Array

  constructor(shared = new SharedArrayBuffer(COUNTERS * Float64Array.BYTES_PER_ELEMENT)) {
    this.shared = shared
    this.#values = new Float64Array(shared)
  }

  received(bytes: number): void {
    this.#values[0]! += 1
    this.#values[1]! += bytes
  }

  denied(): void {
    this.#values[2]! += 1
  }

  dropped(): void {
    this.#values[3]! += 1
  }

  get counts(): ReceiverCounts {
    const [received = 0, receivedBytes = 0, denied = 0, dropped = 0] = this.#values
    return { received, receivedBytes, denied, dropped }
  }
}
