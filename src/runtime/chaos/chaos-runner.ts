import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalEntry } from '../run/journal.ts'
import type { AttemptSignals, Runner } from '../runner/runner.ts'
import type { TaskDescription } from '../task/description.ts'
import { decideFaults } from './attempt-faults.ts'
import type { Chaos } from './chaos.ts'
import type { Fault } from './faults.ts'

export interface ChaosRunnerOptions {
  readonly chaos: Chaos
  /** Attempts of a task that may fail before the run does. */
  readonly maxFailures: number
  /** Told of every fault that is injected. */
  onFault(fault: Fault, task: TaskDescription): void
}

/** A twin that is late stands still for so long first. */
const LATE_MS = 300

/** A runner under which things go wrong by chance and seed: workers die, tasks stand still, store calls fail, attempts run twice, finished run files are damaged. */
export class ChaosRunner implements Runner {
  readonly slots: number
  readonly #inner: Runner
  readonly #options: ChaosRunnerOptions
  /** Attempts and their twins: one may still run when the other has committed. */
  readonly #pairs = new Set<Promise<unknown>>()

  constructor(inner: Runner, options: ChaosRunnerOptions) {
    this.slots = inner.slots
    this.#inner = inner
    this.#options = options
  }

  async run(task: TaskDescription, signals: AttemptSignals): Promise<JournalEntry> {
    const { chaos, maxFailures, onFault } = this.#options
    const { faults, inside, duplicate, corruptAt } = decideFaults(chaos, task, maxFailures)
    for (const fault of faults) onFault(fault, task)
    const withFaults = { ...signals, faults: inside }
    const entry = await (duplicate ? this.#twice(task, withFaults) : this.#inner.run(task, withFaults))
    if (corruptAt !== undefined && entry.file && existsSync(entry.file.path)) {
      corruptFile(entry.file.path, corruptAt)
      onFault('corrupt-run-file', task)
    }
    return entry
  }

  async close(): Promise<void> {
    await Promise.all(this.#pairs)
    await this.#inner.close()
  }

  /** Runs an attempt and its twin, which has files of its own; the first to commit is told of, the other goes on until it is fenced. */
  async #twice(task: TaskDescription, signals: AttemptSignals): Promise<JournalEntry> {
    const scratch = join(task.scratch, 'twin')
    mkdirSync(scratch, { recursive: true })
    const own = this.#inner.run(task, signals)
    const twin = async (): Promise<JournalEntry> => {
      // One slot is one thread: two attempts in it would take turns in the middle of their work.
      if (this.slots === 1) await Promise.allSettled([own])
      return this.#inner.run({ ...task, scratch }, { signal: signals.signal, faults: { delayMs: LATE_MS } })
    }
    const both = [own, twin()] as const
    const pair = Promise.allSettled(both)
    this.#pairs.add(pair)
    void pair.then(() => this.#pairs.delete(pair))
    return Promise.any(both).catch(() => own)
  }
}

/** Turns over one bit of a file. */
function corruptFile(path: string, at: number): void {
  const file = openSync(path, 'r+')
  try {
    const offset = Math.floor(at * fstatSync(file).size)
    const byte = new Uint8Array(1)
    readSync(file, byte, 0, 1, offset)
    byte[0]! ^= 0x10
    writeSync(file, byte, 0, 1, offset)
  } finally {
    closeSync(file)
  }
}
