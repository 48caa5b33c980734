import type { System } from '../../storage/system.ts'
import type { LiveCounters } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { Runner } from '../runner/runner.ts'
import type { BlockPiece, TaskDescription } from '../task/description.ts'
import type { FailureKind, RunEvent } from './events.ts'
import { failureKind, isFinal, messageOf } from './failure.ts'
import type { JournalEntry } from './journal.ts'

export interface AttemptLimits {
  /** Attempts of a task that may fail before the run does. */
  readonly maxFailures: number
  /** An attempt that takes longer is stopped. */
  readonly timeLimitMs: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
}

export const DEFAULT_LIMITS: AttemptLimits = {
  maxFailures: 4,
  timeLimitMs: 3_600_000,
  backoffMs: 100,
  maxBackoffMs: 10_000,
}

/** Runs one attempt and stops it at the time limit; an abort of `signal` stops it too. */
export async function runLimited(
  runner: Runner,
  task: TaskDescription,
  options: {
    readonly limits: AttemptLimits
    readonly signal: AbortSignal
    /** What another task will read after this one, probably. */
    readonly next?: BlockPiece | undefined
    onProgress?(counters: LiveCounters): void
  },
): Promise<JournalEntry> {
  const { limits, signal, next, onProgress } = options
  const stop = new AbortController()
  const timer = setTimeout(() => {
    const message = `task ${task.stage}-${task.task}: attempt expected to end within ${limits.timeLimitMs} ms, got none`
    stop.abort(new RuntimeError('timed-out', message, { stage: task.stage, task: task.task }))
  }, limits.timeLimitMs)
  try {
    const both = AbortSignal.any([signal, stop.signal])
    return await runner.run(task, { signal: both, next, ...(onProgress ? { onProgress } : {}) })
  } finally {
    clearTimeout(timer)
  }
}

/** Milliseconds before the next attempt after so many failures: doubling, with full jitter. */
export function backoffMs(failures: number, { backoffMs: base, maxBackoffMs }: AttemptLimits, system: System): number {
  const ceiling = Math.min(maxBackoffMs, base * 2 ** (failures - 1))
  return Math.round(ceiling / 2 + (system.random() * ceiling) / 2)
}

/** The event that tells of a failed attempt. */
export function attemptFailed(
  { stage, task, attempt }: TaskDescription,
  error: unknown,
  retryInMs: number | null,
): RunEvent & { readonly kind: FailureKind } {
  return {
    type: 'attempt-failed',
    stage,
    task,
    attempt,
    kind: failureKind(error),
    message: messageOf(error),
    retryInMs,
  }
}

/** Whether a failure counts against the limit of the task, and if it leaves room for another attempt. */
export const mayRetry = (error: unknown, failures: number, limits: AttemptLimits): boolean =>
  !isFinal(error) && failures < limits.maxFailures
