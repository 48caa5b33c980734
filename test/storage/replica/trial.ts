import { expect } from 'vitest'
import { StorageError } from '../../../src/storage/errors.ts'
import { maintain } from '../../../src/storage/replica/maintain.ts'
import { promote } from '../../../src/storage/replica/promote.ts'
import type { ReplicaStore } from '../../../src/storage/replica/replica-store.ts'
import { fc } from '../../kit/fast-check.ts'
import { Crash } from '../faulty-store.ts'
import { bytesOf, commitKey, keysOf, type TestSet, testSet, textOf } from './volumes.ts'

/** What happens to a set: calls of three processes, which run side by side, and what befalls its volumes. */
type Step =
  | { readonly type: 'commit' | 'block' | 'maintain'; readonly process: number }
  | { readonly type: 'promote'; readonly process: number; readonly volume: number }
  /** Dies, or falls asleep, before so many calls from now. */
  | { readonly type: 'crash' | 'sleep'; readonly process: number; readonly calls: number }
  | { readonly type: 'wake'; readonly process: number }
  | { readonly type: 'down' | 'up' | 'empty'; readonly volume: number }
  | { readonly type: 'wait'; readonly turns: number }

const process = fc.nat({ max: 2 })
const volume = fc.nat({ max: 2 })
const calls = fc.nat({ max: 14 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('commit' as const), process }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('block' as const), process }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('maintain' as const), process }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('promote' as const), process, volume }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), process, calls }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('sleep' as const), process, calls }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('wake' as const), process }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('down' as const, 'up' as const), volume }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('empty' as const), volume }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('wait' as const), turns: fc.nat({ max: 30 }) }) },
)

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/** One process: its calls take turns by chance, and it can be stopped for a while or for good before any of them. */
class TestProcess {
  private readonly set: TestSet
  private opened: Promise<ReplicaStore>
  private generation = 0
  private callsLeft = Number.POSITIVE_INFINITY
  private callsToSleep = Number.POSITIVE_INFINITY
  private gate: Promise<void> | undefined
  private release: (() => void) | undefined

  constructor(set: TestSet) {
    this.set = set
    this.opened = this.start()
  }

  get store(): Promise<ReplicaStore> {
    return this.opened
  }

  crashAfter(calls: number): void {
    this.callsLeft = calls
  }

  sleepAfter(calls: number): void {
    this.callsToSleep = calls
  }

  wake(): void {
    this.callsToSleep = Number.POSITIVE_INFINITY
    this.release?.()
    this.gate = undefined
  }

  restart(): void {
    this.wake()
    this.callsLeft = Number.POSITIVE_INFINITY
    this.opened = this.start()
  }

  private start(): Promise<ReplicaStore> {
    const generation = ++this.generation
    const live = (): void => {
      if (generation !== this.generation || this.callsLeft <= 0) throw new Crash(`of generation ${generation}`)
    }
    return this.set.open({
      before: async () => {
        if (this.callsToSleep-- <= 0)
          this.gate ??= new Promise((resolve) => {
            this.release = resolve
          })
        await this.gate
        if (this.set.system.random() < 0.5) await turns(1)
        live()
        this.callsLeft--
      },
      after: live,
    })
  }
}

/** Carries out steps and keeps the books of what was acknowledged. */
class Trial {
  readonly set: TestSet
  readonly processes: readonly TestProcess[]
  readonly commits = new Map<number, string>()
  readonly blocks = new Map<string, string>()
  private readonly running = new Set<Promise<void>>()
  private readonly failures: unknown[] = []
  /** The set is made before anything befalls it; in other trials it is made by whoever comes first, and then no volume loses anything. */
  private readonly isMade: boolean
  private emptied: number | undefined
  private serial = 0

  constructor(seed: number) {
    this.set = testSet(3, 'factor=2,', seed)
    this.isMade = seed % 3 > 0
    this.processes = [0, 1, 2].map(() => new TestProcess(this.set))
  }

  async run(steps: readonly Step[]): Promise<void> {
    if (this.isMade) await this.commit(await this.set.open())
    for (const step of steps) await this.take(step)
    await this.heal()
    await this.check()
  }

