import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Counters, UserCounters } from '../counters.ts'
import { addCounters, addUserCounters, NO_COUNTERS } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { JobReference } from '../job-reference.ts'
import type { Plan } from '../plan/plan.ts'
import { taskCount } from '../plan/plan.ts'
import { InlineRunner } from '../runner/inline-runner.ts'
import { LocalRunner } from '../runner/local-runner.ts'
import type { Runner } from '../runner/runner.ts'
import { DEFAULT_LIMITS } from './attempts.ts'
import { checkConserved, coverageOf, datasetInputs } from './coverage.ts'
import type { JournalEntry } from './journal.ts'
import type { RunOptions } from './options.ts'
import type { RunOutcome } from './outcome.ts'
import { readRows } from './outcome.ts'
import type { PreparedRun } from './prepare.ts'
import { prepareRun } from './prepare.ts'
import type { Resources } from './resources.ts'
import { shareResources } from './resources.ts'
import { commitResult } from './result-commit.ts'
import { runId, runKey } from './run-id.ts'
import { RunState } from './run-state.ts'
import { StageRun } from './stage-run.ts'

/** Runs a job to its commit. */
export async function runJob(options: RunOptions): Promise<RunOutcome> {
  const started = performance.now()
  const { store, manifest, system } = options
  const prepared = await prepareRun(options)
  const { plan, snapshot, compiled } = prepared
  const run = runId(plan.job, system)
  const resources = shareResources(options.workers, options.memoryBytes)
  const scratch = join(options.scratch ?? join(tmpdir(), 'flowreduce'), run)
  const emit = (event: Parameters<NonNullable<RunOptions['onEvent']>>[0]): void => options.onEvent?.(event)
  emit({ type: 'planned', run, plan })
  mkdirSync(scratch, { recursive: true })
  const job = placeLookups(prepared.reference, options, scratch)
  const runner = createRunner(options, prepared, resources)
  const maxBadRecords = badRecordLimit(options.maxBadRecords, plan)
  const state = new RunState({
    facts: {
      ...{ run, plan, schemas: prepared.schemas, job, storeUrl: store.url, scratch, epoch: 1 },
      ...{ memoryBytes: resources.attemptBytes, onCorrupt: options.onCorrupt ?? 'fail', maxBadRecords },
    },
    ...{ store, runner, system, limits: { ...DEFAULT_LIMITS, ...options.limits } },
    ...{ speculate: options.speculate ?? true, signal: options.signal ?? new AbortController().signal, emit },
  })
  try {
    for (const stage of plan.stages) await new StageRun(state, stage).run()
    const { counters, userCounters } = total(state.entries, plan)
    checkConserved(plan, counters)
    const result = resultOf(state)
    const commit = await commitResult(manifest, {
      ...{ run, epoch: 1, dataset: `results/${plan.job}`, blocks: result.blocks, schema: result.schema, others: [] },
    })
    emit({ type: 'committed', run, version: commit.header.version })
    const columns = compiled.stages.at(-1)!.program.output
    return {
      ...{
        run,
        runKey: runKey(job, plan),
        job: plan.job,
        snapshot: snapshot.version,
        committed: commit.header.version,
      },
      ...{ coverage: await coverageOf(snapshot, plan, counters), counters, userCounters, columns, plan },
      blocks: result.blocks,
      elapsedMs: performance.now() - started,
      rows: () => readRows(store, result.blocks, result.schema, columns),
    }
  } finally {
    await runner.close()
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Writes lookup tables where tasks find them. */
function placeLookups(reference: JobReference, { job }: RunOptions, scratch: string): JobReference {
  const lookups = [...job.lookups.values()].map(({ name, hash, text }) => {
    const path = join(scratch, `lookup-${hash}.csv`)
    writeFileSync(path, text)
    return { name, path, hash }
  })
  return { ...reference, lookups }
}

function createRunner(options: RunOptions, { compiled, plan }: PreparedRun, resources: Resources): Runner {
  const { store, job } = options
  const wanted = options.runner ?? 'local'
  const alone = compiled.stages.every(({ program }) => program.declarative) && mapTasks(plan) <= 1
  if (wanted === 'inline' || alone) return new InlineRunner({ store, job: compiled })
  if (job.bundle === undefined)
    throw new RuntimeError(
      'bad-option',
      `job ${job.job}: runner expected inline for a definition in memory, got ${wanted}`,
    )
  const { workers, heapBytes } = resources
  return new LocalRunner({ workers, heapBytes, tasksPerPool: options.tasksPerPool ?? workers * 64 })
}

const mapTasks = (plan: Plan): number =>
  plan.stages.reduce((sum, stage) => sum + (stage.type === 'map' ? taskCount(stage) : 0), 0)

function badRecordLimit(limit: RunOptions['maxBadRecords'], plan: Plan): number {
  if (typeof limit === 'object') return Math.floor((plan.estimate.records * limit.percent) / 100)
  return limit ?? 0
}

function total(entries: readonly JournalEntry[], plan: Plan): { counters: Counters; userCounters: UserCounters } {
  const first = datasetStages(plan)
  let counters: Counters = NO_COUNTERS
  let userCounters: UserCounters = {}
  for (const input of datasetInputs(plan)) counters = addCounters(counters, { pruned: input.prunedRecords })
  for (const entry of entries) {
    counters = addCounters(counters, first.has(entry.stage) ? entry.counters : withoutInput(entry.counters))
    userCounters = addUserCounters(userCounters, entry.userCounters)
  }
  return { counters, userCounters }
}

/** Stages that read datasets: rows of later stages are no flows of the snapshot. */
const datasetStages = (plan: Plan): ReadonlySet<string> =>
  new Set(
    plan.stages.flatMap((stage) =>
      stage.type === 'map' && stage.inputs.some(({ type }) => type === 'dataset') ? [stage.id] : [],
    ),
  )

function withoutInput(counters: Partial<Counters>): Partial<Counters> {
  return { ...counters, corrupt: 0, outsidePeriod: 0, unmatched: 0, mapped: 0, quarantined: 0, samplingUnknown: 0 }
}

function resultOf(state: RunState): { blocks: NonNullable<JournalEntry['blocks']>; schema: unknown } {
  const entry = state.entry('result', 0)
  if (!entry?.blocks) throw new RuntimeError('bad-plan', `run ${state.facts.run}: result expected blocks, got none`)
  return { blocks: entry.blocks, schema: entry.schema }
}
