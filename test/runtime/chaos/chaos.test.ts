import { existsSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decideFaults } from '../../../src/runtime/chaos/attempt-faults.ts'
import type { Chaos } from '../../../src/runtime/chaos/chaos.ts'
import { chaosText, parseChaos } from '../../../src/runtime/chaos/chaos.ts'
import type { Fault } from '../../../src/runtime/chaos/faults.ts'
import { FAULTS } from '../../../src/runtime/chaos/faults.ts'
import type { RunEvent } from '../../../src/runtime/run/events.ts'
import type { RunOutcome } from '../../../src/runtime/run/outcome.ts'
import type { TaskDescription } from '../../../src/runtime/task/description.ts'
import { testFlows } from '../../kit/flow-store.ts'
import type { RunKit } from '../../kit/run-kit.ts'
import { bytesOf, createRunKit, failures } from '../../kit/run-kit.ts'

describe('--chaos', () => {
  it('names probabilities of known faults', () => {
    expect(parseChaos('kill-worker=0.1, corrupt-run-file=1,slow-task=.05', 7)).toEqual({
      seed: 7,
      chances: { 'kill-worker': 0.1, 'corrupt-run-file': 1, 'slow-task': 0.05 },
    })
  })

  it.each([
    ['kill-wroker=0.1', 'fault expected one of kill-worker, slow-task'],
    ['kill-worker=1.5', 'kill-worker: expected a probability from 0 to 1, got "1.5"'],
    ['kill-worker=-1', 'kill-worker: expected a probability from 0 to 1, got "-1"'],
    ['slow-task', 'slow-task: expected a probability from 0 to 1, got ""'],
    ['slow-task=0,slow-task=1', 'slow-task: expected once, got it twice'],
    ['fail-store=2,nonsense=1', 'fail-store: expected a probability from 0 to 1, got "2"; fault expected one of'],
  ])('is refused by name: %s', (text, message) => {
    expect(() => parseChaos(text, 1)).toThrow(message)
  })
})

describe('the faults of an attempt', () => {
  const all: Chaos = { seed: 3, chances: Object.fromEntries(FAULTS.map((fault) => [fault, 0.5])) }
  const task = (number: number, attempt: number) =>
    ({ type: 'map', stage: '1-map', task: number, attempt }) as unknown as TaskDescription

  it('follow from seed, stage, task and attempt alone, as often as was asked', () => {
    const decided = Array.from({ length: 2000 }, (_, i) => decideFaults(all, task(i >> 1, 1 + (i & 1)), 4))
    expect(Array.from({ length: 2000 }, (_, i) => decideFaults(all, task(i >> 1, 1 + (i & 1)), 4))).toEqual(decided)
    expect(decideFaults({ ...all, seed: 4 }, task(0, 1), 4)).not.toEqual(decided[0])
    const killed = decided.filter(({ inside }) => inside.killAt).length
    expect(killed).toBeGreaterThan(900)
    expect(killed).toBeLessThan(1100)
  })

  it('spare one attempt in as many as may fail, so that a task never fails of them alone', () => {
    const sure = parseChaos('kill-worker=1,corrupt-run-file=1', 1)
    const hit = [1, 2, 3, 4, 5, 8].map((attempt) => decideFaults(sure, task(0, attempt), 4))
    expect(hit.map(({ inside }) => inside.killAt !== undefined)).toEqual([true, true, true, false, true, false])
    expect(hit[3]?.corruptAt).toBeUndefined()
  })
})

describe('a run under chaos', () => {
  let kit: RunKit
  let undisturbed: { readonly [job: string]: RunOutcome }
  const JOBS = ['troubled-sums', 'troubled-scans'] as const
  beforeAll(async () => {
    kit = await createRunKit(testFlows(1000))
    const runs = []
    for (const name of JOBS) runs.push([name, await kit.run(await kit.job('trouble.ts', name), { runner: 'inline' })])
    undisturbed = Object.fromEntries(runs)
  })
  afterAll(() => kit.remove())

  const injected = (events: readonly RunEvent[], fault: Fault): number =>
    events.filter((event) => event.type === 'fault-injected' && event.fault === fault).length

  async function disturbed(name: (typeof JOBS)[number], chaos: Chaos, runner: 'local' | 'inline') {
    const outcome = await kit.run(await kit.job('trouble.ts', name), { chaos: { slowMs: 50, ...chaos }, runner })
    const expected = undisturbed[name]!
    expect(bytesOf(outcome)).toEqual(bytesOf(expected))
    expect(outcome.counters).toEqual(expected.counters)
    expect(outcome.userCounters).toEqual(expected.userCounters)
    expect(existsSync(kit.scratch) ? readdirSync(kit.scratch) : []).toEqual([])
    return outcome
  }

  it.each([
    ['kill-worker', 'exited'],
    ['fail-store', 'threw'],
    ['corrupt-run-file', 'lost-input'],
  ] as const)('gives the same bytes and counters, and says what was injected: %s', async (fault, kind) => {
    const { events, chaos } = await disturbed('troubled-scans', parseChaos(`${fault}=0.4`, 11), 'local')
    expect(injected(events, fault)).toBeGreaterThan(2)
    expect(chaos).toEqual({ seed: 11, injected: { [fault]: injected(events, fault) } })
    expect(failures(events)).toContain(kind)
    expect(chaosText(11, chaos?.injected ?? {})).toBe(`chaos, seed 11: injected ${fault} ${injected(events, fault)}`)
    if (fault === 'corrupt-run-file') {
      const redone = events.filter((event) => event.type === 'task-redone')
      expect(redone.length).toBeGreaterThan(0)
      expect(redone.every((event) => event.type === 'task-redone' && /run file/.test(event.reason))).toBe(true)
    }
  })

  it('fences the twin of an attempt, however late it comes', async () => {
    const { events } = await disturbed('troubled-sums', parseChaos('duplicate-attempt=1', 1), 'local')
    expect(injected(events, 'duplicate-attempt')).toBeGreaterThan(3)
    const committed = events.flatMap((event) =>
      event.type === 'attempt-committed' ? [`${event.stage}-${event.task}`] : [],
    )
    expect(new Set(committed).size).toBe(committed.length)
  })

  it('survives everything at once, in workers and in this thread, and replays by its seed', async () => {
    const chaos = parseChaos(FAULTS.map((fault) => `${fault}=0.3`).join(','), 5)
    const { events } = await disturbed('troubled-scans', chaos, 'inline')
    const again = await disturbed('troubled-scans', chaos, 'inline')
    const told = (list: readonly RunEvent[]) => list.filter(({ type }) => type === 'fault-injected')
    expect(told(again.events)).toEqual(told(events))
    await disturbed('troubled-sums', chaos, 'local')
  })
})
