import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { flowreduce } from './command.ts'
import { makePlace, type Place, SPLITS } from './place.ts'
import { Terminal } from './terminal.ts'

let place: Place
let job: string
let hold: string

beforeEach(async () => {
  place = await makePlace()
  await place.importFlows(20_000)
  job = join(place.folder, 'held.ts')
  hold = join(place.folder, 'hold')
})

/** A job that does not get on while there is a file. */
function writeJob(wait: string): void {
  writeFileSync(hold, '')
  writeFileSync(
    job,
    `import { spawnSync } from 'node:child_process'
    import { existsSync, writeFileSync } from 'node:fs'
    import { defineJob, sum, u16 } from 'flowreduce'
    const hold = ${JSON.stringify(hold)}
    let calls = 0
    export const held = defineJob({
      name: 'held', description: 'Octets per port', reads: ['dstPort', 'bytes'], key: { port: u16() }, value: { bytes: sum() },
      map(flow, emit) {
        if (++calls === 500 && existsSync(hold)) { writeFileSync(hold + '-seen', ''); ${wait} }
        emit({ port: flow.dstPort }, { bytes: flow.bytes })
      },
    })`,
  )
}

const waitForever = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'
const isHeld = (): boolean => existsSync(`${hold}-seen`)

describe('a run on a terminal', () => {
  it('paints one line of progress in place, stops cleanly on Ctrl-C, and goes on with the command that it prints', async () => {
    writeJob(waitForever)
    const terminal = new Terminal(['run', job, '--store', place.store, ...SPLITS, '--format', 'csv'])
    await terminal.seen(/<held-map \d+\/\d+ tasks, 2 running/)
    await expect.poll(isHeld, { timeout: 30_000 }).toBe(true)
    terminal.interrupt()
    expect(await terminal.finished).toBe(130)
    expect(terminal.screen).toMatch(/<stopping run \S+-held-\w+; press Ctrl-C again to end at once/)
    const [, command = ''] = /go on with: flowreduce (resume \S+ --store \S+)/.exec(terminal.screen) ?? []
    rmSync(hold)
    const resumed = await flowreduce([...command.trim().split(' '), '--format', 'csv'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(resumed.stderr).not.toContain('\x1b')
    const undisturbed = await flowreduce(['run', job, '--store', place.store, '--format', 'csv'])
    expect(resumed.stdout).toBe(undisturbed.stdout)
  })

  it('ends at once on the second Ctrl-C, also when a worker cannot be stopped, and can still be resumed', async () => {
    writeJob("spawnSync('sleep', ['30'])")
    const terminal = new Terminal(['run', job, '--store', place.store, ...SPLITS])
    await expect.poll(isHeld, { timeout: 30_000 }).toBe(true)
    terminal.interrupt()
    const [, run = ''] = await terminal.seen(/stopping run (\S+); press Ctrl-C again/)
    const pressed = performance.now()
    terminal.interrupt()
    expect(await terminal.finished).toBe(130)
    expect(performance.now() - pressed).toBeLessThan(15_000)
    rmSync(hold)
    const resumed = await flowreduce(['resume', run, '--store', place.store, '--format', 'csv'])
    expect(resumed.code, resumed.stderr).toBe(0)
  })
})

describe('a run that does not print to a terminal', () => {
  it('writes whole lines without control sequences, and only the result on standard output', async () => {
    writeJob('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7000)')
    const { code, stdout, stderr } = await flowreduce([
      'run',
      job,
      '--store',
      place.store,
      ...SPLITS,
      '--format',
      'csv',
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^port,bytes\n(\d+,\d+\n)+$/)
    expect(stderr).toMatch(/^held-map \d+\/\d+ tasks, \d+ running.*$/m)
    expect(stderr).not.toMatch(/[^\n -~]/)
  })
})
