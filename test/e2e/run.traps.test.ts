import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testFlows } from '../kit/flow-store.ts'
import type { RunKit } from '../kit/run-kit.ts'
import { createRunKit } from '../kit/run-kit.ts'
import type { Finished } from './command.ts'
import { flowreduce, flowreduceJson } from './command.ts'

/** The traps of MapReduce, one test each, through the command line and over worker threads. */

const FLOWS = 2000
const flows = testFlows(FLOWS)
const JOBS = fileURLToPath(new URL('../runtime/jobs/traps.ts', import.meta.url))
const SHAPE = ['--split-size', '9000', '--workers', '2']
/** Groups that a job makes of each flow, and records of 2000 bytes that another does: 200 MB. */
const GROUPS = 500
const COPIES = 50
const SMALL = 160e6

let kit: RunKit
beforeAll(async () => {
  kit = await createRunKit(flows)
})
afterAll(() => kit.remove())

const over = (...args: string[]): Promise<Finished> =>
  flowreduce([...args, '--store', kit.store.url, '--scratch', kit.scratch])
const run = (job: string, ...args: string[]): Promise<Finished> => over('run', `${JOBS}#${job}`, ...SHAPE, ...args)

async function csv(job: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run(job, '--format', 'csv', ...args)
  expect(code, stderr).toBe(0)
  return stdout.trim().split('\n').slice(1)
}

/** Runs a job within the least memory, and says what it took at most, as the kernel counts it. */
async function inSmallMemory(job: string, ...args: string[]): Promise<Finished & { readonly peakBytes: number }> {
  const folder = kit.newFolder()
  const [hook, peak] = [join(folder, 'hook.mjs'), join(folder, 'peak')]
  writeFileSync(
    hook,
    `import { writeFileSync } from 'node:fs'
     process.on('exit', () => writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS * 1024)))`,
  )
  const memory = ['--memory', String(SMALL), '--store', kit.store.url, '--scratch', kit.scratch]
  const ended = await flowreduce(['run', `${JOBS}#${job}`, ...memory, ...args], {
    env: { NODE_OPTIONS: `--import ${hook}` },
  })
  expect(ended.code, ended.stderr).toBe(0)
  return { ...ended, peakBytes: Number(readFileSync(peak, 'utf8')) }
}

const perPort = (): Map<number, number[]> => {
  const bytes = new Map<number, number[]>()
  for (const flow of flows) bytes.set(flow.dstPort, [...(bytes.get(flow.dstPort) ?? []), flow.bytes])
  return bytes
}
const results = async (): Promise<string[]> =>
  (await flowreduceJson<{ rows: { dataset: string }[] }>(['fs', 'ls', 'results', '--store', kit.store.url])).rows.map(
    ({ dataset }) => dataset,
  )

