import { describe, expect, it } from 'vitest'
import { address, count, defineJob, distinct, sum, u16, u64 } from '../../../src/index.ts'
import { jobFromDefinition } from '../../../src/runtime/job-source.ts'
import { runJob } from '../../../src/runtime/run/run-job.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import type { JobDefinition } from '../../../src/vocabulary/job.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'
import { resultRows } from '../../kit/result-rows.ts'

/** Jobs of each way through the reduce side: tables added up by kernels, sorted records, a reduce of its own; the flows have IPv6 addresses among them. */
const JOBS: { readonly [way: string]: object } = {
  tables: {
    groupBy: { src: 'srcAddr', port: 'dstPort' },
    aggregate: { bytes: sum('bytes'), flows: count() },
    sort: { bytes: 'desc' },
  },
  'tables in order of key': { groupBy: { port: 'srcPort' }, aggregate: { bytes: sum('bytes') } },
  records: {
    groupBy: { port: 'dstPort' },
    aggregate: { sources: distinct('srcAddr'), bytes: sum('bytes') },
    sort: { sources: 'desc', bytes: 'asc' },
  },
  'a reduce of its own': {
    reads: ['srcAddr', 'dstPort', 'bytes'],
    key: { src: address() },
    value: { port: u16(), bytes: u64() },
    output: { port: u16(), bytes: u64() },
    map: (flow: { srcAddr: number; dstPort: number; bytes: number }, emit: (key: object, value: object) => void) =>
      emit({ src: flow.srcAddr }, { port: flow.dstPort, bytes: BigInt(flow.bytes) }),
    reduce: (_: object, values: Iterable<object>, out: (row: object) => void) => {
      for (const value of values) out(value)
    },
    sort: { bytes: 'desc' },
  },
}

const define = (spec: object): JobDefinition =>
  (defineJob as (spec: object) => JobDefinition)({ name: 'limited', description: 'x', ...spec })

describe('a limit', () => {
  for (const [way, spec] of Object.entries(JOBS))
    it(`gives the first rows of the whole result, by ${way}`, async () => {
      const system = seededSystem(1)
      const flows = testFlows(600)
      const { store, manifest } = await storeFlows({ store: openMemoryStore({ system }), system }, flows)
      const options = {
        ...{ store, manifest, system, runner: 'inline' as const },
        splitBytes: 20_000,
        rowsPerBlock: 30,
      }
      const all = await resultRows(await runJob({ ...options, job: jobFromDefinition(define(spec)) }))
      for (const [limit, partitions] of [
        [1, 3],
        [100, 3],
        [100, 1],
        [1e6, 2],
      ]) {
        const job = jobFromDefinition(define({ ...spec, limit }))
        const outcome = await runJob({ ...options, job, partitions })
        expect(await resultRows(outcome)).toEqual(all.slice(0, limit))
        expect(outcome.counters.mapped).toBe(600)
      }
    })
})
