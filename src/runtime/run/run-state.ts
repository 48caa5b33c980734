import { basename } from 'node:path'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import { RuntimeError } from '../error.ts'
import type { PlannedStage } from '../plan/plan.ts'
import type { Runner } from '../runner/runner.ts'
import type { BlockPiece, TaskDescription } from '../task/description.ts'
import type { AttemptLimits } from './attempts.ts'
import type { RunEvent } from './events.ts'
import type { JournalEntry } from './journal.ts'
import type { RunFacts } from './task-descriptions.ts'
import { describeTask, firstBlockOf } from './task-descriptions.ts'
import { tasksOf } from './tasks-of.ts'

/** A task whose run file is lost more often than this has a cause that redoing it does not mend. */
const MAX_GENERATION = 20

/** What the coordinator of a run holds: which tasks are committed, and what it needs to run the others. */
export class RunState {
  readonly facts: RunFacts
  readonly store: ObjectStore
  readonly runner: Runner
  readonly system: System
  readonly limits: AttemptLimits
  readonly speculate: boolean
  /** Aborted when the run is interrupted, or its lease is lost. */
  readonly signal: AbortSignal
  readonly emit: (event: RunEvent) => void
  /** Waits for a slot of the machine; gives the function that gives it back. */
  readonly slot: (signal: AbortSignal) => Promise<() => void>
  /** In which generation a task has to run whose run file was found lost when the run was resumed. */
  readonly #generations: ReadonlyMap<string, number>
  /** How many tasks each reduce stage has that has begun. */
  readonly #tasks: Map<string, number>
  readonly #entries = new Map<string, JournalEntry>()
  readonly #attempts = new Map<string, number>()
  /** Run files that were given up, and the making of their successors. */
  readonly #redone = new Map<string, Promise<void>>()

  constructor(options: {
    readonly facts: RunFacts
    readonly store: ObjectStore
    readonly runner: Runner
    readonly system: System
    readonly limits: AttemptLimits
    readonly speculate: boolean
    readonly signal: AbortSignal
    readonly emit: (event: RunEvent) => void
    readonly slot: (signal: AbortSignal) => Promise<() => void>
    readonly generations: ReadonlyMap<string, number>
    readonly tasks: ReadonlyMap<string, number>
  }) {
    this.facts = options.facts
    this.store = options.store
    this.runner = options.runner
    this.system = options.system
    this.limits = options.limits
    this.speculate = options.speculate
    this.signal = options.signal
    this.emit = options.emit
    this.slot = options.slot
    this.#generations = options.generations
    this.#tasks = new Map(options.tasks)
  }

  /** The entry of a committed task. */
  entry(stage: string, task: number): JournalEntry | undefined {
    return this.#entries.get(`${stage}/${task}`)
  }

  /** The generation in which a task that is not committed runs. */
  generation(stage: string, task: number): number {
    return this.#generations.get(`${stage}/${task}`) ?? 0
  }

  /** How many tasks a stage has. That of a reduce stage is known once every task before it is committed, and stays: a map task that is made anew may leave more or fewer bytes. */
  tasksOf(stage: PlannedStage): number {
    const known = this.#tasks.get(stage.id)
    if (known !== undefined) return known
    const tasks = tasksOf(stage, this.facts.plan, this.entries)
    this.#tasks.set(stage.id, tasks)
    return tasks
  }

  get entries(): readonly JournalEntry[] {
    return [...this.#entries.values()]
  }

  /** Takes in what has been committed. */
  commit(entry: JournalEntry): void {
    this.#entries.set(`${entry.stage}/${entry.task}`, entry)
  }

  /**
   * Has a run file made anew, in the next generation of its task; `run` does it. The file is known by its name, which a copy fetched from the store has too. Several who find the same file lost wait for one redo. Returns false when the file
   * is of no committed task, or its task has been redone too often.
   */
  async redo(path: string, reason: string, run: (entry: JournalEntry) => Promise<void>): Promise<boolean> {
    const name = basename(path)
    const known = this.#redone.get(name)
    if (known) return known.then(() => true)
    const entry = this.entries.find(({ file }) => file && basename(file.path) === name)
    if (!entry || entry.generation >= MAX_GENERATION) return false
    const { stage, task } = entry
    this.emit({ type: 'task-redone', stage, task, generation: entry.generation + 1, reason })
    const redone = run(entry)
    this.#redone.set(name, redone)
    await redone
    return true
  }

  /** What a waiting task reads first, where the store answers so late that this is worth asking for early. */
  firstRead(stage: PlannedStage, task: number): BlockPiece | undefined {
    return (this.store.readsAhead ?? 1) < 2 ? undefined : firstBlockOf(this.facts, stage, task)
  }

  /** Describes the next attempt at a task. */
  nextAttempt(stage: PlannedStage, task: number, generation: number): TaskDescription {
    const key = `${stage.id}/${task}`
    const attempt = (this.#attempts.get(key) ?? 0) + 1
    this.#attempts.set(key, attempt)
    const entryOf = (id: string, number: number): JournalEntry => {
      const entry = this.entry(id, number)
      if (entry) return entry
      const message = `task ${stage.id}-${task}: input expected committed task ${id}-${number}, got none`
      throw new RuntimeError('bad-plan', message)
    }
    const tasksOf = (other: PlannedStage): number => this.tasksOf(other)
    return describeTask(this.facts, stage, { task, attempt, generation }, { entryOf, tasksOf })
  }
}
