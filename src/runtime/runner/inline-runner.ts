import { FirstReads } from '../../storage/block/first-read.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { runFaultyAttempt } from '../chaos/faulty-attempt.ts'
import { RuntimeError } from '../error.ts'
import type { CompiledJob } from '../program.ts'
import type { JournalEntry } from '../run/journal.ts'
import type { TaskDescription } from '../task/description.ts'
import type { AttemptSignals, Runner } from './runner.ts'

export interface InlineRunnerOptions {
  readonly store: ObjectStore
  readonly job: CompiledJob
}

/** Runs attempts in this thread, one after the other: for debugging, tests, stores in memory and work too small for a worker. It cannot stop user code that never returns. */
export class InlineRunner implements Runner {
  readonly slots = 1
  readonly #options: InlineRunnerOptions
  readonly #reads: FirstReads

  constructor(options: InlineRunnerOptions) {
    this.#options = options
    this.#reads = new FirstReads(options.store)
  }

  run(task: TaskDescription, { signal, faults, next, onProgress }: AttemptSignals): Promise<JournalEntry> {
    const check = (counters: Parameters<NonNullable<typeof onProgress>>[0]): void => {
      signal.throwIfAborted()
      onProgress?.(counters)
    }
    const die = (): never => {
      throw new RuntimeError('worker-exited', 'worker: task expected to return, got an exit on purpose')
    }
    return runFaultyAttempt(task, { ...this.#options, reads: this.#reads, next, onProgress: check }, { faults, die })
  }

  async close(): Promise<void> {}
}
