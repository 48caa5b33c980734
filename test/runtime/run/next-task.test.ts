import { describe, expect, it } from 'vitest'
import { count, defineJob, sum } from '../../../src/index.ts'
import { jobFromDefinition } from '../../../src/runtime/job-source.ts'
import type { Plan } from '../../../src/runtime/plan/plan.ts'
import { runJob } from '../../../src/runtime/run/run-job.ts'
import { firstRead } from '../../../src/storage/block/first-read.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ByteRange, ObjectStore } from '../../../src/storage/store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'
import { resultRows } from '../../kit/result-rows.ts'

const ports = defineJob({
  name: 'ports',
  description: 'Octets and flows per port',
  groupBy: { port: 'dstPort' },
  aggregate: { bytes: sum('bytes'), flows: count() },
})

const nameOf = (key: string, range: ByteRange | undefined): string => `${key} ${range?.offset} ${range?.length}`

/** The store, as one whose answers are late, and what is asked of it: reads of blocks, and commits of attempts. */
function lateStore(store: ObjectStore): { late: ObjectStore; log: string[] } {
  const log: string[] = []
  const late: ObjectStore = {
    url: store.url,
    readsAhead: 3,
    read(key, range) {
      if (key.startsWith('data/flows/')) log.push(nameOf(key, range))
      return store.read(key, range)
    },
    async write(key, body, options) {
      await store.write(key, body, options)
      if (key.includes('/journal/')) log.push('commit')
    },
    list: (prefix, startAfter) => store.list(prefix, startAfter),
    stat: (key) => store.stat(key),
    remove: (key) => store.remove(key),
  }
  return { late, log }
}

describe('what the next task reads first', () => {
  it('is asked for before the one at hand is committed, once, where the store answers late', async () => {
    const system = seededSystem(1)
    const { store, manifest } = await storeFlows({ store: openMemoryStore({ system }), system }, testFlows(2000))
    const options = { manifest, system, runner: 'inline' as const, splitBytes: 4000, job: jobFromDefinition(ports) }
    const expected = await resultRows(await runJob({ ...options, store }))
    const { late, log } = lateStore(store)
    let plan: Plan | undefined
    const outcome = await runJob({
      ...{ ...options, store: late },
      onEvent(event) {
        if (event.type === 'planned') plan = event.plan
      },
    })
    expect(await resultRows(outcome)).toEqual(expected)
    const [map] = plan!.stages
    const [input] = map?.type === 'map' ? map.inputs : []
    if (input?.type !== 'dataset') throw new Error('a stage that reads a dataset was expected first')
    const firsts = input.splits.map(({ pieces: [piece] }) => {
      const block = input.blocks[piece!.block]!
      return nameOf(block.key, firstRead(block, piece!))
    })
    expect(firsts.length).toBeGreaterThan(3)
    const commits = log.flatMap((line, at) => (line === 'commit' ? [at] : []))
    for (const [task, first] of firsts.entries()) {
      expect(log.filter((line) => line === first)).toHaveLength(1)
      if (task > 0) expect(log.indexOf(first)).toBeLessThan(commits[task - 1]!)
    }
  })
})
