import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { LEASE_MS } from '../../src/storage/lease.ts'
import type { Started } from './command.ts'
import { flowreduce, flowreduceJson, start } from './command.ts'
import { makePlace, type Place, SPLITS } from './place.ts'

let place: Place
let job: string
let hold: string

beforeEach(async () => {
  place = await makePlace()
  await place.importFlows(10_000)
  job = join(place.folder, 'held.ts')
  hold = join(place.folder, 'hold')
  writeFileSync(hold, '')
  writeFileSync(
    job,
    `import { existsSync, writeFileSync } from 'node:fs'
    import { defineJob, sum, u16 } from 'flowreduce'
    const hold = ${JSON.stringify(hold)}
    const pause = new Int32Array(new SharedArrayBuffer(4))
    let calls = 0
    export const held = defineJob({
      name: 'held', description: 'Octets per port', reads: ['dstPort', 'bytes'], key: { port: u16() }, value: { bytes: sum() },
      map(flow, emit, { count: tally }) {
        if (++calls === 500) while (existsSync(hold)) { writeFileSync(hold + '-seen', ''); Atomics.wait(pause, 0, 0, 50) }
        tally('seen')
        emit({ port: flow.dstPort }, { bytes: flow.bytes })
      },
    })`,
  )
})

const args = (...given: string[]): string[] => [...given, '--store', place.store, '--format', 'csv']

/** Starts the job and waits until an attempt is held. */
async function held(): Promise<{ readonly first: Started; readonly run: string }> {
  const first = start(args('run', job, ...SPLITS))
  await expect.poll(() => existsSync(`${hold}-seen`), { timeout: 30_000 }).toBe(true)
  const [run = ''] = await readdir(join(place.folder, 'store', 'runs'))
  return { first, run }
}

/** Commits of the run, and what its counters say: everything once. */
async function committedOnce(run: string): Promise<void> {
  const { rows } = await flowreduceJson<{ rows: { operation: string }[] }>(['fs', 'history', '--store', place.store])
  expect(rows.filter(({ operation }) => operation === 'run').length).toBe(1)
  const { outcome } = await flowreduceJson<{ outcome: { userCounters: unknown; counters: unknown } }>([
    ...['runs', 'show', run, '--store', place.store],
  ])
  expect(outcome).toMatchObject({ userCounters: { seen: 10_000 }, counters: { mapped: 10_000 } })
}

const undisturbed = async (): Promise<string> => (await flowreduce(args('run', job, '--runner', 'inline'))).stdout

describe('two coordinators that resume one run', () => {
  it('at the same time: one wins and prints the result, the other says who works on it', async () => {
    const { first, run } = await held()
    first.kill('SIGKILL')
    await first.finished
    const both = [start(args('resume', run)), start(args('resume', run))]
    const loser = await Promise.race(both.map(async (started, i) => ({ i, ended: await started.finished })))
    const winner = both[1 - loser.i]!
    expect(loser.ended).toMatchObject({ code: 1, stdout: '' })
    expect(loser.ended.stderr).toMatch(
      new RegExp(
        `^flowreduce: run ${run}: expected to be free, got process ${winner.child.pid} on \\S+ working on it`,
        'm',
      ),
    )
    rmSync(hold)
    const { code, stdout, stderr } = await winner.finished
    expect(code, stderr).toBe(0)
    await committedOnce(run)
    expect(stdout).toBe(await undisturbed())
  })
})

describe('a coordinator that stood still', () => {
  it('finds that another has taken its run over, and commits nothing when it wakes up', async () => {
    const { first, run } = await held()
    first.kill('SIGSTOP')
    const early = await flowreduce(args('resume', run))
    expect(early.code).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS))
    rmSync(hold)
    const { code, stdout, stderr } = await flowreduce(args('resume', run))
    expect(code, stderr).toBe(0)
    first.kill('SIGCONT')
    const woken = await first.finished
    // It notices at its next renewal, or, when all that it lacked is in the journal by then, at the commit.
    if (woken.code === 0) expect(woken.stdout).toBe(stdout)
    else expect(woken.stderr).toContain(`flowreduce: run ${run}: lease expected to be held, got another coordinator's`)
    await committedOnce(run)
    expect(stdout).toBe(await undisturbed())
  })
})
