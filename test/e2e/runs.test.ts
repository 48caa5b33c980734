import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Finished, flowreduce, flowreduceJson } from './command.ts'
import { makePlace, type Place, SPLITS } from './place.ts'

let place: Place
let job: string

beforeEach(async () => {
  place = await makePlace()
  job = join(place.folder, 'job.ts')
  await place.importFlows(10_000)
})

/** A job whose map throws for large flows to port 443. */
const writeJob = (least: number): Promise<void> =>
  writeFile(
    job,
    `import { defineJob, sum, u16 } from 'flowreduce'

export const picky = defineJob({
  name: 'picky', description: 'd', reads: ['dstPort', 'bytes'], key: { port: u16() }, value: { bytes: sum() },
  map(flow, emit) {
    if (flow.dstPort === 443 && flow.bytes > ${least}) throw new Error('too much')
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
  },
})
`,
  )

const over = (...args: string[]): Promise<Finished> => flowreduce([...args, '--store', place.store])

interface Listed {
  readonly rows: readonly { readonly run: string; readonly status: string; readonly created: string }[]
}

/** Runs by the time of their start: ids are in order by the second only. */
const list = async (): Promise<Listed['rows']> =>
  (await flowreduceJson<Listed>(['runs', 'ls', '--store', place.store])).rows.toSorted((a, b) =>
    a.created < b.created ? -1 : 1,
  )

describe('bad records', () => {
  it("fail a run at the user's file and line, with the command that runs just that task again", async () => {
    await writeJob(50_000)
    const { code, stdout, stderr } = await over('run', job, ...SPLITS, '--attempts', '1')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^flowreduce: task picky-map-\d+ of .*job\.ts:6:\d+: too much$/m)
    const [, command = ''] = /^try that again alone: flowreduce (.*)$/m.exec(stderr) ?? []
    const again = await flowreduce(command.split(' '))
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('job.ts:6')
  })

  it('are set aside within the limit, and replayed alone, also through a mended job', async () => {
    await writeJob(50_000)
    const { coverage } = await place.run(job, ...SPLITS, '--max-bad-records', '50%')
    const { quarantined } = coverage as unknown as { quarantined: number }
    expect(quarantined).toBeGreaterThan(0)
    const [{ run } = { run: '' }] = await list()
    const stored = await flowreduceJson<{ records: number }>([
      'fs',
      'stat',
      `quarantine/${run}`,
      '--store',
      place.store,
    ])
    expect(stored.records).toBe(quarantined)
    const still = await over('replay', run, '--format', 'csv')
    expect(still).toMatchObject({ code: 0, stdout: 'port,bytes\n' })
    expect(still.stderr).toContain(`replayed ${quarantined} records of run ${run}, ${quarantined} still bad`)
    await writeJob(Number.MAX_SAFE_INTEGER)
    const mended = await over('replay', run, '--job', job, '--format', 'csv')
    expect(mended.stdout).toMatch(/^port,bytes\n443,\d+\n$/)
    expect(mended.stderr).toContain(`replayed ${quarantined} records of run ${run}, 0 still bad; nothing was committed`)
    expect(await list()).toHaveLength(1)
  })
})

describe('flowreduce runs', () => {
  it('lists, describes, compares and removes runs, and leaves results alone', async () => {
    await place.run('port-breakdown')
    await place.run('port-breakdown', '--set', 'direction=src')
    const [first, second] = await list()
    expect([first?.status, second?.status]).toEqual(['committed', 'committed'])
    const shown = await flowreduceJson<{ outcome: { counters: { mapped: number } }; job: { params: unknown } }>([
      ...['runs', 'show', String(second?.run), '--store', place.store],
    ])
    expect(shown).toMatchObject({ outcome: { counters: { mapped: 10_000 } }, job: { params: { direction: 'src' } } })
    expect((await over('runs', 'show', String(first?.run))).stdout).toContain('leaves runs/')
    const { stdout } = await over('runs', 'diff', String(first?.run), String(second?.run))
    expect(stdout).toMatch(/^params +\{\} +\{"direction":"src"\}$/m)
    expect((await over('runs', 'rm', String(first?.run))).code).toBe(0)
    expect((await list()).map(({ run }) => run)).toEqual([second?.run])
    expect((await over('fs', 'stat', 'results/port-breakdown')).code).toBe(0)
    const gone = await over('runs', 'show', String(first?.run))
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining(String(first?.run)) })
  })
})
