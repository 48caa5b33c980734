import { claimText } from '../report/claim.ts'
import type { Progress } from '../report/progress.ts'
import { tasksText } from '../report/progress.ts'
import type { InjectedFaults } from '../runtime/chaos/chaos.ts'
import type { Fault } from '../runtime/chaos/faults.ts'
import type { ProgressEvent, RunEvent } from '../runtime/run/events.ts'
import { note } from './output.ts'
import { standardProgress } from './progress.ts'

/** Failed attempts that get a line; a job that cannot work fails in every task. */
const FAILURES_SHOWN = 5

/** Shows what happens in a run on standard error: progress, failed attempts, work done again. */
export class RunPainter {
  #failures = 0
  readonly #progress: Progress
  readonly #quiet: boolean
  #run: string | undefined
  #tasks: ProgressEvent | undefined
  #waiting = ''
  readonly #injected: { [F in Fault]?: number } = {}

  constructor(quiet: boolean | undefined) {
    this.#quiet = quiet === true
    this.#progress = standardProgress(quiet)
  }

  show(event: RunEvent): void {
    switch (event.type) {
      case 'planned':
        this.#run = event.run
        break
      case 'progress':
        this.#tasks = event
        this.#paint()
        break
      case 'waiting':
        this.#waiting = event.amount === 0 ? '' : `waiting for ${claimText(event)}`
        this.#paint()
        break
      case 'fault-injected':
        this.#injected[event.fault] = (this.#injected[event.fault] ?? 0) + 1
        break
      case 'attempt-failed': {
        const { stage, task, attempt, kind, message, retryInMs } = event
        const next = retryInMs === null ? 'not tried again' : `tried again in ${retryInMs} ms`
        this.#failures++
        if (this.#failures <= FAILURES_SHOWN)
          this.#warn(`task ${stage}-${task}, attempt ${attempt} ${kind}: ${message}; ${next}`)
        if (this.#failures === FAILURES_SHOWN) this.#warn('further failed attempts are only counted')
        break
      }
      case 'task-redone':
        this.#warn(`task ${event.stage}-${event.task} is done again: ${event.reason}`)
        break
    }
  }

  /** Faults of `--chaos` so far. */
  get injected(): InjectedFaults {
    return this.#injected
  }

  /** Says that a stop was asked for. */
  interrupted(): void {
    this.#progress.clear()
    if (!this.#quiet) note(`stopping run ${this.#run ?? ''}; press Ctrl-C again to end at once`)
  }

  done(): void {
    this.#progress.clear()
  }

  /** What is shown is put together when it is shown: a run may have stopped waiting by then. */
  #paint(): void {
    this.#progress.update((elapsedMs) =>
      [this.#tasks && tasksText(this.#tasks, elapsedMs), this.#waiting].filter(Boolean).join(', '),
    )
  }

  #warn(message: string): void {
    this.#progress.clear()
    if (!this.#quiet) note(message, 'warning')
  }
}
