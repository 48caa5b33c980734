import { monotonicMs } from '../../flow/clock.ts'
import type { LiveCounters } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { PlannedStage } from '../plan/plan.ts'
import type { TaskDescription } from '../task/description.ts'
import { attemptFailed, backoffMs, mayRetry, runLimited } from './attempts.ts'
import { failureKind, messageOf } from './failure.ts'
import type { JournalEntry } from './journal.ts'
import { readEntry } from './journal.ts'
import { rerunCommand } from './layout.ts'
import { tooManyBadRecords } from './quarantine.ts'
import type { RunState } from './run-state.ts'
import { StageProgress } from './stage-progress.ts'
import { isStraggler } from './stragglers.ts'
import { stageOf } from './task-descriptions.ts'

/** A task of the stage that is not committed yet. */
interface OpenTask {
  readonly task: number
  readonly generation: number
  failures: number
  /** Attempts that run at the moment: two when one of them is speculative. */
  readonly running: Map<TaskDescription, { readonly stop: AbortController; readonly since: number }>
  firstError: unknown
}

/** What a task reads, for who looks for the cause of its failure. */
function splitText(task: TaskDescription): string {
  if (task.type !== 'map') return `${task.sources.length} run files`
  return task.pieces
    .map((piece) =>
      piece.type === 'run'
        ? piece.source.path
        : `${piece.block.key} chunks ${piece.first} to ${piece.first + piece.count - 1}`,
    )
    .join(', ')
}

/** How often a stage looks for stragglers while nothing else happens. */
const LOOK_MS = 200

/**
 * Runs the tasks of one stage until each is committed. As many attempts run at a time as the runner has slots; a failed one is tried again after a pause, a straggler gets a
 * second attempt when a slot is free, and whichever commits first wins. The first task that cannot be committed fails the stage, once every other attempt has been
 * stopped and has ended.
 */
export class StageRun {
  readonly #state: RunState
  readonly #stage: PlannedStage
  readonly #progress: StageProgress
  readonly #waiting: OpenTask[] = []
  readonly #open = new Set<OpenTask>()
  readonly #durations: number[] = []
  readonly #stop = new AbortController()
  /** Aborted when every task is committed. */
  readonly #done = new AbortController()
  /** Slots of the machine that are being waited for. */
  #claiming = 0
  readonly #signal: AbortSignal
  #wakers: (() => void)[] = []
  #error: { readonly cause: unknown } | undefined

  /** With `quiet` only attempts are told of, not how far the stage is. */
  constructor(state: RunState, stage: PlannedStage, { quiet = false } = {}) {
    this.#state = state
    this.#stage = stage
    this.#signal = AbortSignal.any([state.signal, this.#stop.signal])
    this.#progress = new StageProgress(stage, () => state.tasksOf(stage), quiet ? () => {} : state.emit)
  }

