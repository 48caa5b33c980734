import type { ObjectStore } from '../../storage/store.ts'
import type { CompiledJob } from '../program.ts'
import type { JournalEntry } from '../run/journal.ts'
import type { TaskDescription } from '../task/description.ts'
import { runAttempt } from '../task/run-task.ts'
import type { AttemptSignals, Runner } from './runner.ts'

export interface InlineRunnerOptions {
  readonly store: ObjectStore
  readonly job: CompiledJob
}

/** Runs attempts in this thread, one after the other: for debugging, tests, stores in memory and work too small for a worker. It cannot stop user code that never returns. */
export class InlineRunner implements Runner {
  readonly slots = 1
  readonly #options: InlineRunnerOptions

  constructor(options: InlineRunnerOptions) {
    this.#options = options
  }

  run(task: TaskDescription, { signal, onProgress }: AttemptSignals): Promise<JournalEntry> {
    const check = (counters: Parameters<NonNullable<typeof onProgress>>[0]): void => {
      signal.throwIfAborted()
      onProgress?.(counters)
    }
    return runAttempt(task, { ...this.#options, onProgress: check })
  }

  async close(): Promise<void> {}
}