  private async take(step: Step): Promise<void> {
    switch (step.type) {
      case 'commit':
        return this.begin(step.process, (store) => this.commit(store))
      case 'block':
        return this.begin(step.process, (store) => this.block(store))
      case 'maintain':
        return this.begin(step.process, async (store) => void (await maintain(store.set)))
      case 'promote':
        return this.begin(step.process, async (store) => void (await promote(store.set, step.volume)))
      case 'crash':
        return this.processes[step.process]?.crashAfter(step.calls)
      case 'sleep':
        return this.processes[step.process]?.sleepAfter(step.calls)
      case 'wake':
        return this.processes[step.process]?.wake()
      case 'wait':
        return turns(step.turns)
      default:
        return this.befall(step.type, step.volume)
    }
  }

  /** One volume may be away at a time, and one may lose everything before the set was healed. */
  private async befall(what: 'down' | 'up' | 'empty', slot: number): Promise<void> {
    const volume = this.set.volumes[slot]!
    if (what === 'up') {
      volume.down = false
      await this.set.system.advance(15_000)
    }
    if (what === 'down') volume.down = this.set.volumes.every(({ down }) => !down)
    if (what === 'empty' && this.isMade) {
      if (this.emptied !== undefined) await this.heal()
      volume.empty()
      this.emptied = slot
    }
  }

  /** Starts work of a process and goes on; a failure that a caller would see as such is none of the trial's. */
  private begin(process: number, work: (store: ReplicaStore) => Promise<void>): void {
    const worker = this.processes[process]!
    const done = worker.store
      .then(work)
      .catch((error: unknown) => {
        if (error instanceof Crash) worker.restart()
        else if (!(error instanceof StorageError)) this.failures.push(error)
      })
      .finally(() => this.running.delete(done))
    this.running.add(done)
  }

  private async commit(store: ReplicaStore): Promise<void> {
    const version = (await keysOf(store, 'manifest/')).length + 1
    const text = `commit ${version}, try ${this.serial++}`
    await store.write(commitKey(version), bytesOf(text), { ifAbsent: true })
    expect(this.commits.get(version) ?? text).toBe(text)
    this.commits.set(version, text)
  }

  private async block(store: ReplicaStore): Promise<void> {
    const key = `data/block-${this.serial++}`
    await store.write(key, bytesOf(key), { ifAbsent: this.serial % 2 === 0 })
    this.blocks.set(key, key)
  }

  /** Brings everything back and lets upkeep do its work; an operator promotes a volume where none is primary. */
  private async heal(): Promise<void> {
    for (const process of this.processes) process.wake()
    while (this.running.size > 0) await Promise.all(this.running)
    if (this.failures.length > 0) throw this.failures[0]
    for (const process of this.processes) process.restart()
    for (const volume of this.set.volumes) volume.down = false
    const store = await this.set.open()
    if (this.emptied !== undefined && (await this.isRefused(store, this.emptied)))
      this.set.volumes[this.emptied]!.empty()
    const view = await store.set.refresh()
    if (view.record && view.primary === undefined) {
      const slot = view.states.findIndex((state) => state.type === 'member' && state.record !== undefined)
      await promote(store.set, slot)
    }
    await maintain(store.set)
    const report = await maintain(store.set)
    expect(report).toMatchObject({ enrolled: 0, followed: 0, copied: 0, underReplicated: 0 })
    this.emptied = undefined
  }

  /**
   * A writer that died may leave on the emptied volume what nobody else has. The set refuses that volume by name and its
   * operator empties it again.
   */
  private async isRefused(store: ReplicaStore, slot: number): Promise<boolean> {
    return (await store.set.refresh()).states[slot]?.type === 'foreign'
  }

  private async check(): Promise<void> {
    const store = await this.set.open()
    const versions = Math.max(0, ...this.commits.keys())
    const keys = await keysOf(store, 'manifest/')
    expect(keys.length).toBeGreaterThanOrEqual(versions)
    expect(keys).toEqual(keys.map((_, i) => commitKey(i + 1)))
    for (const [version, text] of this.commits) {
      expect(textOf(await store.read(commitKey(version)))).toBe(text)
      for (const { inner } of this.set.volumes) expect(textOf(await inner.read(commitKey(version)))).toBe(text)
    }
    for (const [key, text] of this.blocks) expect(textOf(await store.read(key))).toBe(text)
  }
}

/** Runs so many random trials; a failure names the seed that repeats it. */
export async function runTrials(numRuns: number): Promise<void> {
  const steps = fc.array(step, { minLength: 5, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(fc.nat(), steps, (seed, steps) => new Trial(seed).run(steps)),
    { numRuns },
  )
}
