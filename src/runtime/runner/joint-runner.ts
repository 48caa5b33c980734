import type { JournalEntry } from '../run/journal.ts'
import type { TaskDescription } from '../task/description.ts'
import type { InlineRunner } from './inline-runner.ts'
import type { LocalRunner } from './local-runner.ts'
import type { AttemptSignals, Runner } from './runner.ts'

export interface JointRunnerOptions {
  readonly here: InlineRunner
  readonly workers: LocalRunner
  /** This thread is one of them. */
  readonly slots: number
}

/**
 * Runs one attempt at a time in this thread, whenever it is free, and the others on worker threads: for jobs without code of their own, whose tasks give the event loop its
 * turns. This thread has loaded everything already, so that a worker less has to start, to load and to compile; and small stages begin where their files were made.
 */
export class JointRunner implements Runner {
  readonly slots: number
  readonly #here: InlineRunner
  readonly #workers: LocalRunner
  #isBusy = false

  constructor({ here, workers, slots }: JointRunnerOptions) {
    this.slots = slots
    this.#here = here
    this.#workers = workers
  }

  async run(task: TaskDescription, signals: AttemptSignals): Promise<JournalEntry> {
    if (this.#isBusy) return this.#workers.run(task, signals)
    this.#isBusy = true
    try {
      return await this.#here.run(task, signals)
    } finally {
      this.#isBusy = false
    }
  }

  close(): Promise<void> {
    return this.#workers.close()
  }
}