describe('the trap of', () => {
  it('in-memory grouping: a million groups take no more than the memory of a run', async () => {
    const { peakBytes, stdout } = await inSmallMemory('many-groups', '--format', 'csv')
    expect(peakBytes).toBeLessThan(1.3 * SMALL)
    const sizes = flows.map(({ bytes }) => bytes)
    const several = new Set(sizes.filter((bytes, i) => sizes.indexOf(bytes) !== i)).size
    expect(several).toBeGreaterThan(10)
    expect(stdout.trim().split('\n').length).toBe(1 + GROUPS * several)
    const { outcome } = await shown('many-groups')
    expect(outcome.counters).toMatchObject({ emitted: FLOWS * GROUPS, resultRows: GROUPS * several })
  })

  it('a huge single key: its values stream in order, though they are larger than memory', async () => {
    const { peakBytes, stdout } = await inSmallMemory('one-key', '--format', 'csv')
    expect(stdout).toBe(`values,ordered\n${FLOWS * COPIES},1\n`)
    expect(peakBytes).toBeLessThan(1.3 * SMALL)
  })

  it('a values iterator not drained: the next group begins with its own values', async () => {
    const expected = [...perPort()].sort(([a], [b]) => a - b).map(([port, bytes]) => `${port},${Math.min(...bytes)}`)
    expect(await csv('first-only', '--partitions', '3')).toEqual(expected)
  })

  it('empty partitions: many more partitions than keys change nothing', async () => {
    const args = ['--where', 'dst port in [1, 2, 3]', '--partitions']
    const few = await csv('troubled-map', ...args, '1')
    const many = await csv('troubled-map', ...args, '16')
    expect(many).toEqual(few)
    expect(many.length).toBe(3)
  })

  it('zero splits: a period without flows gives an empty result that says so', async () => {
    const { code, stdout, stderr } = await run('troubled-map', '--from', '1990-01-01', '--to', '1990-01-02')
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('coverage: 0 flows')
    const { outcome } = await shown('troubled-map')
    expect(outcome.counters).toMatchObject({ pruned: FLOWS, mapped: 0, resultRows: 0 })
  })

  it('counters from failed attempts: only those of committed ones count', async () => {
    const { code, stderr } = await run('troubled-map', '--set', 'what=once', '--set', `folder=${kit.newFolder()}`)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/attempt 1 threw: .*once; tried again/)
    const { outcome } = await shown('troubled-map')
    expect(outcome.userCounters).toEqual({ seen: FLOWS })
    expect(outcome.counters).toMatchObject({ mapped: FLOWS, emitted: FLOWS, quarantined: 0 })
  })

  it('zombie attempts that write late: a twin of every attempt commits nothing', async () => {
    const undisturbed = await csv('troubled-map')
    expect(await csv('troubled-map', '--chaos', 'duplicate-attempt=1', '--seed', '3')).toEqual(undisturbed)
    const { outcome } = await shown('troubled-map')
    expect(outcome.chaos?.injected['duplicate-attempt']).toBeGreaterThan(5)
    expect(outcome.userCounters).toEqual({ seen: FLOWS })
  })

  it('unread errors: a promise that nobody awaits fails its attempt', async () => {
    const { code, stdout, stderr } = await run('troubled-map', '--set', 'what=unread', '--attempts', '1')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('nobody awaits this')
  })

  it('a job module that throws on import: one line with file and line, and nothing is touched', async () => {
    const file = join(kit.newFolder(), 'throws.ts')
    const before = readdirSync(join(kit.folder, 'store', 'runs')).length
    writeFileSync(
      file,
      `import { defineJob } from 'flowreduce'

const limit: string | undefined = undefined
function check(text: string | undefined): number {
  if (text === undefined) throw new Error('LIMIT is not set')
  return Number(text)
}
export default defineJob({ name: 'x', description: 'd', groupBy: { p: 'proto' }, where: \`bytes > \${check(limit)}\`, aggregate: {} })
`,
    )
    const { code, stdout, stderr } = await over('run', file)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^flowreduce: [^\n]*throws\.ts:5:\d+[^\n]*LIMIT is not set\n$/)
    expect(readdirSync(join(kit.folder, 'store', 'runs')).length).toBe(before)
  })

  it('a map that never returns: the attempt is really stopped at its limit, and the process ends', async () => {
    const limits = ['--task-timeout', '3s', '--attempts', '1']
    const { code, stdout, stderr } = await run('troubled-map', '--set', 'what=never', ...limits)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/troubled-map-map-\d+, attempt 1 timed-out: /)
  })

  it.each(['text', 'missing', 'extra', 'fraction', 'nothing'])(
    "a reduce that emits the wrong shape: the run fails at the user's line and commits nothing (%s)",
    async (row) => {
      const { code, stdout, stderr } = await run('wrong-shape', '--set', `row=${row}`, '--attempts', '1')
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/traps\.ts:\d+:\d+/)
      expect(await results()).not.toContain('results/wrong-shape')
    },
  )

  it.each([
    ['functions', 'full of functions'],
    ['cycle', 'a cycle of causes'],
    ['getters', 'map threw: an error that cannot be read'],
    ['symbol', 'Symbol(a symbol)'],
    ['proxy', 'map threw: undefined'],
  ])('unserialisable error objects: the run fails with what can be said of them (%s)', async (what, message) => {
    const { code, stdout, stderr } = await run('troubled-map', '--set', `what=throw ${what}`, '--attempts', '1')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(message)
  })

  it('unread errors of input: a block that ends too soon fails the run, or is counted as corrupt', async () => {
    const damaged = await createRunKit(flows)
    try {
      const folder = join(damaged.folder, 'store', 'data')
      const [name = ''] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith('.avro'),
      )
      truncateSync(join(folder, name), readFileSync(join(folder, name)).length - 100)
      const args = ['run', `${JOBS}#troubled-map`, ...SHAPE, '--store', damaged.store.url, '--scratch', damaged.scratch]
      const failed = await flowreduce([...args, '--attempts', '1'])
      expect({ code: failed.code, stdout: failed.stdout }).toEqual({ code: 1, stdout: '' })
      expect(failed.stderr).toContain(name)
      const { coverage, rows } = await flowreduceJson<{
        coverage: { corrupt: number; flows: number }
        rows: { flows: number }[]
      }>([...args, '--on-corrupt', 'skip'])
      expect(coverage.corrupt).toBeGreaterThan(0)
      expect(coverage.flows + coverage.corrupt).toBe(FLOWS)
      expect(rows.reduce((sum, row) => sum + row.flows, 0)).toBe(coverage.flows)
      expect(existsSync(join(damaged.folder, 'store', 'results'))).toBe(false)
    } finally {
      damaged.remove()
    }
  })
})

interface Shown {
  readonly outcome: {
    readonly counters: { readonly [name: string]: number }
    readonly userCounters: { readonly [name: string]: number }
    readonly chaos?: { readonly injected: { readonly [fault: string]: number } }
  }
}

/** What is known of the newest run of a job. */
async function shown(job: string): Promise<Shown> {
  const { rows } = await flowreduceJson<{ rows: { run: string; job: string; created: string }[] }>([
    'runs',
    'ls',
    '--store',
    kit.store.url,
  ])
  const newest = rows
    .filter((row) => row.job === job)
    .toSorted((a, b) => (a.created < b.created ? -1 : 1))
    .at(-1)
  return flowreduceJson<Shown>(['runs', 'show', newest?.run ?? '', '--store', kit.store.url])
}
