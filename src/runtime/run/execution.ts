import { rmSync } from 'node:fs'
import { allDone } from '../../storage/all-done.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import { removeBelow } from '../../storage/remove-below.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import { Admission } from '../admission/admission.ts'
import type { Resource } from '../admission/claim.ts'
import { ChaosRunner } from '../chaos/chaos-runner.ts'
import type { Fault } from '../chaos/faults.ts'
import { RuntimeError } from '../error.ts'
import type { JobReference } from '../job-reference.ts'
import { taskCount } from '../plan/plan.ts'
import type { CompiledJob } from '../program.ts'
import { InlineRunner } from '../runner/inline-runner.ts'
import { JointRunner } from '../runner/joint-runner.ts'
import { LocalRunner, type Preload } from '../runner/local-runner.ts'
import type { Runner } from '../runner/runner.ts'
import { DEFAULT_LIMITS } from './attempts.ts'
import { coordinate } from './coordinate.ts'
import type { Losses } from './coverage.ts'
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
  readonly losses: Promise<Losses>
  readonly lease: LeaseKeeper
  /** Folder of this run on this machine. */
  readonly scratch: string
  /** What has been committed before, and the generation in which a task whose run file is lost has to run. */
  readonly entries: readonly JournalEntry[]
  readonly generations: ReadonlyMap<string, number>
  /** How many tasks the stages have that had begun before. */
  readonly tasks: ReadonlyMap<string, number>
}

/** Executes a run with a runner of its own. Run files go once the run is committed; after a failure they stay for `resume` and `task`, until they are old or `runs rm` removes them. */
export async function execute(execution: Execution, options: ExecutionOptions): Promise<RunOutcome> {
  const { record, store, lease, manifest, losses, system } = execution
  const { run, keepsFiles } = record
  const trace = new RunTrace()
  const injected: { [F in Fault]?: number } = {}
  const emit = (event: RunEvent): void => {
    trace.add(event)
    if (event.type === 'fault-injected') injected[event.fault] = (injected[event.fault] ?? 0) + 1
    options.onEvent?.(event)
  }
  const resources = shareResources(options.workers, options.memoryBytes)
  const runner = createRunner(execution, options, { resources, emit })
  const onWaiting = (waiting: { resource: Resource; amount: number }): void => emit({ type: 'waiting', ...waiting })
  const admission = options.admission && new Admission(options.admission, { run, store: store.url, system, onWaiting })
  const state = stateOf(execution, options, { resources, runner, emit, admission })
  let releaseMemory: (() => void) | undefined
  const described = writeEnvironment(store, record, resources)
  described.catch(() => undefined)
  // Attempts that came second may still be writing.
  const cleanUp = async (): Promise<void> => {
    await runner.close()
    rmSync(execution.scratch, { recursive: true, force: true })
    if (keepsFiles) await removeBelow(store, filesPrefix(run))
  }
  try {
    releaseMemory = await admission?.memory(resources.memoryBytes, state.signal)
    const chaos = options.chaos && { seed: options.chaos.seed, injected }
    const committed = await coordinate({ record, state, manifest, losses, emit, ...(chaos ? { chaos } : {}) })
    const outcome = committed.writeOutcome()
    await allDone([outcome, described, writeTrace(store, run, trace), cleanUp(), lease.release()])
    return await outcome
  } catch (error) {
    throw state.signal.aborted ? interrupted(execution, error) : error
  } finally {
    await Promise.allSettled([described, runner.close()])
    releaseMemory?.()
    await lease.release()
  }
}

function stateOf(
  { record, job, store, system, lease, scratch, entries, generations, tasks }: Execution,
  options: ExecutionOptions,
  {
    resources,
    runner,
    emit,
    admission,
  }: {
    resources: Resources
    runner: Runner
    emit(event: RunEvent): void
    admission: Admission | undefined
  },
): RunState {
  const { run, plan, schemas, onCorrupt, maxBadRecords, keepsFiles } = record
  const state = new RunState({
    facts: {
      ...{ run, plan, schemas, job, storeUrl: store.url, scratch, epoch: lease.epoch, keepsFiles },
      ...{ memoryBytes: resources.attemptBytes, onCorrupt, maxBadRecords },
    },
    ...{ store, runner, system, limits: { ...DEFAULT_LIMITS, ...options.limits }, emit, generations, tasks },
    slot: async (signal) => (admission ? admission.slot(signal) : () => {}),
    speculate: options.speculate ?? true,
    signal: options.signal ? AbortSignal.any([options.signal, lease.signal]) : lease.signal,
  })
  for (const entry of entries) state.commit(entry)
  return state
}

function createRunner(
  execution: Execution,
  options: ExecutionOptions,
  { resources, emit }: { resources: Resources; emit(event: RunEvent): void },
): Runner {
  const runner = plainRunner(execution, options, resources)
  const { chaos, limits } = options
  if (!chaos) return runner
  const { maxFailures } = { ...DEFAULT_LIMITS, ...limits }
  return new ChaosRunner(runner, {
    ...{ chaos, maxFailures },
    onFault: (fault, { stage, task, attempt }) => emit({ type: 'fault-injected', fault, stage, task, attempt }),
  })
}

function plainRunner(
  { record, compiled, job, store }: Execution,
  options: ExecutionOptions,
  resources: Resources,
): Runner {
  const wanted = options.runner ?? 'local'
  if (typeof wanted === 'function') return wanted(resources)
  const here = new InlineRunner({ store, job: compiled })
  if (wanted === 'inline') return here
  const declarative = compiled.stages.every(({ program }) => program.declarative)
  const mostTasks = Math.max(...record.plan.stages.map(taskCount))
  const slots = Math.min(resources.workers, mostTasks)
  if (declarative && slots === 1) return here
  if (job.bundle === '') {
    const message = `job ${job.job}: runner expected inline for a definition in memory, got ${wanted}`
    throw new RuntimeError('bad-option', message)
  }
  const preload = { bundle: job.bundle, store: store.url }
  const { started = createLocalRunner(resources, { ...options, preload }) } = options
  return declarative ? new JointRunner({ here, workers: started, slots }) : started
}

/** Makes a runner of worker threads for a share of resources. */
export function createLocalRunner(
  { workers, heapBytes }: Resources,
  { tasksPerPool, preload }: Pick<ExecutionOptions, 'tasksPerPool'> & { readonly preload: Preload | undefined },
): LocalRunner {
  return new LocalRunner({ workers, heapBytes, tasksPerPool: tasksPerPool ?? workers * 64, preload })
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
