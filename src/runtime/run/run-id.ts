import { createHash } from 'node:crypto'
import type { System } from '../../storage/system.ts'
import type { JobReference } from '../job-reference.ts'
import type { Plan } from '../plan/plan.ts'

/** A new run id: `20261121T001503Z-port-breakdown-3f9a01c2`, the end random. */
export function runId(job: string, system: System): string {
  const time = new Date(system.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const random = Math.floor(system.random() * 0x1_0000_0000)
  return `${time}-${job}-${random.toString(16).padStart(8, '0')}`
}

/** Identifies equal work: the same code, parameters, snapshot, period and meaning. It only names; a run always executes. */
export function runKey({ hash, job, params, where }: JobReference, plan: Plan): string {
  const { semantics, snapshot, from, to } = plan
  const what = {
    hash,
    job,
    params: sorted(params),
    where,
    semantics,
    snapshot: snapshot.version,
    store: snapshot.storeId,
    from,
    to,
  }
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16)
}

const sorted = (params: JobReference['params']): unknown =>
  Object.fromEntries(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)))
