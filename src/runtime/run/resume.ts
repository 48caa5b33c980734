import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import { loadCompiledJob } from '../job-loader.ts'
import type { Plan } from '../plan/plan.ts'
import { RunReader } from '../shuffle/run-reader.ts'
import { findCommit, writeOutcome } from './coordinate.ts'
import { lossesOf } from './coverage.ts'
import type { Execution } from './execution.ts'
import { execute } from './execution.ts'
import { placeJobFiles } from './job-files.ts'
import type { JournalEntry } from './journal.ts'
import { readJournal } from './journal.ts'
import { outcomeKey } from './layout.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { ExecutionOptions, RunOptions } from './options.ts'
import type { RunOutcome, StoredOutcome } from './outcome.ts'
import { openOutcome } from './outcome.ts'
import type { RunRecord } from './record.ts'
import { readJson, readRecord } from './record.ts'
import { claimScratch, scratchRoot } from './scratch.ts'
import { tasksOf } from './tasks-of.ts'

/** Which run is resumed, and how. */
export type ResumeOptions = ExecutionOptions &
  Pick<RunOptions, 'store' | 'manifest' | 'system'> & { readonly run: string }

/**
 * Goes on with a run that was interrupted, on this or another machine: redoes only what the journal lacks, and what it needs of run files that are gone or damaged. A run
 * that is committed gives its result. Throws `not-found` for a run that there is not, `lease-held` when another coordinator works on it.
 */
export async function resumeRun(options: ResumeOptions): Promise<RunOutcome> {
  const { store, manifest, system, run } = options
  const record = await readRecord(store, run)
  const committed = await committedOutcome(options, record)
  if (committed) {
    // Its coordinator may have failed between the commit and the sweeping up.
    rmSync(join(scratchRoot(options.scratch), run), { recursive: true, force: true })
    return committed
  }
  const lease = await LeaseKeeper.take({ store, manifest, system, run, version: record.plan.snapshot.version })
  try {
    const raced = await committedOutcome(options, record)
    if (raced) {
      await lease.release()
      return raced
    }
    if (record.job.bundle === '')
      throw new RuntimeError('bad-option', `run ${run}: expected a job from a file to resume, got one from memory`)
    const scratch = claimScratch({ scratch: options.scratch, name: run, run, store: store.url, resumable: true })
    const job = await placeJobFiles(store, run, record.job, scratch)
    const compiled = await loadCompiledJob(job)
    const snapshot = await manifest.snapshot({ version: record.plan.snapshot.version })
    const before = usable(record.plan, await readJournal(store, run))
    options.onEvent?.({ type: 'planned', run, plan: record.plan })
    const losses = lossesOf(snapshot, record.plan)
    losses.catch(() => undefined)
    const work = { record, compiled, job, store, manifest, system, losses, lease, scratch, ...before }
    return await execute(work, options)
  } catch (error) {
    await lease.release()
    throw error
  }
}

/** The outcome of a run that is committed; written anew when its coordinator died before it could. */
async function committedOutcome(
  { store, manifest, run }: Pick<ResumeOptions, 'store' | 'manifest' | 'run'>,
  record: RunRecord,
): Promise<RunOutcome | undefined> {
  const newest = await manifest.snapshot()
  if ((await newest.transaction(run)) < 0) return undefined
  const stored = await storedOutcome(store, run)
  if (stored) return openOutcome(store, stored, record.plan)
  const snapshot = await manifest.snapshot({ version: record.plan.snapshot.version })
  const entries = await readJournal(store, run)
  const losses = lossesOf(snapshot, record.plan)
  return writeOutcome({ record, losses }, store, entries, await findCommit(manifest, run), 0)
}

/** What a committed run has stored of its outcome. */
export const storedOutcome = (store: ObjectStore, run: string): Promise<StoredOutcome | undefined> =>
  readJson<StoredOutcome>(store, outcomeKey(run))

/**
 * The entries that a resumed run builds on. A task whose run file is gone or damaged has to run again, in the next generation, if a stage that reads it
 * is not complete; what every reader is done with is not needed any more.
 */
function usable(plan: Plan, journal: readonly JournalEntry[]): Pick<Execution, 'entries' | 'generations' | 'tasks'> {
  const lost = new Set<JournalEntry>()
  const complete = (id: string): boolean => {
    const stage = plan.stages.find((candidate) => candidate.id === id)
    const kept = journal.filter((entry) => entry.stage === id && !lost.has(entry))
    return stage === undefined || kept.length === tasksOf(stage, plan, journal)
  }
  for (const stage of plan.stages.toReversed()) {
    if (stage.type === 'result' || stage.sinks.every(complete)) continue
    for (const entry of journal) if (entry.stage === stage.id && !isThere(entry)) lost.add(entry)
  }
  const entries = journal.filter((entry) => !lost.has(entry))
  const generations = [...lost].map(({ stage, task, generation }) => [`${stage}/${task}`, generation + 1] as const)
  const begun = plan.stages.filter(({ id }) => journal.some(({ stage }) => stage === id))
  const tasks = begun.map((stage) => [stage.id, tasksOf(stage, plan, journal)] as const)
  return { entries, generations: new Map(generations), tasks: new Map(tasks) }
}

function isThere({ file }: JournalEntry): boolean {
  if (!file) return true
  if (file.key !== undefined) return true
  if (!existsSync(file.path)) return false
  try {
    const reader = new RunReader(file.path)
    reader.close()
    return reader.checksum === file.checksum
  } catch {
    return false
  }
}
