import { humanDuration, shortCount, thousands } from './number.ts'

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
  /** Calls back once after so many milliseconds, unless the process ends before. */
  later?(ms: number, callback: () => void): void
  /** Terminal columns; a painted line never wraps. */
  columns?(): number
}

/** A line of progress from the milliseconds since the work began; nothing is shown for an empty one. */
export type ProgressText = (elapsedMs: number) => string

/** Shows progress on standard error: one line repainted in place on a terminal, a plain line now and then elsewhere. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #startedMs: number
  #shownMs: number
  #painted = false
  /** What came too soon after what is shown; shown when its time has come. */
  #next: ProgressText | undefined
  #isDue = false

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#startedMs = options.now()
    // Work that ends at once leaves no line where lines cannot be repainted.
    this.#shownMs = options.interactive ? Number.NEGATIVE_INFINITY : this.#startedMs
  }

  /** Shows how far the work is; what comes a moment after something was shown waits, and gives way to what is newer. */
  update(text: ProgressText): void {
    const { now: clock, interactive, later } = this.#options
    const now = clock()
    const waitMs = this.#shownMs + (interactive ? 100 : 5000) - now
    if (waitMs <= 0) {
      this.#next = undefined
      const line = text(now - this.#startedMs)
      if (line === '') return
      this.#shownMs = now
      this.#show(line)
      return
    }
    this.#next = text
    if (this.#isDue) return
    this.#isDue = later !== undefined
    later?.(waitMs, () => {
      this.#isDue = false
      if (this.#next) this.update(this.#next)
    })
  }

  /** Prints a line that stays, above what is painted. */
  log(line: string): void {
    this.clear()
    this.#options.write(`${line}\n`)
  }

  /** Removes the painted line, and forgets what waits to be shown. */
  clear(): void {
    this.#next = undefined
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
export function tasksText(state: ProgressState, elapsedMs: number): string {
  const { stage, done, total, running, failed, flows, bytes } = state
  const parts = [`${stage} ${done}/${total} tasks`, `${running} running`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (flows > 0) parts.push(rate(flows, elapsedMs, 'flows/s'))
  if (bytes > 0) parts.push(rate(bytes, elapsedMs, 'B/s'))
  const leftMs = done === 0 ? 0 : (elapsedMs * (total - done)) / done
  if (leftMs >= 1000) parts.push(`about ${humanDuration(leftMs)} left`)
  if (done === total) parts.push(humanDuration(elapsedMs))
  return parts.join(', ')
}

/** Flows done of flows to do, when those are known: for work that is not made of tasks. */
export function flowsText(verb: string, flows: number, total: number | undefined, elapsedMs: number): string {
  const parts = [`${verb} ${thousands(flows)}${total === undefined ? '' : ` of ${thousands(total)}`} flows`]
  parts.push(rate(flows, elapsedMs, 'flows/s'))
  const leftMs = total === undefined || flows === 0 ? 0 : (elapsedMs * (total - flows)) / flows
  if (leftMs >= 1000) parts.push(`about ${humanDuration(leftMs)} left`)
  return parts.join(', ')
}

function rate(count: number, elapsedMs: number, unit: string): string {
  const text = shortCount(elapsedMs > 0 ? (count * 1000) / elapsedMs : 0)
  // `60.0 MB/s`, but `1.5 M flows/s`.
  return unit === 'B/s' && /[A-Z]$/i.test(text) ? `${text}${unit}` : `${text} ${unit}`
}
