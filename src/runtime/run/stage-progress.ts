import { monotonicMs } from '../../flow/clock.ts'
import type { LiveCounters } from '../counters.ts'
import type { PlannedStage } from '../plan/plan.ts'
import type { TaskDescription } from '../task/description.ts'
import type { RunEvent } from './events.ts'
import type { JournalEntry } from './journal.ts'

/** At most this often. */
const EVERY_MS = 50

/** Gathers how far a stage is and tells of it now and then. */
export class StageProgress {
  readonly #stage: PlannedStage
  readonly #tasks: () => number
  readonly #emit: (event: RunEvent) => void
  readonly #running = new Map<TaskDescription, number>()
  #done = 0
  #failed = 0
  #flows = 0
  /** Largest figure told so far, so that it never shrinks when an attempt fails. */
  #told = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(stage: PlannedStage, tasks: () => number, emit: (event: RunEvent) => void) {
    this.#stage = stage
    this.#tasks = tasks
    this.#emit = emit
  }

  started(task: TaskDescription): void {
    this.#running.set(task, 0)
    this.#tell(true)
  }

  update(task: TaskDescription, counters: LiveCounters): void {
    if (!this.#running.has(task)) return
    this.#running.set(task, recordsOf(counters))
    this.#tell(false)
  }

  ended(task: TaskDescription): void {
    this.#running.delete(task)
  }

  committed(tasks: number, entry?: JournalEntry): void {
    this.#done += tasks
    if (entry) this.#flows += recordsOf(entry.counters)
    this.#tell(true)
  }

  failed(): void {
    this.#failed++
    this.#tell(true)
  }

  #tell(always: boolean): void {
    const now = monotonicMs()
    if (!always && now - this.#toldAt < EVERY_MS) return
    this.#toldAt = now
    let flows = this.#flows
    for (const records of this.#running.values()) flows += records
    this.#told = Math.max(this.#told, flows)
    const total = this.#tasks()
    const bytes = Math.round((this.#told * bytesOf(this.#stage)) / Math.max(1, recordsIn(this.#stage)))
    const tasks = { done: this.#done, total, running: this.#running.size, failed: this.#failed }
    this.#emit({ type: 'progress', stage: this.#stage.id, ...tasks, flows: this.#told, bytes })
  }
}

function recordsOf(counters: Partial<LiveCounters>): number {
  const { corrupt = 0, outsidePeriod = 0, unmatched = 0, mapped = 0, quarantined = 0 } = counters
  return corrupt + outsidePeriod + unmatched + mapped + quarantined
}

const splitsOf = (stage: PlannedStage): readonly { readonly records: number; readonly sizeBytes: number }[] =>
  stage.type === 'map' ? stage.inputs.flatMap((input) => (input.type === 'dataset' ? input.splits : [])) : []

const recordsIn = (stage: PlannedStage): number => splitsOf(stage).reduce((sum, { records }) => sum + records, 0)
const bytesOf = (stage: PlannedStage): number => splitsOf(stage).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
