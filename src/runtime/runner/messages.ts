import type { AttemptFaults } from '../chaos/attempt-faults.ts'
import type { LiveCounters } from '../counters.ts'
import type { JournalEntry } from '../run/journal.ts'
import type { BlockPiece, TaskDescription } from '../task/description.ts'
import type { SerializedError } from '../task/error-json.ts'

/** What passes between the coordinator and a worker thread: plain data. */
export interface AttemptRequest {
  /** Number of the request, which progress messages name. */
  readonly id: number
  readonly task: TaskDescription
  /** What is to go wrong on purpose. */
  readonly faults?: AttemptFaults
  /** What another task will read after this one, probably. */
  readonly next?: BlockPiece | undefined
}

export type AttemptReply =
  | { readonly type: 'committed'; readonly entry: JournalEntry; readonly threadId: number }
  | { readonly type: 'failed'; readonly error: SerializedError; readonly threadId: number }

export interface ProgressMessage {
  readonly type: 'progress'
  readonly id: number
  readonly counters: LiveCounters
}
