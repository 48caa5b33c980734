import { describe, expect, it } from 'vitest'
import { portBreakdown } from '../../../src/jobs/port-breakdown.ts'
import { jobFromDefinition } from '../../../src/runtime/job-source.ts'
import { runJob } from '../../../src/runtime/run/run-job.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'
import { resultRows } from '../../kit/result-rows.ts'

describe('a run', () => {
  it('gives what adding up by hand gives, in the order of the job', async () => {
    const system = seededSystem(1)
    const flows = testFlows(1000)
    const { store, manifest } = await storeFlows({ store: openMemoryStore({ system }), system }, flows)
    const outcome = await runJob({
      ...{ store, manifest, system, job: jobFromDefinition(portBreakdown), runner: 'inline' },
      ...{ splitBytes: 2000, partitions: 3, rowsPerBlock: 30 },
    })
    const expected = new Map<number, [bigint, bigint, number]>()
    for (const { dstPort, bytes, packets } of flows) {
      const [b, p, n] = expected.get(dstPort) ?? [0n, 0n, 0]
      expected.set(dstPort, [b + BigInt(bytes), p + BigInt(packets), n + 1])
    }
    const sorted = [...expected].sort(([a, [x]], [b, [y]]) => (x < y ? 1 : x > y ? -1 : a - b))
    expect(await resultRows(outcome)).toEqual(sorted.map(([port, totals]) => [port, ...totals]))
    expect(outcome.plan.estimate.mapTasks).toBeGreaterThan(5)
    expect(outcome.blocks.length).toBe(4)
    expect(outcome.coverage).toMatchObject({ flows: 1000, corrupt: 0 })
  })

  it('over a store into which nothing has come yet gives no rows', async () => {
    const system = seededSystem(1)
    const store = openMemoryStore({ system })
    const manifest = await openManifest(store, { system, create: true })
    const job = jobFromDefinition(portBreakdown)
    const outcome = await runJob({ store, manifest, system, job, runner: 'inline' })
    expect(await resultRows(outcome)).toEqual([])
    expect(outcome.coverage).toMatchObject({ flows: 0, lost: { flows: 0 } })
  })
})
