import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Finished, flowreduce } from './command.ts'
import { makePlace, type Place } from './place.ts'

let place: Place
let folder: string
let store: string

beforeEach(async () => {
  place = await makePlace()
  folder = place.folder
  store = place.store
})

describe('flowreduce run of what cannot be', () => {
  const refused = async (args: readonly string[], code: number): Promise<Finished> => {
    const ended = await flowreduce(['run', ...args])
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' })
    expect(ended.stderr.startsWith('flowreduce: ')).toBe(true)
    return ended
  }

  it('names an unknown job, and the one that was meant', async () => {
    await place.importFlows(10)
    const { stderr } = await refused(['port-braekdown', '--store', store], 2)
    expect(stderr).toMatch(/^flowreduce: unknown job "port-braekdown"; did you mean port-breakdown\? [^\n]*\n$/)
  })

  it('names bad parameters, all of them', async () => {
    await place.importFlows(10)
    const one = await refused(['port-breakdown', '--store', store, '--set', 'direction=up'], 2)
    expect(one.stderr).toMatch(/^flowreduce: job port-breakdown: parameter direction: [^\n]*\n$/)
    const two = await refused(['subnet-bytes', '--store', store, '--set', 'prefix4=99', '--set', 'prefx6=1'], 2)
    expect(two.stderr).toMatch(/2 problems\n {2}parameter prefx6: unknown[^\n]*\n {2}parameter prefix4: [^\n]*\n$/)
    expect((await refused(['totals', '--store', store, '--set', 'x'], 2)).stderr).toBe(
      'flowreduce: --set: expected NAME=VALUE, got "x"\n',
    )
  })

  it('names a wrong filter, period, format and option', async () => {
    await place.importFlows(10)
    expect((await refused(['totals', '--store', store, '--where', 'port'], 2)).stderr).toContain('--where')
    expect((await refused(['totals', '--store', store, '--from', 'monday'], 2)).stderr).toMatch(
      /^flowreduce: --from: .*"monday"\n$/,
    )
    expect(
      (await refused(['totals', '--store', store, '--from', '2026-01-02', '--to', '2026-01-01'], 2)).stderr,
    ).toContain('--to')
    expect((await refused(['totals', '--store', store, '--format', 'jsno'], 2)).stderr).toContain('did you mean json?')
    expect((await refused(['totals', '--store', store, '--wokers', '2'], 2)).stderr).toContain(
      'did you mean --workers?',
    )
    expect((await refused(['totals', '--store', store, '--max-bad-records', 'some'], 2)).stderr).toContain(
      '--max-bad-records',
    )
  })

  it('names a store that is not there, and makes none', async () => {
    const { stderr } = await refused(['totals', '--store', store], 1)
    expect(stderr).toBe(`flowreduce: storage: ${store} expected a flowreduce store, got nothing under manifest/\n`)
    expect(existsSync(join(folder, 'store'))).toBe(false)
  })

  it('names the file and line of a job that throws', async () => {
    await place.importFlows(100)
    const job = join(folder, 'throws.ts')
    await writeFile(
      job,
      `import { defineJob, sum, u16 } from 'flowreduce'

export const throws = defineJob({
  name: 'throws', description: 'd', reads: ['dstPort'], key: { port: u16() }, value: { flows: sum() },
  map(flow) {
    throw new Error('port ' + (flow.dstPort >= 0 ? 'seen' : ''))
  },
})`,
    )
    const { stderr } = await flowreduce(['run', job, '--store', store, '--attempts', '1'])
    expect(stderr).toContain('throws.ts:6')
    expect(stderr).toContain('port seen')
  })
})
