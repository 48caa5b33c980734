import type { Resource } from '../admission/claim.ts'
import type { Fault } from '../chaos/faults.ts'
import type { Plan } from '../plan/plan.ts'
import type { TaskTimings } from '../task/description.ts'

/** What happens in a run, as plain data, in order; the command line paints it, tests read it. */
export type RunEvent =
  | { readonly type: 'planned'; readonly run: string; readonly plan: Plan }
  | { readonly type: 'stage-started'; readonly stage: string; readonly tasks: number; readonly committed: number }
  | ProgressEvent
  | {
      readonly type: 'attempt-started'
      readonly stage: string
      readonly task: number
      readonly attempt: number
      readonly speculative: boolean
    }
  | {
      readonly type: 'attempt-committed'
      readonly stage: string
      readonly task: number
      readonly attempt: number
      readonly elapsedMs: number
      readonly timings: TaskTimings
    }
  | AttemptFailedEvent
  | {
      readonly type: 'fault-injected'
      readonly fault: Fault
      readonly stage: string
      readonly task: number
      readonly attempt: number
    }
  | {
      /** The run waits for other runs on this machine; told now and then, and with 0 when it no longer does. */
      readonly type: 'waiting'
      readonly resource: Resource
      readonly amount: number
    }
  | {
      readonly type: 'task-redone'
      readonly stage: string
      readonly task: number
      readonly generation: number
      readonly reason: string
    }
  | { readonly type: 'stage-finished'; readonly stage: string; readonly elapsedMs: number }
  | { readonly type: 'committed'; readonly run: string; readonly version: number }

/** How far the stage that runs is. Figures only grow, but for `running`. */
export interface ProgressEvent {
  readonly type: 'progress'
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly running: number
  readonly failed: number
  /** Rows of the input taken in, those of running attempts included. */
  readonly flows: number
  readonly bytes: number
}

export interface AttemptFailedEvent {
  readonly type: 'attempt-failed'
  readonly stage: string
  readonly task: number
  readonly attempt: number
  /** What became of it: `threw`, `exited`, `out-of-memory`, `terminated`, `timed-out`, `fenced`, `lost-input`, `superseded`. */
  readonly kind: FailureKind
  readonly message: string
  /** Milliseconds until the next attempt; null when there is none. */
  readonly retryInMs: number | null
}

export type FailureKind =
  | 'threw'
  | 'exited'
  | 'out-of-memory'
  | 'terminated'
  | 'timed-out'
  | 'fenced'
  | 'lost-input'
  | 'superseded'
