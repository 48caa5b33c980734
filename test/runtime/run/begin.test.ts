import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtinBundle } from '../../../src/runtime/bundle/builtin.ts'
import type { JobSource } from '../../../src/runtime/job-source.ts'
import { jobFromBundle } from '../../../src/runtime/job-source.ts'
import { planKey } from '../../../src/runtime/run/layout.ts'
import { LeaseKeeper } from '../../../src/runtime/run/lease-keeper.ts'
import { resumeRun } from '../../../src/runtime/run/resume.ts'
import { runJob } from '../../../src/runtime/run/run-job.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import type { FlowStore } from '../../kit/flow-store.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'
import { resultRows } from '../../kit/result-rows.ts'
import { wrapStore } from '../../storage/wrapped-store.ts'

let scratch = ''
let job: JobSource
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'begin-'))
  job = await jobFromBundle(await builtinBundle(), 'totals')
})
afterAll(() => rmSync(scratch, { recursive: true }))

/** Starts a run whose lease meets `onLease`, called once its plan is stored; gives its error and its id. */
async function start(stored: FlowStore, onLease: (run: string) => Promise<void> | void) {
  let run = ''
  let planned = (): void => {}
  const isPlanned = new Promise<void>((resolve) => {
    planned = resolve
  })
  const store = wrapStore(stored.store, {
    async before({ method, key }) {
      if (method !== 'write' || !key.startsWith('leases/')) return
      await isPlanned
      run = key.split('/')[1]!
      await onLease(run)
    },
    after({ method, key }) {
      if (method === 'write' && key.endsWith('/plan.json')) planned()
    },
  })
  const error: unknown = await runJob({ ...stored, store, job, scratch, runner: 'inline' }).catch((caught) => caught)
  return { error, run }
}

const stored = (): Promise<FlowStore> => {
  const system = seededSystem(1)
  return storeFlows({ store: openMemoryStore({ system }), system }, testFlows(200))
}

const keysOf = async ({ store }: FlowStore, prefix: string): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

describe('a run whose plan and lease are stored side by side', () => {
  it('leaves nothing when its lease cannot be had', async () => {
    const flows = await stored()
    const { error } = await start(flows, () => {
      throw new StorageError('unavailable', 'store: expected an answer, got none')
    })
    expect(error).toMatchObject({ code: 'unavailable' })
    expect([...(await keysOf(flows, 'runs/')), ...(await keysOf(flows, 'leases/'))]).toEqual([])
  })

  it('leaves its plan to who has resumed it before its lease was there', async () => {
    const flows = await stored()
    let other: LeaseKeeper | undefined
    const { error, run } = await start(flows, async (name) => {
      other = await LeaseKeeper.take({ ...flows, run: name, version: 1 })
    })
    expect(error).toMatchObject({ code: 'lease-held' })
    expect(await keysOf(flows, 'runs/')).toContain(planKey(run))
    await other?.release()
  })

  it('can be resumed when it was killed between the two', async () => {
    const flows = await stored()
    let copy: FlowStore | undefined
    await start(flows, async () => {
      const store = openMemoryStore({ system: flows.system })
      for await (const { key } of flows.store.list('')) await store.write(key, await flows.store.read(key))
      copy = { ...flows, store }
      throw new StorageError('unavailable', 'killed')
    })
    const [key = ''] = (await keysOf(copy!, 'runs/')).filter((name) => name.endsWith('plan.json'))

    const manifest = await openManifest(copy!.store, { system: flows.system })
    const outcome = await resumeRun({ ...copy!, manifest, run: key.split('/')[1]!, scratch, runner: 'inline' })
    expect(await resultRows(outcome)).toHaveLength(1)
  })
})
