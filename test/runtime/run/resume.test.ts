import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtinBundle } from '../../../src/runtime/bundle/builtin.ts'
import type { JobSource } from '../../../src/runtime/job-source.ts'
import { jobFromBundle } from '../../../src/runtime/job-source.ts'
import { partitionsOf } from '../../../src/runtime/plan/partitions.ts'
import type { RunEvent } from '../../../src/runtime/run/events.ts'
import { journalPrefix, outcomeKey, planKey } from '../../../src/runtime/run/layout.ts'
import { LeaseKeeper } from '../../../src/runtime/run/lease-keeper.ts'
import type { RunOutcome } from '../../../src/runtime/run/outcome.ts'
import { readRecord } from '../../../src/runtime/run/record.ts'
import { resumeRun } from '../../../src/runtime/run/resume.ts'
import { runJob } from '../../../src/runtime/run/run-job.ts'
import { showRun } from '../../../src/runtime/run/runs.ts'
import { scratchRoot } from '../../../src/runtime/run/scratch.ts'
import { openStore } from '../../../src/storage/open.ts'
import { realSystem } from '../../../src/storage/system.ts'
import type { FlowStore } from '../../kit/flow-store.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'

let folder = ''
let scratch = ''
let stored: FlowStore
let job: JobSource
let undisturbed: RunOutcome
const shape = { splitBytes: 4000, partitions: 3, rowsPerBlock: 200, runner: 'inline' as const }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'resume-'))
  scratch = join(folder, 'scratch')
  stored = await storeFlows({ store: await openStore(`file:${folder}/store`), system: realSystem() }, testFlows(1200))
  job = await jobFromBundle(await builtinBundle(), 'subnet-bytes')
  undisturbed = await runJob({ ...stored, job, scratch, ...shape })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Starts a run and stops it once so many attempts have committed. */
async function interrupted(commits: number, keep: string = scratch): Promise<string> {
  const stop = new AbortController()
  let left = commits
  let run = ''
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'planned') run = event.run
    if (event.type === 'attempt-committed' && --left === 0) stop.abort(new Error('stop'))
  }
  const error: unknown = await runJob({ ...stored, job, scratch: keep, ...shape, signal: stop.signal, onEvent }).catch(
    (caught) => caught,
  )
  const message = expect.stringContaining(`flowreduce resume ${run} --store file:`)
  expect(error).toMatchObject({ code: 'interrupted', message })
  return run
}

const resume = (run: string, events: RunEvent[] = [], keep: string = scratch): Promise<RunOutcome> =>
  resumeRun({ ...stored, run, scratch: keep, runner: 'inline', onEvent: (event) => events.push(event) })

const started = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'attempt-started' ? [`${event.stage}-${event.task}`] : []))

function expectSame(outcome: RunOutcome): void {
  const bytes = ({ blocks }: RunOutcome) => blocks.map(({ crc32, records }) => ({ crc32, records }))
  expect(bytes(outcome)).toEqual(bytes(undisturbed))
  const { spills: _, shuffledRecords: _r, shuffledBytes: _b, mergedRecords: _m, ...counters } = outcome.counters
  expect(undisturbed.counters).toMatchObject(counters)
  expect(outcome.coverage).toEqual(undisturbed.coverage)
}

