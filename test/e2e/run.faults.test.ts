import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { flowreduce, start } from './command.ts'
import { byPort, makePlace, type Place, SPLITS } from './place.ts'

let place: Place
let folder: string
let store: string

beforeEach(async () => {
  place = await makePlace()
  folder = place.folder
  store = place.store
})

/** A job that ends its worker, or waits for ever, the first time it gets to a point; after that it counts flows and bytes by port. */
async function troubleJob(point: 'map' | 'reduce', trouble: string): Promise<string> {
  const file = join(folder, 'jobs', `${point}.ts`)
  await mkdir(join(folder, 'jobs'), { recursive: true })
  const first = `if (++calls === 500 && !existsSync(marker)) { writeFileSync(marker, 'here'); ${trouble} }`
  await writeFile(
    file,
    `import { existsSync, writeFileSync } from 'node:fs'
    import { defineJob, u16, u32, u64, u53 } from 'flowreduce'
    const marker = ${JSON.stringify(join(folder, 'marker'))}
    let calls = 0
    export const ports = defineJob({
      name: 'ports', description: 'Flows and octets per port, the hard way',
      reads: ['dstPort', 'bytes', 'packets'],
      key: { port: u16() }, value: { bytes: u53(), packets: u53() },
      output: { port: u16(), flows: u32(), packets: u64(), bytes: u64() },
      map(flow, emit) {
        ${point === 'map' ? first : ''}
        emit({ port: flow.dstPort }, { bytes: flow.bytes, packets: flow.packets })
      },
      reduce(key, values, out) {
        ${point === 'reduce' ? first : ''}
        let [flows, bytes, packets] = [0, 0n, 0n]
        for (const value of values) { flows++; bytes += BigInt(value.bytes); packets += BigInt(value.packets) }
        out({ ...key, flows, packets, bytes })
      },
    })`,
  )
  return file
}

describe('a worker that exits', () => {
  it.each(['map', 'reduce'] as const)(
    'in the middle of a %s task is replaced, and the result is right',
    async (point) => {
      const sent = await place.importFlows(30_000)
      const job = await troubleJob(point, 'process.exit(3)')
      const { code, stdout, stderr } = await flowreduce(['run', job, '--store', store, ...SPLITS, '--format', 'json'])
      expect(code).toBe(0)
      expect(stderr).toMatch(new RegExp(`warning: task ports-${point}-\\d+, attempt 1 exited: .*tried again`))
      expect(existsSync(join(folder, 'marker'))).toBe(true)
      expect(byPort(JSON.parse(stdout).rows)).toEqual(byPort(sent.ports))
    },
  )

  it('every time fails the run with 1, naming the cause and the task, and commits nothing', async () => {
    await place.importFlows(3000)
    const job = join(folder, 'exits.ts')
    await writeFile(
      job,
      `import { defineJob, sum, u16 } from 'flowreduce'
      export const exits = defineJob({
        name: 'exits', description: 'd', reads: ['dstPort'], key: { port: u16() }, value: { flows: sum() },
        map() { process.exit(9) },
      })`,
    )
    const { code, stdout, stderr } = await flowreduce(['run', job, '--store', store, '--attempts', '2'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/flowreduce: .*exits-map.*exit/)
    expect(await place.results()).toEqual([])
  })
})

describe('a coordinator killed by a signal', () => {
  it('leaves nothing visible, and the job run again gives the right result', async () => {
    const sent = await place.importFlows(30_000)
    const job = await troubleJob('map', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
    const first = start(['run', job, '--store', store, ...SPLITS])
    await expect.poll(() => existsSync(join(folder, 'marker')), { timeout: 30_000 }).toBe(true)
    first.kill('SIGKILL')
    expect(await first.finished).toMatchObject({ signal: 'SIGKILL', stdout: '' })
    expect(await place.results()).toEqual([])
    const { rows } = await place.run(job, ...SPLITS)
    expect(byPort(rows)).toEqual(byPort(sent.ports))
    expect(await place.results()).toEqual(['results/ports'])
    expect(await flowreduce(['fsck', '--deep', '--store', store])).toMatchObject({ code: 0 })
  })
})

describe('flowreduce resume', () => {
  /** Starts a run whose first map tasks wait for ever, and stops it there. */
  async function stopped(
    signal: NodeJS.Signals,
  ): Promise<{ job: string; run: string; stderr: string; code: number | null }> {
    const job = await troubleJob('map', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
    const started = start(['run', job, '--store', store, ...SPLITS])
    await expect.poll(() => existsSync(join(folder, 'marker')), { timeout: 30_000 }).toBe(true)
    started.kill(signal)
    const { code, stderr } = await started.finished
    const [run = ''] = await readdir(join(folder, 'store', 'runs'))
    return { job, run, stderr, code }
  }

  it.each(['SIGKILL', 'SIGTERM'] as const)('gives the bytes of an undisturbed run after %s', async (signal) => {
    await place.importFlows(30_000)
    const { job, run, stderr, code } = await stopped(signal)
    if (signal === 'SIGTERM') {
      expect(code).toBe(130)
      expect(stderr).toContain(`flowreduce resume ${run} --store ${store}`)
    }
    const resumed = await flowreduce(['resume', run, '--store', store, '--format', 'csv'])
    expect(resumed).toMatchObject({ code: 0 })
    const undisturbed = await flowreduce(['run', job, '--store', store, '--format', 'csv', '--runner', 'inline'])
    expect(undisturbed.stdout).toBe(resumed.stdout)
    expect(await flowreduce(['resume', run, '--store', store, '--format', 'csv'])).toMatchObject({
      code: 0,
      stdout: resumed.stdout,
    })
  })

  it('leaves a run to the coordinator that works on it', async () => {
    await place.importFlows(3000)
    const job = await troubleJob('map', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
    const first = start(['run', job, '--store', store, ...SPLITS])
    await expect.poll(() => existsSync(join(folder, 'marker')), { timeout: 30_000 }).toBe(true)
    const [run = ''] = await readdir(join(folder, 'store', 'runs'))
    const { code, stdout, stderr } = await flowreduce(['resume', run, '--store', store])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^flowreduce: [^\n]*\n$/)
    first.kill('SIGKILL')
    await first.finished
    await rm(join(folder, 'marker'))
  })

  it('names a run that there is not', async () => {
    await place.importFlows(10)
    expect(await flowreduce(['resume', 'no-such-run', '--store', store])).toMatchObject({
      code: 1,
      stderr: `flowreduce: run no-such-run: expected in ${store}, got none\n`,
    })
  })
})
