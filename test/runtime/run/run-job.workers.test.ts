import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtinBundle } from '../../../src/runtime/bundle/builtin.ts'
import { jobFromBundle } from '../../../src/runtime/job-source.ts'
import { runJob } from '../../../src/runtime/run/run-job.ts'
import { openStore } from '../../../src/storage/open.ts'
import { realSystem } from '../../../src/storage/system.ts'
import type { FlowStore } from '../../kit/flow-store.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'

let folder = ''
let stored: FlowStore
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'run-job-'))
  const system = realSystem()
  stored = await storeFlows({ store: await openStore(`file:${folder}/store`), system }, testFlows(1500))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a run on workers', () => {
  it.each(['port-breakdown', 'subnet-bytes', 'bytes-per-second', 'totals'])(
    'gives the same bytes with 1, 2, 3 and 7 workers and inline: %s',
    async (name) => {
      const job = await jobFromBundle(await builtinBundle(), name)
      const scratch = join(folder, 'scratch')
      const base = { ...stored, job, scratch, rowsPerBlock: 500 }
      const inline = await runJob({ ...base, runner: 'inline', splitBytes: 1e9, partitions: 1 })
      expect(inline.blocks.length).toBeGreaterThan(0)
      for (const workers of [1, 2, 3, 7]) {
        const outcome = await runJob({ ...base, workers, splitBytes: 4000, partitions: workers })
        expect(outcome.plan.estimate.mapTasks).toBeGreaterThan(7)
        const same = outcome.blocks.map(({ crc32, records, sizeBytes }) => ({ crc32, records, sizeBytes }))
        expect(same).toEqual(inline.blocks.map(({ crc32, records, sizeBytes }) => ({ crc32, records, sizeBytes })))
        expect(outcome.coverage).toEqual(inline.coverage)
      }
    },
  )
})
