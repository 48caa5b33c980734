import { humanDuration, shortCount } from './number.ts'

/** How far a piece of work is. Figures only grow, but for `running`. */
export interface ProgressState {
  /** What is being done: `map`, `reduce`, `import` ... */
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly running: number
  /** Attempts that failed and were or will be tried again. */
  readonly failed: number
  readonly flows: number
  readonly bytes: number
}

export interface ProgressOptions {
  /** Prints raw text; for a painter it may move the cursor. */
  write(text: string): void
  /** Whether a line may be repainted in place. */
  readonly interactive: boolean
  /** Milliseconds by any clock that only goes forward. */
  now(): number
  /** Terminal columns; a painted line never wraps. */
  columns?(): number
}

/** Shows progress on standard error: one line repainted in place on a terminal, a plain line now and then elsewhere. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #startedMs: number
  #shownMs = Number.NEGATIVE_INFINITY
  #painted = false
  #stage = ''

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#startedMs = options.now()
  }

  /** Shows a state, unless the last one was shown a moment ago. */
  update(state: ProgressState): void {
    const now = this.#options.now()
    const pauseMs = this.#options.interactive ? 100 : 5000
    const stageEnds = state.done === state.total && state.stage !== this.#stage
    if (now - this.#shownMs < pauseMs && !stageEnds) return
    this.#shownMs = now
    if (stageEnds) this.#stage = state.stage
    this.#show(progressLine(state, now - this.#startedMs))
  }

  /** Prints a line that stays, above what is painted. */
  log(line: string): void {
    this.clear()
    this.#options.write(`${line}\n`)
  }

  /** Removes the painted line. */
  clear(): void {
    if (this.#painted) this.#options.write('\r\x1b[2K')
    this.#painted = false
  }

  #show(line: string): void {
    if (!this.#options.interactive) {
      this.#options.write(`${line}\n`)
      return
    }
    const columns = this.#options.columns?.() ?? 80
    this.#options.write(`\r\x1b[2K${line.slice(0, columns - 1)}`)
    this.#painted = true
  }
}

/** One state as text: tasks, speed, and when the stage will be done at the speed so far. */
export function progressLine(state: ProgressState, elapsedMs: number): string {
  const { stage, done, total, running, failed, flows, bytes } = state
  const perSecond = (count: number): number => (elapsedMs > 0 ? (count * 1000) / elapsedMs : 0)
  const parts = [`${stage} ${done}/${total} tasks`, `${running} running`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (flows > 0) parts.push(`${shortCount(perSecond(flows))} flows/s`)
  if (bytes > 0) parts.push(`${shortCount(perSecond(bytes))}B/s`)
  if (done > 0 && done < total) parts.push(`about ${humanDuration((elapsedMs * (total - done)) / done)} left`)
  if (done === total) parts.push(humanDuration(elapsedMs))
  return parts.join(', ')
}
