import { createHash } from 'node:crypto'
import type { TaskDescription } from '../task/description.ts'
import type { Chaos } from './chaos.ts'
import type { Fault } from './faults.ts'

/** When in the life of an attempt a fault strikes: at its first call of the store, or right before or after the call that commits it. */
export type Moment = 'first-call' | 'before-commit' | 'after-commit'

const MOMENTS: readonly Moment[] = ['first-call', 'before-commit', 'after-commit']

/** What goes wrong inside one attempt, as plain data for whoever carries it out. */
export interface AttemptFaults {
  /** Stands still for so long before it starts. */
  readonly delayMs: number
  /** Its worker exits. */
  readonly killAt?: Moment
  /** Its call of the store fails; after the commit, only the reply is lost. */
  readonly failStoreAt?: Moment
}

/** What goes wrong with an attempt: inside it and, by the coordinator's hand, beside and after it. */
export interface DecidedFaults {
  readonly faults: readonly Fault[]
  readonly inside: AttemptFaults
  /** A second attempt runs at the same time and commits late. */
  readonly duplicate: boolean
  /** Where in its finished run file a bit is turned over: a share of its length, from 0 to 1. */
  readonly corruptAt: number | undefined
}

const SLOW_MS = 3_000

/**
 * Decides by seed, stage, task and attempt alone, so that a case replays. One in `spareEvery` attempts of a task is spared what makes it fail: faults by themselves
 * never use up the attempts of a task, nor is its run file damaged for ever.
 */
export function decideFaults(chaos: Chaos, task: TaskDescription, spareEvery: number): DecidedFaults {
  const { stage, task: number, attempt } = task
  const { chances, seed, slowMs = SLOW_MS } = chaos
  const draw = (what: string): number => {
    const hash = createHash('sha256')
      .update(JSON.stringify([seed, what, stage, number, attempt]))
      .digest()
    return hash.readUInt32BE(0) / 2 ** 32
  }
  const hits = (fault: Fault): boolean => draw(fault) < (chances[fault] ?? 0)
  const moment = (fault: Fault): Moment => MOMENTS[Math.floor(draw(`${fault} moment`) * MOMENTS.length)]!
  const spared = attempt % spareEvery === 0
  const kill = !spared && hits('kill-worker')
  const failStore = !spared && !kill && hits('fail-store')
  const slow = hits('slow-task')
  const duplicate = hits('duplicate-attempt')
  const corrupt = !spared && task.type !== 'result' && hits('corrupt-run-file')
  const decided: readonly (readonly [Fault, boolean])[] = [
    ['kill-worker', kill],
    ['slow-task', slow],
    ['fail-store', failStore],
    ['duplicate-attempt', duplicate],
  ]
  return {
    faults: decided.flatMap(([fault, is]) => (is ? [fault] : [])),
    inside: {
      delayMs: slow ? slowMs : 0,
      ...(kill ? { killAt: moment('kill-worker') } : {}),
      ...(failStore ? { failStoreAt: moment('fail-store') } : {}),
    },
    duplicate,
    corruptAt: corrupt ? draw('corrupt-run-file place') : undefined,
  }
}
