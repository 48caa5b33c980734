import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson, start } from './command.ts'
import { byPort, makePlace, type Place, SPLITS } from './place.ts'

let place: Place
let env: { readonly TMPDIR: string; readonly FLOWREDUCE_SLOTS: undefined }

beforeEach(async () => {
  place = await makePlace()
  // A machine of its own.
  env = { TMPDIR: join(place.folder, 'tmp'), FLOWREDUCE_SLOTS: undefined }
  await mkdir(env.TMPDIR)
})

/** What runs leave in the folder for temporary files: scratch folders. */
async function scratchLeft(): Promise<string[]> {
  const [machine = ''] = (await readdir(env.TMPDIR)).filter((name) => name.startsWith('flowreduce-'))
  return readdir(join(env.TMPDIR, machine, 'runs'))
}

describe('two runs on one machine', () => {
  it('share its slots: one waits, says so, is listed, and goes on at once when the holder is killed', async () => {
    const sent = await place.importFlows(20_000)
    const job = join(place.folder, 'waits.ts')
    const marker = join(place.folder, 'marker')
    await writeFile(
      job,
      `import { writeFileSync } from 'node:fs'
      import { defineJob, sum, u16 } from 'flowreduce'
      export const waits = defineJob({
        name: 'waits', description: 'Never ends', reads: ['dstPort'], key: { port: u16() }, value: { flows: sum() },
        map() { writeFileSync(${JSON.stringify(marker)}, ''); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) },
      })`,
    )
    const one = ['--store', place.store, '--slots', '1', '--workers', '1', '--split-size', '300kB']
    const holder = start(['run', job, ...one], { env })
    await expect.poll(() => existsSync(marker), { timeout: 30_000 }).toBe(true)
    const waiter = start(['run', 'port-breakdown', ...one, '--format', 'json'], { env })
    await waiter.seen(/waiting for 1 slot/)
    const { rows } = await flowreduceJson<{ rows: { run: string; job: string; waits: string | null }[] }>(
      ['runs', 'ls', '--store', place.store],
      { env },
    )
    const [held, waiting] = ['waits', 'port-breakdown'].map((name) => rows.find((row) => row.job === name))
    expect(held?.waits).toBeNull()
    expect(waiting?.waits).toBe(`1 slot held by ${held?.run}`)
    holder.kill('SIGKILL')
    const { code, stdout } = await waiter.finished
    expect(code).toBe(0)
    expect(byPort(JSON.parse(stdout).rows)).toEqual(byPort(sent.ports))
    // The killed run can be resumed and so keeps its files until it is removed.
    expect(await scratchLeft()).toEqual([held?.run])
    await flowreduce(['runs', 'rm', held?.run ?? '', '--store', place.store], { env })
    await flowreduce(['run', 'totals', '--store', place.store], { env })
    expect(await scratchLeft()).toEqual([])
  })
})

describe('flowreduce run --chaos', () => {
  const chaos = 'kill-worker=0.3,fail-store=0.2,duplicate-attempt=0.2,corrupt-run-file=0.2'

  it('prints the same result, and what was injected; runs show tells it later', async () => {
    const sent = await place.importFlows(20_000)
    const args = ['run', 'port-breakdown', '--store', place.store, ...SPLITS, '--format', 'json']
    const { code, stdout, stderr } = await flowreduce([...args, '--chaos', chaos, '--seed', '4'], { env })
    expect(code).toBe(0)
    const said = /chaos, seed 4: injected (kill-worker|fail-store|duplicate-attempt|corrupt-run-file) \d+[^\n]*/.exec(
      stderr,
    )
    expect(said).not.toBeNull()
    const result = JSON.parse(stdout)
    expect(byPort(result.rows)).toEqual(byPort(sent.ports))
    const shown = await flowreduce(['runs', 'show', result.run, '--store', place.store], { env })
    expect(shown.stdout).toContain(said?.[0])
    expect(await scratchLeft()).toEqual([])
  })

  it.each([
    ['kill-wroker=0.1', 'fault expected one of .* got "kill-wroker", did you mean \'kill-worker\''],
    ['kill-worker=2', 'kill-worker: expected a probability from 0 to 1, got "2"'],
  ])('refuses %s', async (text, message) => {
    await place.importFlows(10)
    const { code, stdout, stderr } = await flowreduce(['run', 'totals', '--store', place.store, '--chaos', text])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^flowreduce: chaos: ${message}\n$`))
  })
})
