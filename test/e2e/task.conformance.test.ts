import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleJob } from '../../src/runtime/bundle/bundle.ts'
import { jobFromBundle } from '../../src/runtime/job-source.ts'
import { testFlows } from '../kit/flow-store.ts'
import { ProcessRunner } from '../kit/process-runner.ts'
import type { RunKit } from '../kit/run-kit.ts'
import { bytesOf, createRunKit, failures } from '../kit/run-kit.ts'

let kit: RunKit
beforeAll(async () => {
  kit = await createRunKit(testFlows(300))
})
afterAll(() => kit.remove())

const shape = { splitBytes: 6000, partitions: 2 }
const newRunner = (): ProcessRunner => new ProcessRunner(join(kit.newFolder(), 'specs'), 2)

describe('a whole job through flowreduce task --spec, a process for each task', () => {
  it.each([
    ['stages.ts', 'per-pair', 'declarative'],
    ['trouble.ts', 'troubled-sums', 'map and aggregates'],
    ['trouble.ts', 'troubled-scans', 'map and reduce'],
    ['stages.ts', 'sources-per-port', 'two stages'],
  ])('gives the bytes and the counters of worker threads and of this thread: %s, %s (%s)', async (file, name) => {
    const job = await kit.job(file, name)
    const runner = newRunner()
    const apart = await kit.run(job, { ...shape, runner: () => runner })
    expect(failures(apart.events)).toEqual([])
    expect(runner.submitted.filter((type) => type === 'map').length).toBeGreaterThan(1)
    expect(runner.submitted.filter((type) => type === 'reduce').length).toBeGreaterThan(1)
    expect(runner.submitted.at(-1)).toBe('result')
    for (const other of ['local', 'inline'] as const) {
      const together = await kit.run(job, { ...shape, runner: other })
      expect(bytesOf(apart)).toEqual(bytesOf(together))
      expect(apart.counters).toEqual(together.counters)
      expect(apart.userCounters).toEqual(together.userCounters)
    }
    expect(readdirSync(kit.scratch)).toEqual([])
  })

  it('says with its code and details why an attempt failed, so that the submitter can act on it', async () => {
    const job = await kit.job('trouble.ts', 'troubled-scans')
    const runner = newRunner()
    let damaged = false
    const outcome = await kit.run(job, {
      ...shape,
      runner: () => ({
        slots: 2,
        close: async () => {},
        async run(task, signals) {
          const entry = await runner.run(task, signals)
          if (!damaged && task.type === 'map' && entry.file) {
            damaged = true
            const bytes = readFileSync(entry.file.path)
            bytes[bytes.length - 5]! ^= 1
            writeFileSync(entry.file.path, bytes)
          }
          return entry
        },
      }),
    })
    expect(failures(outcome.events)).toContain('lost-input')
    expect(outcome.events.filter(({ type }) => type === 'task-redone').length).toBe(1)
    expect(bytesOf(outcome)).toEqual(bytesOf(await kit.run(job, { ...shape, runner: 'inline' })))
  })

  it('holds nothing but plain data: a description and an entry survive JSON', async () => {
    const runner = newRunner()
    const path = join(kit.folder, 'conformance.yaml')
    writeFileSync(
      path,
      'name: ports\ndescription: Flows per port\ngroupBy: { port: dstPort }\naggregate: { flows: count() }\n',
    )
    const job = await jobFromBundle(await bundleJob(path, { cache: join(kit.folder, 'cache') }), 'ports')
    const outcome = await kit.run(job, {
      ...shape,
      runner: () => ({
        slots: 1,
        close: async () => {},
        async run(task, signals) {
          expect(JSON.parse(JSON.stringify(task))).toEqual(task)
          return runner.run(task, signals)
        },
      }),
    })
    expect(outcome.counters.mapped).toBe(300)
  })
})
