import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flowreduce } from './captured.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-jobs-'))
  await writeFile(
    join(folder, 'two.ts'),
    `import { count, defineJob, sum } from 'flowreduce'
    const job = (name: string) => defineJob({ name, description: 'd', groupBy: { proto: 'proto' }, aggregate: { flows: count() } })
    export const [one, two] = [job('one'), job('two')]`,
  )
  await writeFile(
    join(folder, 'my.config.ts'),
    `import { count, defineConfig, defineJob } from 'flowreduce'
    const totals = defineJob({ name: 'totals', description: 'mine', groupBy: {}, aggregate: { flows: count() } })
    export default defineConfig({ store: 'file:${folder}/store', jobs: [totals] })`,
  )
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('jobs', () => {
  it('lists the built-in jobs with their parameters', async () => {
    const { code, stdout } = await flowreduce('jobs --format json')
    expect(code).toBe(0)
    const jobs: { job: string; parameters: { name: string }[] }[] = JSON.parse(stdout)
    expect(jobs.map(({ job }) => job)).toEqual(
      expect.arrayContaining(['bytes-per-second', 'port-breakdown', 'subnet-bytes', 'totals']),
    )
    const subnets = jobs.find(({ job }) => job === 'subnet-bytes')
    expect(subnets?.parameters.map(({ name }) => name).sort()).toEqual(['direction', 'prefix4', 'prefix6'])
  })

  it('lets a job of the configuration hide a built-in one', async () => {
    const { stdout } = await flowreduce(`jobs --format json --config ${folder}/my.config.ts`)
    const found = JSON.parse(stdout).filter(({ job }: { job: string }) => job === 'totals')
    expect(found).toMatchObject([{ description: 'mine', file: `${folder}/my.config.ts` }])
  })

  it('describes a job of a file, which may be named when there are several', async () => {
    const { stdout } = await flowreduce(`jobs ${folder}/two.ts#two --format json`)
    expect(JSON.parse(stdout)).toMatchObject({
      job: 'two',
      reads: ['proto'],
      columns: [
        { name: 'proto', type: 'u8' },
        { name: 'flows', type: 'u53' },
      ],
    })
  })

  it.each([
    ['totls', /^flowreduce: unknown job "totls"; did you mean totals\? \(expected one of [^\n]*\)\n$/],
    ['DIR/two.ts', /^flowreduce: bundle [^\n]*two\.ts: expected one job, got 2: name one, [^\n]*\n$/],
    ['DIR/two.ts#tow', /^flowreduce: bundle [^\n]*: expected one of one, two, got 'tow', did you mean 'two'\n$/],
    ['DIR/none.ts', /^flowreduce: bundle: expected a job file, got nothing at [^\n]*none\.ts\n$/],
  ])('refuses %s as a wrong request, in one line', async (job, message) => {
    const { code, stdout, stderr } = await flowreduce(`jobs ${job.replace('DIR', folder)}`)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})

describe('the configuration file', () => {
  it('names the store when neither option nor variable does', async () => {
    const { code, stderr } = await flowreduce(`fs ls --config ${folder}/my.config.ts`)
    expect(code).toBe(1)
    expect(stderr).toContain(`file:${folder}/store expected a flowreduce store`)
  })

  it('is named when it is not there', async () => {
    const { code, stderr } = await flowreduce(`jobs --config ${folder}/none.ts`)
    expect(code).toBe(2)
    expect(stderr).toMatch(/^flowreduce: [^\n]*none\.ts\n$/)
  })
})
