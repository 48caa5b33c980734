import type { AttemptFaults } from '../chaos/attempt-faults.ts'
import type { LiveCounters } from '../counters.ts'
import type { JournalEntry } from '../run/journal.ts'
import type { BlockPiece, TaskDescription } from '../task/description.ts'

/**
 * Carries out task attempts: in this thread, on worker threads, in processes. A runner knows nothing of stages, retries or the journal; it says what became of an
 * attempt, and the coordinator decides.
 */
export interface Runner {
  /** Attempts that may run at the same time. */
  readonly slots: number
  /**
   * Carries out one attempt to its commit. Rejects with what the attempt threw, or with code `worker-exited`, `out-of-memory` or `worker-terminated`.
   * An abort of `signal` really stops the attempt, where that is possible.
   */
  run(task: TaskDescription, options: AttemptSignals): Promise<JournalEntry>
  /** Ends all workers; no attempt may be running. Does nothing the second time. */
  close(): Promise<void>
}

export interface AttemptSignals {
  readonly signal: AbortSignal
  /** What is to go wrong in it on purpose. */
  readonly faults?: AttemptFaults
  /** What another task will read after this one, probably: it may be asked for early. */
  readonly next?: BlockPiece | undefined
  onProgress?(counters: LiveCounters): void
}
