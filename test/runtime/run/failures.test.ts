import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RuntimeError } from '../../../src/runtime/error.ts'
import type { RunOutcome } from '../../../src/runtime/run/outcome.ts'
import { rerunTask } from '../../../src/runtime/run/rerun.ts'
import { testFlows } from '../../kit/flow-store.ts'
import type { RunKit } from '../../kit/run-kit.ts'
import { bytesOf, createRunKit, failures } from '../../kit/run-kit.ts'

let kit: RunKit
let sums: RunOutcome
let scans: RunOutcome
beforeAll(async () => {
  kit = await createRunKit(testFlows(1000))
  sums = await kit.run(await kit.job('trouble.ts', 'troubled-sums'), { runner: 'inline' })
  scans = await kit.run(await kit.job('trouble.ts', 'troubled-scans'), { runner: 'inline' })
})
afterAll(() => kit.remove())
afterEach(() => rmSync(kit.scratch, { recursive: true, force: true }))

const trouble = async (name: string, what: string) => kit.job('trouble.ts', name, { what, folder: kit.newFolder() })

interface Details {
  readonly run: string
  readonly stage: string
  readonly task: number
  readonly command: string
  readonly split: string
}

/** Run files of runs that are over. */
const left = (): string[] => (existsSync(kit.scratch) ? readdirSync(kit.scratch) : [])

describe('a task that fails once', () => {
  it.each([
    ['map throw', 'threw'],
    ['map exit', 'exited'],
    ['map reject', 'exited'],
    ['map hang', 'timed-out'],
  ])('is tried again, and the result and the counters are the same: %s', async (what, kind) => {
    const limits = { timeLimitMs: what === 'map hang' ? 5000 : 60_000, backoffMs: 5 }
    const job = await trouble('troubled-sums', what)
    const outcome = await kit.run(job, { limits, speculate: false })
    expect(failures(outcome.events)).toEqual([kind])
    expect(bytesOf(outcome)).toEqual(bytesOf(sums))
    expect(outcome.userCounters).toEqual({ seen: 1000 })
    expect(outcome.counters.mapped).toBe(1000)
    expect(left()).toEqual([])
  })

  it.each([
    ['reduce throw', 'threw'],
    ['reduce exit', 'exited'],
    ['reduce string', 'threw'],
    ['reduce unserialisable', 'threw'],
    ['reduce hang', 'timed-out'],
  ])('is tried again in a reduce as well: %s', async (what, kind) => {
    const limits = { timeLimitMs: what === 'reduce hang' ? 5000 : 60_000, backoffMs: 5 }
    const outcome = await kit.run(await trouble('troubled-scans', what), { limits, speculate: false })
    expect(failures(outcome.events)).toEqual([kind])
    expect(bytesOf(outcome)).toEqual(bytesOf(scans))
    expect(outcome.userCounters).toEqual(scans.userCounters)
    expect(left()).toEqual([])
  })

  it('is named as out of memory when its heap is full', async () => {
    const job = await trouble('troubled-sums', 'map memory')
    const outcome = await kit.run(job, { memoryBytes: 200 * 2 ** 20, speculate: false })
    expect(failures(outcome.events)).toEqual(['out-of-memory'])
    expect(bytesOf(outcome)).toEqual(bytesOf(sums))
  })
})

describe('a task that always fails', () => {
  it('fails the run with the first cause, its split, and the command that runs it again', async () => {
    const job = await trouble('troubled-scans', 'reduce throw always')
    const error: RuntimeError & { details: Details } = await kit.run(job).catch((caught) => caught)
    expect(error.message).toMatch(
      /^task troubled-scans-reduce-\d of \S+: failed after 4 attempts: job troubled-scans: reduce threw for \{ src: \S+ \} at trouble\.ts:\d+:\d+: thrown on purpose$/,
    )
    expect(error).toMatchObject({ code: 'task-failed', cause: { code: 'user-code' } })
    const { run, stage, task, command, split } = error.details
    expect(command).toBe(`flowreduce task --run ${run} --task ${stage}-${task} --store ${kit.store.url}`)
    expect(split).toMatch(/^\d+ run files$/)
    await expect(rerunTask({ store: kit.store, run, stage, task })).rejects.toThrow('thrown on purpose')
  })

  it('whose worker dies every time fails its split, not the pool', async () => {
    const error = await kit.run(await trouble('troubled-sums', 'map exit always')).catch((caught) => caught)
    expect(error.message).toMatch(/failed after 4 attempts: worker: task expected to return, got exit 3$/)
    const again = await kit.run(await kit.job('trouble.ts', 'troubled-sums'))
    expect(bytesOf(again)).toEqual(bytesOf(sums))
  })

  it('says which record it was when the map throws', async () => {
    const error = await kit.run(await trouble('troubled-sums', 'map throw always')).catch((caught) => caught)
    expect(error.message).toMatch(
      /failed after 4 attempts: bad records expected at most 0, got more; the first is record \d+ of data\/flows\/.*: job troubled-sums: map threw at trouble\.ts:\d+:\d+: thrown on purpose$/,
    )
  })

  it('names the column when a reduce gives a row of the wrong shape', async () => {
    const error = await kit.run(await trouble('troubled-scans', 'wrong shape')).catch((caught) => caught)
    expect(error.message).toContain('targets')
    expect(error.message).toContain('trouble.ts')
  })
})

describe('values of a custom reduce', () => {
  it('need not be drained', async () => {
    const outcome = await kit.run(await trouble('troubled-scans', 'leave early'))
    expect(outcome.counters.resultRows).toBe(scans.counters.resultRows)
  })
})

describe('a straggler', () => {
  it('gets a second attempt, and whichever commits first wins', async () => {
    const folder = kit.newFolder()
    const slow = await kit.job('trouble.ts', 'slow', { folder })
    const outcome = await kit.run(slow)
    expect(outcome.events).toContainEqual(expect.objectContaining({ type: 'attempt-started', speculative: true }))
    expect(outcome.counters.mapped).toBe(1000)
    writeFileSync(join(folder, 'go on'), '')
    const again = await kit.run(slow)
    expect(bytesOf(again)).toEqual(bytesOf(outcome))
  })
})
