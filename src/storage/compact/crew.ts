import { existsSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import pLimit, { type LimitFunction } from 'p-limit'
import { isShareable } from '../../flow/batch.ts'
import type { EncodeTask, LaneTask, ReadTask } from './lane.ts'
import { Lane } from './lane.ts'
import type { LaneGroup } from './lane-group.ts'
import { RUNS_PER_LANE, type SharedRows, type SharedRowsPlan } from './shared-rows.ts'

/** What a worker is started with. */
export interface LaneSetting {
  readonly plan: SharedRowsPlan
  readonly index: number
}

export interface LaneRequest {
  readonly id: number
  readonly task: LaneTask
}

export interface LaneAnswer {
  readonly id: number
  readonly result?: LaneGroup
  readonly error?: string
}

/** The threads of a compaction: this one, and a worker for each further one. Tasks are worked on in the order in which they come, as soon as a thread is free. */
export class Crew {
  readonly #hands: readonly Hand[]
  readonly #limit: LimitFunction

  /** Rows that cannot be shared, and a program that runs from its sources, have no workers. */
  constructor(rows: SharedRows, threads: number) {
    const script = threads > 1 && isShareable(rows.plan.columns) ? workerScript() : undefined
    const workers = Array.from(
      { length: script ? threads - 1 : 0 },
      (_, i) => new WorkerHand(script!, { plan: rows.plan, index: i + 1 }),
    )
    // Of two that have as much to do the worker comes first, since this thread has tasks to prepare as well.
    this.#hands = [...workers, new OwnHand(rows)]
    // Each has a task beyond the one it works on, so that none waits for the bytes of the next.
    this.#limit = pLimit(this.#hands.length * RUNS_PER_LANE)
  }

  /** Calls `work`, which prepares tasks for `read` and `encode`, once there is room for another. */
  when<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#limit(work)
  }

  async read(task: ReadTask): Promise<void> {
    await this.#freest().run(task)
  }

  async encode(task: EncodeTask): Promise<LaneGroup> {
    return (await this.#freest().run(task))! // encoding has a result
  }

  async close(): Promise<void> {
    await Promise.all(this.#hands.map((hand) => hand.close()))
  }

  #freest(): Hand {
    return this.#hands.reduce((best, hand) => (hand.pending < best.pending ? hand : best))
  }
}

interface Hand {
  readonly pending: number
  run(task: LaneTask): Promise<LaneGroup | undefined>
  close(): Promise<void>
}

/** Works in this thread, and lets other events of it pass between two tasks. */
class OwnHand implements Hand {
  pending = 0
  readonly #lane: Lane
  #last: Promise<unknown> = Promise.resolve()

  constructor(rows: SharedRows) {
    this.#lane = new Lane(rows, 0)
  }

  run(task: LaneTask): Promise<LaneGroup | undefined> {
    this.pending++
    const result = this.#last.then(() => this.#work(task)).finally(() => this.pending--)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #work(task: LaneTask): Promise<LaneGroup | undefined> {
    await setImmediate()
    if (task.type === 'encode') return this.#lane.encode(task)
    await this.#lane.read(task)
    return undefined
  }

  async close(): Promise<void> {}
}

interface Waiting {
  resolve(result: LaneGroup | undefined): void
  reject(error: Error): void
}

class WorkerHand implements Hand {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #failure: Error | undefined

  constructor(script: URL, workerData: LaneSetting) {
    this.#worker = new Worker(script, { workerData })
    this.#worker.on('message', ({ id, result, error }: LaneAnswer) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(error))
    })
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#worker.on('exit', (code) => this.#fail(new Error(`compact: a thread ended with code ${code}`)))
  }

  get pending(): number {
    return this.#waiting.size
  }

  run(task: LaneTask): Promise<LaneGroup | undefined> {
    if (this.#failure) return Promise.reject(this.#failure)
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      const transfer = task.type === 'encode' ? [task.room.buffer] : []
      this.#worker.postMessage({ id, task } satisfies LaneRequest, transfer)
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
  }
}

/** The built script of the workers, or undefined when this runs from the sources. */
function workerScript(): URL | undefined {
  const places = ['./compact-worker.js', '../compact-worker.js'].map((path) => new URL(path, import.meta.url))
  return places.find((url) => url.protocol === 'file:' && existsSync(fileURLToPath(url)))
}
