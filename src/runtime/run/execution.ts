import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Manifest, StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import { RuntimeError } from '../error.ts'
import type { JobReference } from '../job-reference.ts'
import { taskCount } from '../plan/plan.ts'
import type { CompiledJob } from '../program.ts'
import { InlineRunner } from '../runner/inline-runner.ts'
import { LocalRunner } from '../runner/local-runner.ts'
import type { Runner } from '../runner/runner.ts'
import { DEFAULT_LIMITS } from './attempts.ts'
import { coordinate } from './coordinate.ts'
import type { RunEvent } from './events.ts'
import { codeOf } from './failure.ts'
import type { JournalEntry } from './journal.ts'
import { filesPrefix, resumeCommand } from './layout.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { ExecutionOptions } from './options.ts'
import type { RunOutcome } from './outcome.ts'
import type { RunRecord } from './record.ts'
import type { Resources } from './resources.ts'
import { shareResources } from './resources.ts'
import { RunState } from './run-state.ts'
import { RunTrace, writeEnvironment, writeTrace } from './trace.ts'

/** A run that this process is to carry to its end: a new one, or one that it resumes. */
export interface Execution {
  readonly record: RunRecord
  readonly compiled: CompiledJob
  /** The job as tasks on this machine find it. */
  readonly job: JobReference
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  readonly snapshot: StoreSnapshot
  readonly lease: LeaseKeeper
  /** Folder of this run on this machine. */
  readonly scratch: string
  /** What has been committed before, and the generation in which a task whose run file is lost has to run. */
  readonly entries: readonly JournalEntry[]
  readonly generations: ReadonlyMap<string, number>
}

/** Folder of a run on this machine. */
export const scratchFolder = ({ scratch }: ExecutionOptions, run: string): string =>
  join(scratch === undefined || scratch === 'store' ? join(tmpdir(), 'flowreduce') : scratch, run)

/** Executes a run with a runner of its own. Run files go once the run is committed; after a failure they stay for `resume` and `task`, until they are old or `runs rm` removes them. */
export async function execute(execution: Execution, options: ExecutionOptions): Promise<RunOutcome> {
  const { record, store, scratch, lease, manifest, snapshot } = execution
  const trace = new RunTrace()
  const emit = (event: RunEvent): void => {
    trace.add(event)
    options.onEvent?.(event)
  }
  mkdirSync(scratch, { recursive: true })
  const resources = shareResources(options.workers, options.memoryBytes)
  const runner = createRunner(execution, options, resources)
  const state = stateOf(execution, options, { resources, runner, emit })
  try {
    await writeEnvironment(store, record, resources)
    const outcome = await coordinate({ record, state, manifest, snapshot, emit })
    await writeTrace(store, record.run, trace)
    rmSync(scratch, { recursive: true, force: true })
    if (record.keepsFiles) await removeFiles(store, record.run)
    return outcome
  } catch (error) {
    throw state.signal.aborted ? interrupted(execution, error) : error
  } finally {
    await runner.close()
    await lease.release()
  }
}

function stateOf(
  { record, job, store, system, lease, scratch, entries, generations }: Execution,
  options: ExecutionOptions,
  { resources, runner, emit }: { resources: Resources; runner: Runner; emit(event: RunEvent): void },
): RunState {
  const { run, plan, schemas, onCorrupt, maxBadRecords, keepsFiles } = record
  const state = new RunState({
    facts: {
      ...{ run, plan, schemas, job, storeUrl: store.url, scratch, epoch: lease.epoch, keepsFiles },
      ...{ memoryBytes: resources.attemptBytes, onCorrupt, maxBadRecords },
    },
    ...{ store, runner, system, limits: { ...DEFAULT_LIMITS, ...options.limits }, emit, generations },
    speculate: options.speculate ?? true,
    signal: options.signal ? AbortSignal.any([options.signal, lease.signal]) : lease.signal,
  })
  for (const entry of entries) state.commit(entry)
  return state
}

function createRunner(
  { record, compiled, job, store }: Execution,
  options: ExecutionOptions,
  resources: Resources,
): Runner {
  const wanted = options.runner ?? 'local'
  const maps = record.plan.stages.reduce((sum, stage) => sum + (stage.type === 'map' ? taskCount(stage) : 0), 0)
  const alone = maps <= 1 && compiled.stages.every(({ program }) => program.declarative)
  if (wanted === 'inline' || alone) return new InlineRunner({ store, job: compiled })
  if (job.bundle === '') {
    const message = `job ${job.job}: runner expected inline for a definition in memory, got ${wanted}`
    throw new RuntimeError('bad-option', message)
  }
  return options.started ?? createLocalRunner(resources, options)
}

/** Makes a runner of worker threads for a share of resources. */
export function createLocalRunner(
  { workers, heapBytes }: Resources,
  { tasksPerPool }: Pick<ExecutionOptions, 'tasksPerPool'>,
): LocalRunner {
  return new LocalRunner({ workers, heapBytes, tasksPerPool: tasksPerPool ?? workers * 64 })
}

/** What a run that was stopped says: how to go on. */
function interrupted({ record, store }: Execution, error: unknown): unknown {
  if (codeOf(error) === 'lease-lost') return error
  const command = resumeCommand(store.url, record.run)
  return new RuntimeError(
    'interrupted',
    `run ${record.run}: interrupted; go on with: ${command}`,
    { run: record.run, command },
    error,
  )
}

async function removeFiles(store: ObjectStore, run: string): Promise<void> {
  const keys: string[] = []
  for await (const { key } of store.list(filesPrefix(run))) keys.push(key)
  for (const key of keys) await store.remove(key)
}
