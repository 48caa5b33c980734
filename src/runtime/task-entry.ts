import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ObjectStore } from '../storage/store.ts'
import { RuntimeError } from './error.ts'
import { loadCompiledJob } from './job-loader.ts'
import { taskCount } from './plan/plan.ts'
import { placeJobFiles } from './run/job-files.ts'
import type { JournalEntry } from './run/journal.ts'
import { readJournal } from './run/journal.ts'
import { readRecord } from './run/record.ts'
import { shareResources } from './run/resources.ts'
import { describeTask, stageOf } from './run/task-descriptions.ts'
import type { AttemptReply } from './runner/messages.ts'
import type { TaskDescription } from './task/description.ts'
import { serializeError } from './task/error-json.ts'
import { runAttempt } from './task/run-task.ts'

/** One task in a process of its own: what `flowreduce task` runs, and every submitter that is not this program's coordinator. */

/** Carries out a described attempt to its commit and says what became of it; never throws. */
export async function runDescribed(task: TaskDescription, store: ObjectStore): Promise<AttemptReply> {
  try {
    mkdirSync(task.scratch, { recursive: true })
    const job = await loadCompiledJob(task.job)
    return { type: 'committed', entry: await runAttempt(task, { store, job }), threadId: 0 }
  } catch (error) {
    return { type: 'failed', error: serializeError(error), threadId: 0 }
  }
}

/**
 * Runs one task of a run again, by itself and without committing it: to see why it failed. What earlier tasks left must still be there. Gives what would have
 * been its journal entry; throws what the task throws.
 */
export async function rerunTask(store: ObjectStore, run: string, stage: string, task: number): Promise<JournalEntry> {
  const record = await readRecord(store, run)
  const { plan, schemas, onCorrupt, maxBadRecords } = record
  const planned = stageOf(plan, stage)
  if (!Number.isInteger(task) || task < 0 || task >= taskCount(planned))
    throw new RuntimeError(
      'not-found',
      `run ${run}: task of ${stage} expected 0 to ${taskCount(planned) - 1}, got ${task}`,
    )
  const scratch = join(tmpdir(), 'flowreduce', `${run}-rerun-${process.pid}`)
  mkdirSync(scratch, { recursive: true })
  const job = await placeJobFiles(store, run, record.job, scratch)
  const entries = await readJournal(store, run)
  const facts = {
    ...{ run, plan, schemas, job, storeUrl: store.url, scratch, onCorrupt, maxBadRecords, epoch: 0, keepsFiles: false },
    memoryBytes: shareResources(1).attemptBytes,
  }
  const description = describeTask(facts, planned, { task, attempt: 0, generation: 0 }, (id, number) => {
    const entry = entries.find((candidate) => candidate.stage === id && candidate.task === number)
    if (entry) return entry
    throw new RuntimeError(
      'not-found',
      `task ${stage}-${task}: input expected committed task ${id}-${number}, got none`,
    )
  })
  return runAttempt(description, { store, job: await loadCompiledJob(job), commit: false })
}
