import { arch, availableParallelism, hostname, platform, release, totalmem } from 'node:os'
import { monotonicMs } from '../../flow/clock.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { RunEvent } from './events.ts'
import { environmentKey, traceKey } from './layout.ts'
import type { RunRecord } from './record.ts'
import type { Resources } from './resources.ts'

/** A complete event or an instant of the Chrome trace format; times are microseconds. */
interface TraceEvent {
  readonly name: string
  readonly ph: 'X' | 'i'
  readonly ts: number
  readonly dur?: number
  readonly pid: number
  readonly tid: number
  readonly args?: object
}

/** Turns the events of a run into a Chrome trace (chrome://tracing, Perfetto): a line per slot, a bar per attempt, where its time went in its arguments. */
export class RunTrace {
  readonly #events: TraceEvent[] = []
  /** Attempts that run, by the slot they were given. */
  readonly #slots: (string | undefined)[] = []
  readonly #started = new Map<string, { readonly at: number; readonly slot: number }>()

  add(event: RunEvent): void {
    switch (event.type) {
      case 'attempt-started':
        this.#start(nameOf(event))
        break
      case 'attempt-committed':
        this.#end(nameOf(event), { outcome: 'committed', ...event.timings })
        break
      case 'attempt-failed':
        this.#end(nameOf(event), { outcome: event.kind, message: event.message })
        break
      case 'stage-finished':
        this.#events.push({ name: event.stage, ph: 'i', ts: now(), pid: 1, tid: 0 })
        break
    }
  }

  toJSON(): { readonly traceEvents: readonly TraceEvent[] } {
    return { traceEvents: this.#events }
  }

  #start(name: string): void {
    const free = this.#slots.indexOf(undefined)
    const slot = free < 0 ? this.#slots.length : free
    this.#slots[slot] = name
    this.#started.set(name, { at: now(), slot })
  }

  #end(name: string, args: object): void {
    const started = this.#started.get(name)
    if (!started) return
    this.#started.delete(name)
    this.#slots[started.slot] = undefined
    const { at, slot } = started
    this.#events.push({ name, ph: 'X', ts: at, dur: now() - at, pid: 1, tid: slot + 1, args })
  }
}

const now = (): number => Math.round(monotonicMs() * 1000)

const nameOf = ({ stage, task, attempt }: { stage: string; task: number; attempt: number }): string =>
  `${stage}-${task}.${attempt}`

/** Stores on what a run was carried out, so that its figures can be read later. */
export async function writeEnvironment(
  store: ObjectStore,
  { run, job, plan }: RunRecord,
  resources: Resources,
): Promise<void> {
  const environment = {
    ...{ node: process.version, platform: platform(), release: release(), arch: arch(), host: hostname() },
    ...{ cores: availableParallelism(), memoryBytes: totalmem(), resources },
    ...{ job: job.job, code: job.hash, params: job.params, snapshot: plan.snapshot.version, semantics: plan.semantics },
  }
  await store.write(environmentKey(run), new TextEncoder().encode(JSON.stringify(environment, null, 2)))
}

export async function writeTrace(store: ObjectStore, run: string, trace: RunTrace): Promise<void> {
  await store.write(traceKey(run), new TextEncoder().encode(JSON.stringify(trace)))
}