describe('a resumed run', () => {
  it('gives the same bytes wherever it was stopped, and runs no committed task again', async () => {
    const maps = undisturbed.plan.estimate.mapTasks
    expect(maps).toBeGreaterThan(8)
    for (const commits of [1, maps - 1, maps, maps + 2, maps + 3]) {
      const run = await interrupted(commits)
      const events: RunEvent[] = []
      expectSame(await resume(run, events))
      expect(started(events).length).toBe(maps + 3 + 1 - commits)
      expect(existsSync(join(scratch, run))).toBe(false)
    }
  })

  it('redoes the map tasks whose run files are gone or damaged, if they are still needed', async () => {
    const maps = undisturbed.plan.estimate.mapTasks
    const run = await interrupted(maps + 1)
    const files = readdirSync(join(scratch, run)).filter((name) => name.includes('-map-'))
    rmSync(join(scratch, run, files[2]!))
    const damaged = readFileSync(join(scratch, run, files[5]!))
    damaged[damaged.length - 3]! ^= 1
    writeFileSync(join(scratch, run, files[5]!), damaged)
    const events: RunEvent[] = []
    expectSame(await resume(run, events))
    expect(
      started(events)
        .filter((task) => task.includes('map'))
        .sort(),
    ).toEqual(['subnet-bytes-map-2', 'subnet-bytes-map-5'])
  })

  it('does not redo run files that every reader is done with', async () => {
    const run = await interrupted(undisturbed.plan.estimate.mapTasks + 3)
    for (const name of readdirSync(join(scratch, run))) if (name.includes('-map-')) rmSync(join(scratch, run, name))
    const events: RunEvent[] = []
    expectSame(await resume(run, events))
    expect(started(events)).toEqual(['result-0'])
  })

  it('continues on a machine that has none of its files, when they are kept in the store', async () => {
    const maps = undisturbed.plan.estimate.mapTasks
    const run = await interrupted(maps + 1, 'store')
    rmSync(join(scratchRoot('store'), run), { recursive: true })
    const events: RunEvent[] = []
    expectSame(await resume(run, events, 'store'))
    expect(started(events).length).toBe(3)
    const left = []
    for await (const { key } of stored.store.list(`runs/${run}/files/`)) left.push(key)
    expect(left).toEqual([])
  })

  it('that was committed gives its result, also when its coordinator died before it could write the outcome', async () => {
    const { run } = undisturbed
    const events: RunEvent[] = []
    expectSame(await resume(run, events))
    await stored.store.remove(outcomeKey(run))
    const again = await resume(run, events)
    expectSame(again)
    expect(again.committed).toBe(undisturbed.committed)
    expect(events).toEqual([])
  })

  it('is refused while another coordinator works on it', async () => {
    const run = await interrupted(2)
    const { version } = undisturbed.plan.snapshot
    const held = await LeaseKeeper.take({ ...stored, run, version })
    await expect(resume(run)).rejects.toMatchObject({
      code: 'lease-held',
      message: expect.stringContaining(`run ${run}: expected to be free, got process ${process.pid}`),
    })
    await held.release()
    expectSame(await resume(run))
  })

  it('is named when there is none', async () => {
    await expect(resume('20260101T000000Z-none-00000000')).rejects.toThrow(
      'run 20260101T000000Z-none-00000000: expected in file:',
    )
  })
})

describe('tasks that go by size', () => {
  /** Has the partitions of an interrupted run be an estimate of its plan, as those of many flows are. */
  const goBySize = async (run: string): Promise<void> => {
    const record = await readRecord(stored.store, run)
    const stages = record.plan.stages.map((stage) => {
      if (stage.type === 'map') return stage
      return stage.type === 'reduce' ? { ...stage, bySize: true } : { ...stage, bySize: true, tasks: 9 }
    })
    const bytes = new TextEncoder().encode(JSON.stringify({ ...record, plan: { ...record.plan, stages } }))
    await stored.store.write(planKey(run), bytes)
  }
  const reduces = (events: readonly RunEvent[]): string[] => started(events).filter((task) => task.includes('reduce'))

  it('are few where partitions turned out small and blocks few, and give the same bytes', async () => {
    const run = await interrupted(undisturbed.plan.estimate.mapTasks - 1)
    await goBySize(run)
    const events: RunEvent[] = []
    expectSame(await resume(run, events))
    expect(reduces(events)).toEqual(['subnet-bytes-reduce-0'])
    expect(started(events).filter((task) => task.startsWith('result')).length).toBe(undisturbed.blocks.length)
    const { stages } = await showRun(stored, run)
    expect(stages.map(({ committed, tasks }) => committed === tasks)).toEqual([true, true, true])
  })

  it('are as many as when the first of them was committed, whatever was lost since', async () => {
    const run = await interrupted(undisturbed.plan.estimate.mapTasks + 1)
    await goBySize(run)
    for (const name of readdirSync(join(scratch, run))) if (name.includes('-reduce-')) rmSync(join(scratch, run, name))
    const events: RunEvent[] = []
    expectSame(await resume(run, events))
    expect(reduces(events).sort()).toEqual([0, 1, 2].map((task) => `subnet-bytes-reduce-${task}`))
  })

  it('have neighbouring partitions each, any number of them all', () => {
    for (let partitions = 1; partitions < 40; partitions++)
      for (let tasks = 1; tasks <= partitions; tasks++) {
        const ranges = Array.from({ length: tasks }, (_, task) => partitionsOf(task, tasks, partitions))
        const all = ranges.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i))
        expect(all).toEqual(Array.from({ length: partitions }, (_, i) => i))
        expect(Math.min(...ranges.map(({ count }) => count))).toBeGreaterThan(0)
      }
  })
})

describe('the journal', () => {
  it('has one entry for each task and generation', async () => {
    const keys: string[] = []
    for await (const { key } of stored.store.list(journalPrefix(undisturbed.run))) keys.push(key)
    expect(keys.length).toBe(undisturbed.plan.estimate.mapTasks + 3 + 1)
    expect(keys.every((key) => key.endsWith('-000.json'))).toBe(true)
  })
})
