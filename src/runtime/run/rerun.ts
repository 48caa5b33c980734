import { rmSync } from 'node:fs'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import { loadCompiledJob } from '../job-loader.ts'
import type { PlannedStage } from '../plan/plan.ts'
import { runAttempt } from '../task/run-task.ts'
import { placeJobFiles } from './job-files.ts'
import type { JournalEntry } from './journal.ts'
import { readJournal } from './journal.ts'
import { readRecord } from './record.ts'
import { shareResources } from './resources.ts'
import { claimPassing } from './scratch.ts'
import { describeTask, stageOf } from './task-descriptions.ts'
import { tasksOf } from './tasks-of.ts'

/** Which task of which run; `stage` is a stage of its plan. */
export interface RerunOptions {
  readonly store: ObjectStore
  readonly run: string
  readonly stage: string
  readonly task: number
}

/**
 * Runs one task of a run again in this thread, to look into a failure: with all memory, committing nothing and leaving nothing behind. Rejects with what the attempt
 * throws. Tasks before it must have left their run files.
 */
export async function rerunTask({ store, run, stage, task }: RerunOptions): Promise<JournalEntry> {
  const record = await readRecord(store, run)
  const planned = stageOf(record.plan, stage)
  const entries = await readJournal(store, run)
  const known = (other: PlannedStage): number => tasksOf(other, record.plan, entries)
  const tasks = known(planned)
  if (!Number.isSafeInteger(task) || task < 0 || task >= tasks)
    throw new RuntimeError('bad-option', `run ${run}: task of ${stage} expected 0 to ${tasks - 1}, got ${task}`)
  const scratch = claimPassing(store, run, 'rerun')
  try {
    const job = await placeJobFiles(store, run, record.job, scratch)
    const { plan, schemas, onCorrupt, maxBadRecords, keepsFiles } = record
    const facts = {
      ...{ run, plan, schemas, job, storeUrl: store.url, scratch, onCorrupt, maxBadRecords, keepsFiles },
      ...{ epoch: 0, memoryBytes: shareResources(1).attemptBytes },
    }
    const entryOf = (id: string, number: number): JournalEntry => {
      const entry = entries.find((candidate) => candidate.stage === id && candidate.task === number)
      if (entry) return entry
      const message = `run ${run}: task ${id}-${number} expected to be committed, got no journal entry`
      throw new RuntimeError('not-found', message)
    }
    const attempt = { task, attempt: 1, generation: 0 }
    const description = describeTask(facts, planned, attempt, { entryOf, tasksOf: known })
    return await runAttempt(description, { store, job: await loadCompiledJob(job), commit: false })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
