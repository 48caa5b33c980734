import type { FirstReads } from '../../storage/block/first-read.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { LiveCounters } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { CompiledJob, Program } from '../program.ts'
import type { JournalEntry } from '../run/journal.ts'
import { commitAttempt, entryOf } from '../run/journal.ts'
import { attemptName } from '../run/layout.ts'
import { AttemptFiles } from './attempt-files.ts'
import type { BlockPiece, TaskDescription, TaskResult } from './description.ts'
import type { TaskEnvironment } from './map-task.ts'
import { runMapTask } from './map-task.ts'
import { runReduceTask } from './reduce-task.ts'
import { runResultTask } from './result-task.ts'
import { fetchSources, storeRunFile } from './stored-files.ts'

/** What every runner gives an attempt beside its description. */
export interface AttemptOptions {
  readonly store: ObjectStore
  readonly job: CompiledJob
  /** Without it nothing is committed and the run file stays. */
  readonly commit?: boolean
  /** What has been asked of the store before, by an earlier attempt of this thread. */
  readonly reads?: FirstReads
  /** What another task will read after this one, probably. */
  readonly next?: BlockPiece | undefined
  onProgress?(counters: LiveCounters): void
}

/**
 * Carries out one attempt and commits it: the one piece of code that workers, the inline runner and `flowreduce task` run. An attempt that fails or is fenced
 * leaves no file behind.
 */
export async function runAttempt(task: TaskDescription, options: AttemptOptions): Promise<JournalEntry> {
  const { store, job, onProgress, next, commit = true } = options
  const reads = options.reads?.over(store)
  const name = attemptName(task.stage, task.task, task.epoch, task.attempt)
  const files = new AttemptFiles(task.scratch, name)
  const program = programOf(job, task.program)
  try {
    const local = await fetchSources(task, store, name)
    const result = await carryOut(local, {
      program,
      store,
      files,
      next,
      ...(reads && { reads }),
      ...(onProgress ? { onProgress } : {}),
    })
    files.clean({ failed: false })
    if (!commit) return entryOf(task, result)
    return await commitAttempt(store, task, await storeRunFile(task, result, store, name))
  } catch (error) {
    files.clean({ failed: true })
    throw error
  }
}

function carryOut(task: TaskDescription, environment: TaskEnvironment): Promise<TaskResult> {
  switch (task.type) {
    case 'map':
      return runMapTask(task, environment)
    case 'reduce':
      return runReduceTask(task, environment)
    case 'result':
      return runResultTask(task, environment)
  }
}

function programOf(job: CompiledJob, stage: string): Program {
  const found = job.stages.find(({ id }) => id === stage)
  if (found) return found.program
  const stages = job.stages.map(({ id }) => id).join(', ')
  throw new RuntimeError('bad-plan', `job ${job.name}: stage expected one of ${stages}, got ${stage}`)
}
