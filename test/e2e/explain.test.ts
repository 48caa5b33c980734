import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../../src/runtime/plan/plan.ts'
import { testFlows } from '../kit/flow-store.ts'
import { addUnreadableBlocks } from '../kit/large-store.ts'
import type { RunKit } from '../kit/run-kit.ts'
import { createRunKit } from '../kit/run-kit.ts'
import { flowreduce, flowreduceJson } from './command.ts'

let small: RunKit
let large: RunKit
beforeAll(async () => {
  small = await createRunKit(testFlows(1000))
  large = await createRunKit(testFlows(100))
  await addUnreadableBlocks(large, 30)
})
afterAll(() => {
  small.remove()
  large.remove()
})

const over = (kit: RunKit, ...args: string[]): string[] => [...args, '--store', kit.store.url]
const partitionsOf = ({ stages }: Plan): number[] =>
  stages.flatMap((stage) => (stage.type === 'reduce' ? [stage.partitions] : []))

describe('flowreduce explain', () => {
  it('plans what run then does, and run --dry-run prints the same', async () => {
    const request = ['bytes-per-second', '--split-size', '9000', '--memory', '256MB', '--workers', '2']
    const plan = await flowreduceJson<Plan>(over(small, 'explain', ...request))
    expect(await flowreduceJson<Plan>(over(small, 'run', ...request, '--dry-run'))).toEqual(plan)
    const { run } = await flowreduceJson<{ run: string }>(over(small, 'run', ...request))
    const record = JSON.parse(readFileSync(join(small.folder, 'store', 'runs', run, 'plan.json'), 'utf8'))
    expect(record.plan).toEqual(plan)
  })

  it('reads nothing but the manifest, and says what would be read, shuffled and how long that takes', async () => {
    const { code, stdout } = await flowreduce(over(large, 'explain', 'bytes-per-second', '--workers', '2'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/^reads +30,000,100 records, 1\.20 GB of blocks$/m)
    expect(stdout).toMatch(/^shuffles +at most about \d+(\.\d+)? MB$/m)
    expect(stdout).toMatch(
      /^takes +about 10\.5 s on 2 workers, at 1,500,000 flows\/s for each\n +and at most about 20\.\d s more for what is shuffled$/m,
    )
    expect(stdout).toMatch(/^splits +\d+, at most [\d,]+ records each$/m)
  })

  it('cuts more partitions, and counts with fewer workers, where there is little memory', async () => {
    const explain = (...args: string[]) => over(large, 'explain', 'bytes-per-second', '--workers', '2', ...args)
    const [much = 0] = partitionsOf(await flowreduceJson<Plan>(explain('--memory', '4GB')))
    const [little = 0] = partitionsOf(await flowreduceJson<Plan>(explain('--memory', '256MB')))
    expect(much).toBeGreaterThan(1)
    expect(little).toBeGreaterThan(2 * much)
    expect(partitionsOf(await flowreduceJson<Plan>(explain('--memory', '256MB', '--partitions', '7')))).toEqual([7])
    const { stdout } = await flowreduce(explain('--memory', '256MB'))
    expect(stdout).toMatch(/^memory +\d+ MB for each of 1 worker$/m)
    expect(stdout).toContain('s on 1 worker,')
  })

  it('refuses a bound that cannot be kept', async () => {
    expect(await flowreduce(over(small, 'explain', 'totals', '--memory', '100MB'))).toMatchObject({
      code: 2,
      stderr: 'flowreduce: --memory: expected at least 160MB, got "100MB"\n',
    })
  })
})
