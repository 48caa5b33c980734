import { allDone } from '../../storage/all-done.ts'
import { removeBelow } from '../../storage/remove-below.ts'
import { RuntimeError } from '../error.ts'
import type { Plan } from '../plan/plan.ts'
import { lossesOf } from './coverage.ts'
import type { Execution } from './execution.ts'
import { execute } from './execution.ts'
import { codeOf } from './failure.ts'
import { referToJob, storeJobFiles } from './job-files.ts'
import { runPrefix } from './layout.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { RunOptions } from './options.ts'
import type { RunOutcome } from './outcome.ts'
import type { PreparedRun } from './prepare.ts'
import { prepareRun } from './prepare.ts'
import type { RunRecord } from './record.ts'
import { writeRecord } from './record.ts'
import { runId, runKey } from './run-id.ts'
import { claimScratch, scratchRoot, sweepScratch } from './scratch.ts'

/**
 * Runs a job to its commit. Everything that can be wrong with the job or the options is found before anything is written. Fails with the first cause when a task cannot
 * be carried out, and with code `interrupted` when `signal` was aborted; then the run can be resumed.
 */
export async function runJob(options: RunOptions): Promise<RunOutcome> {
  const { store, manifest, system, onEvent } = options
  const prepared = await prepareRun(options)
  const record = recordOf(prepared, options)
  const { run, plan } = record
  if (options.runner !== 'inline' && store.url.startsWith('memory:'))
    throw new RuntimeError(
      'bad-option',
      `run: runner expected inline for a store in memory, got ${options.runner ?? 'local'}`,
    )
  const beginning = begin(record, options)
  // Read while the disk is busy; who needs them is told what went wrong.
  const losses = lossesOf(prepared.snapshot, plan)
  losses.catch(() => undefined)
  const lease = await beginning
  onEvent?.({ type: 'planned', run, plan })
  let execution: Execution
  try {
    const resumable = record.job.bundle !== ''
    const scratch = claimScratch({ scratch: options.scratch, name: run, run, store: store.url, resumable })
    const job = await referToJob(record.job, options.job, scratch)
    const { compiled } = prepared
    execution = {
      record,
      compiled,
      job,
      store,
      manifest,
      system,
      losses,
      lease,
      scratch,
      entries: [],
      generations: new Map(),
      tasks: new Map(),
    }
  } catch (error) {
    await lease.release()
    throw error
  }
  return execute(execution, options)
}

/**
 * Takes the lease of a run, stores what it can be resumed from, and sweeps up, side by side: each takes waits for the disk. Nothing runs before all is done. The plan is stored last: a run
 * that was killed in between can be resumed when its plan is there, and is none when it is not. What could not begin leaves nothing, unless somebody has resumed it already.
 */
async function begin(record: RunRecord, options: RunOptions): Promise<LeaseKeeper> {
  const { store, manifest, system, job } = options
  const { run, plan } = record
  const taking = LeaseKeeper.take({ store, manifest, system, run, version: plan.snapshot.version, isNew: true })
  const sweeping = sweepScratch(scratchRoot(options.scratch), { store, manifest, now: system.now() })
  const storing = storeJobFiles(store, run, job).then(() => writeRecord(store, record))
  try {
    await allDone([taking, storing, sweeping])
    return await taking
  } catch (error) {
    const lease = await taking.catch(() => undefined)
    if (lease) await lease.release()
    else if (codeOf(error) !== 'lease-held') await removeBelow(store, runPrefix(run)).catch(() => undefined)
    throw error
  }
}

function recordOf({ plan, schemas, reference }: PreparedRun, options: RunOptions): RunRecord {
  const { system, maxBadRecords, onCorrupt = 'fail', scratch } = options
  return {
    ...{ formatVersion: 1, run: runId(plan.job, system), runKey: runKey(reference, plan), created: system.now() },
    ...{ job: reference, plan, schemas, onCorrupt, maxBadRecords: badRecordLimit(maxBadRecords, plan) },
    keepsFiles: scratch === 'store',
  }
}

function badRecordLimit(limit: RunOptions['maxBadRecords'], plan: Plan): number {
  if (typeof limit === 'object') return Math.floor((plan.estimate.records * limit.percent) / 100)
  return limit ?? 0
}
