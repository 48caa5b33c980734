/** What has been taken from a socket. */
export class Intake {
  /** Payloads only. */
  #takenBytes = 0

  take(payloadBytes: number): void {
    this.#takenBytes += payloadBytes
  }

  /**
   * Tells, when asked later, whether all that waits at the socket now has certainly been taken: a queue is first in, first out, and the `queuedBytes` of memory
   * that the kernel counts for it are more than its payloads.
   */
  mark(queuedBytes: number): () => boolean {
    const until = this.#takenBytes + queuedBytes
    return () => queuedBytes === 0 || this.#takenBytes > until
  }
}