  async run(): Promise<void> {
    const { id } = this.#stage
    const total = this.#state.tasksOf(this.#stage)
    const started = monotonicMs()
    for (let task = 0; task < total; task++)
      if (!this.#state.entry(id, task)) this.#enqueue(task, this.#state.generation(id, task))
    this.#progress.committed(total - this.#open.size)
    this.#state.emit({ type: 'stage-started', stage: id, tasks: total, committed: total - this.#open.size })
    const wake = (): void => this.#wake()
    this.#signal.addEventListener('abort', wake)
    const slots = Math.min(this.#state.runner.slots, this.#open.size)
    await Promise.all(Array.from({ length: slots }, () => this.#slot()))
    this.#signal.removeEventListener('abort', wake)
    if (this.#error) throw this.#error.cause
    this.#state.signal.throwIfAborted()
    this.#state.emit({ type: 'stage-finished', stage: id, elapsedMs: monotonicMs() - started })
  }

  /** Runs a committed task again because its run file is lost; used by the stages that read it. */
  async redo(task: number, generation: number): Promise<void> {
    this.#enqueue(task, generation)
    await this.#slot()
    if (this.#error) throw this.#error.cause
    this.#state.signal.throwIfAborted()
  }

  #enqueue(task: number, generation: number): void {
    const open: OpenTask = { task, generation, failures: 0, running: new Map(), firstError: undefined }
    this.#open.add(open)
    this.#waiting.push(open)
  }

  async #slot(): Promise<void> {
    while (this.#open.size > 0 && !this.#signal.aborted) {
      if (this.#hasWork()) await this.#claimSlot()
      else await this.#changed()
    }
  }

  #hasWork(): boolean {
    return this.#waiting.length > this.#claiming || (this.#claiming === 0 && this.#straggler() !== undefined)
  }

  /** Waits for a slot of the machine and uses it for the attempt that then comes first, if there still is one. */
  async #claimSlot(): Promise<void> {
    this.#claiming++
    const claimed = this.#state.slot(AbortSignal.any([this.#signal, this.#done.signal]))
    const release = await claimed.catch((error) => {
      if (!this.#signal.aborted && !this.#done.signal.aborted) this.#fail(error)
    })
    this.#claiming--
    if (!release) return
    const task = this.#waiting.shift() ?? this.#straggler()
    if (task) await this.#attempt(task, release)
    else release()
  }

  #straggler(): OpenTask | undefined {
    if (!this.#state.speculate) return undefined
    const now = monotonicMs()
    return [...this.#open].find(({ running }) => {
      const [only, ...others] = running.values()
      return only !== undefined && others.length === 0 && isStraggler(now - only.since, this.#durations)
    })
  }

  /** Makes one attempt in a slot, which is given back before what became of it is dealt with: that may take other attempts. */
  async #attempt(open: OpenTask, release: () => void): Promise<void> {
    const stop = new AbortController()
    const { id } = this.#stage
    try {
      const task = this.#state.nextAttempt(this.#stage, open.task, open.generation)
      const since = monotonicMs()
      const speculative = open.running.size > 0
      open.running.set(task, { stop, since })
      this.#state.emit({ type: 'attempt-started', stage: id, task: open.task, attempt: task.attempt, speculative })
      this.#progress.started(task)
      try {
        const entry = await this.#commitOrTakeOver(task, stop.signal).finally(release)
        this.#committed(open, task, entry, monotonicMs() - since)
      } catch (error) {
        open.running.delete(task)
        this.#progress.ended(task)
        await this.#failed(open, task, error)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Runs an attempt; one that finds its task committed by another attempt takes that entry over. */
  async #commitOrTakeOver(task: TaskDescription, stop: AbortSignal): Promise<JournalEntry> {
    const { runner, limits, store } = this.#state
    const onProgress = (counters: LiveCounters): void => this.#progress.update(task, counters)
    const [waiting] = this.#waiting
    const next = waiting && this.#state.firstRead(this.#stage, waiting.task)
    try {
      return await runLimited(runner, task, { limits, signal: AbortSignal.any([this.#signal, stop]), next, onProgress })
    } catch (error) {
      if (failureKind(error) !== 'fenced') throw error
      return this.#takeOver(task, await readEntry(store, task))
    }
  }

  /** An entry by another coordinator has to have the same share of the keys. */
  #takeOver(task: TaskDescription, entry: JournalEntry): JournalEntry {
    if (task.type !== 'reduce' || entry.tasks === undefined || entry.tasks === task.tasks) return entry
    const message = `task ${task.stage}-${task.task}: entry of another coordinator expected to be one of ${task.tasks}, got ${entry.tasks}; resume the run`
    throw new RuntimeError('bad-plan', message)
  }

  #committed(open: OpenTask, task: TaskDescription, entry: JournalEntry, elapsedMs: number): void {
    open.running.delete(task)
    this.#progress.ended(task)
    if (!this.#open.delete(open)) return
    if (this.#open.size === 0) this.#done.abort()
    this.#state.commit(entry)
    this.#durations.push(elapsedMs)
    this.#progress.committed(1, entry)
    this.#state.emit({
      type: 'attempt-committed',
      stage: this.#stage.id,
      task: open.task,
      attempt: entry.attempt,
      elapsedMs,
      timings: entry.timings,
    })
    const tooMany = tooManyBadRecords(this.#state)
    if (tooMany) this.#fail(tooMany)
    for (const { stop } of open.running.values())
      stop.abort(new RuntimeError('superseded', `task ${this.#stage.id}-${open.task}: another attempt has committed`))
    this.#wake()
  }

  async #failed(open: OpenTask, task: TaskDescription, error: unknown): Promise<void> {
    const { emit, limits, system } = this.#state
    if (this.#signal.aborted) return
    if (!this.#open.has(open)) {
      emit(attemptFailed(task, error, null))
      return
    }
    if (failureKind(error) === 'lost-input' && (await this.#redoInput(error))) {
      emit(attemptFailed(task, error, 0))
      this.#retry(open)
      return
    }
    open.failures++
    open.firstError ??= error
    this.#progress.failed()
    if (!mayRetry(error, open.failures, limits)) {
      emit(attemptFailed(task, error, null))
      this.#fail(this.#taskFailed(open, task))
      return
    }
    const pause = backoffMs(open.failures, limits, system)
    emit(attemptFailed(task, error, pause))
    system.sleep(pause, this.#signal).then(
      () => this.#retry(open),
      () => this.#wake(),
    )
  }

  #retry(open: OpenTask): void {
    if (this.#open.has(open) && open.running.size === 0 && !this.#waiting.includes(open)) this.#waiting.unshift(open)
    this.#wake()
  }

  /** Makes a run file anew that an attempt found gone or damaged; false when it is none of this run's. */
  async #redoInput(error: unknown): Promise<boolean> {
    const path = error instanceof Error && 'details' in error ? (error.details as { path?: unknown }).path : undefined
    if (typeof path !== 'string') return false
    return this.#state.redo(path, messageOf(error), (entry) =>
      new StageRun(this.#state, stageOf(this.#state.facts.plan, entry.stage), { quiet: true }).redo(
        entry.task,
        entry.generation + 1,
      ),
    )
  }

  #taskFailed(open: OpenTask, task: TaskDescription): RuntimeError {
    const { stage, run, store } = task
    const times = open.failures === 1 ? '1 attempt' : `${open.failures} attempts`
    const message = `task ${stage}-${open.task} of ${run}: failed after ${times}: ${messageOf(open.firstError)}`
    const command = rerunCommand(store, run, stage, open.task)
    return new RuntimeError(
      'task-failed',
      message,
      { run, stage, task: open.task, split: splitText(task), command },
      open.firstError,
    )
  }

  #fail(error: unknown): void {
    this.#error ??= { cause: error }
    this.#stop.abort(new RuntimeError('interrupted', `stage ${this.#stage.id}: another task has failed`))
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }

  /** Resolves when a task was committed, failed or came back, or when it is time to look for stragglers. */
  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS)
      this.#wakers.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
