import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { StorageError } from '../../storage/errors.ts'
import { isGone, isHeld, readLease } from '../../storage/lease.ts'
import { removeBelow } from '../../storage/remove-below.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import type { Waiting } from '../admission/waiting.ts'
import { waitingRuns } from '../admission/waiting.ts'
import { RuntimeError } from '../error.ts'
import type { JournalEntry } from './journal.ts'
import { readJournal } from './journal.ts'
import { outcomeKey, RUNS_PREFIX, runPrefix } from './layout.ts'
import type { StoredOutcome } from './outcome.ts'
import type { RunRecord } from './record.ts'
import { readJson, readRecord } from './record.ts'
import { tasksOf } from './tasks-of.ts'

/** A run in a line: what `runs ls` shows. */
export interface RunSummary {
  readonly run: string
  readonly job: string
  /** `running`: a coordinator holds its lease; `stopped`: none does and it is not committed, so it can be resumed. */
  readonly status: 'committed' | 'running' | 'stopped'
  readonly created: number
  /** Version of the snapshot that it reads. */
  readonly snapshot: number
  readonly elapsedMs: number | null
  /** Rows of the result. */
  readonly rows: number | null
  /** Process that works on it. */
  readonly holder: { readonly host: string; readonly pid: number } | null
  /** What it waits for on this machine. */
  readonly waits: Waiting | null
}

/** Everything a run has left. */
export interface RunDetails extends RunSummary {
  readonly record: RunRecord
  readonly outcome: StoredOutcome | undefined
  /** Committed tasks of each stage of the plan. */
  readonly stages: readonly { readonly stage: string; readonly committed: number; readonly tasks: number }[]
  readonly entries: readonly JournalEntry[]
}

export interface RunsOptions {
  readonly store: ObjectStore
  readonly system: System
  /** Where the runs of this machine keep their claims; the usual folder unless given. */
  readonly admissionFolder?: string
}

/** The runs of a store, oldest first. One listing and three reads for each. */
export async function* listRuns(options: RunsOptions): AsyncGenerator<RunSummary, void, undefined> {
  for await (const run of runIds(options.store)) {
    const record = await recordOf(options.store, run)
    if (record) yield summaryOf(options, record)
  }
}

/** All that is known of one run. Throws `not-found` when there is none of that name. */
export async function showRun(options: RunsOptions, run: string): Promise<RunDetails> {
  const record = await readRecord(options.store, run)
  const entries = await readJournal(options.store, run)
  const stages = record.plan.stages.map((stage) => ({
    stage: stage.id,
    committed: entries.filter((entry) => entry.stage === stage.id).length,
    tasks: tasksOf(stage, record.plan, entries),
  }))
  const outcome = await readJson<StoredOutcome>(options.store, outcomeKey(run))
  return { ...(await summaryOf(options, record)), record, outcome, stages, entries }
}

/** Removes what a run has left beside its result: plan, journal, counters, and its run files on this machine. Throws `lease-held` for one that runs. */
export async function removeRun(options: RunsOptions, run: string): Promise<void> {
  const { store } = options
  const { status, holder, entries } = await showRun(options, run)
  if (status === 'running')
    throw new RuntimeError(
      'lease-held',
      `run ${run}: expected to be over, got process ${holder?.pid} on ${holder?.host} working on it`,
    )
  const folders = new Set(entries.flatMap(({ file }) => (file ? [dirname(file.path)] : [])))
  for (const folder of folders) if (folder.endsWith(run)) rmSync(folder, { recursive: true, force: true })
  await removeBelow(store, runPrefix(run))
}

/** One fact in which two runs differ. */
export interface RunDifference {
  readonly fact: string
  readonly a: string
  readonly b: string
}

/** In what two runs differ: what they ran, over what, and what came out. Run ids and times are left out. */
export async function diffRuns(options: RunsOptions, a: string, b: string): Promise<readonly RunDifference[]> {
  const [left, right] = [factsOf(await showRun(options, a)), factsOf(await showRun(options, b))]
  const names = [...new Set([...left.keys(), ...right.keys()])]
  return names.flatMap((fact) => {
    const [was, is] = [left.get(fact) ?? '', right.get(fact) ?? '']
    return was === is ? [] : [{ fact, a: was, b: is }]
  })
}

function factsOf({ record, outcome, status }: RunDetails): Map<string, string> {
  const { job, plan } = record
  const facts = new Map<string, string>([
    ['status', status],
    ['job', job.job],
    ['code', job.hash],
    ['params', JSON.stringify(job.params)],
    ['where', job.where ?? ''],
    ['snapshot', String(plan.snapshot.version)],
    ['from', String(plan.from)],
    ['to', String(plan.to)],
  ])
  if (!outcome) return facts
  for (const [name, value] of Object.entries(outcome.counters)) facts.set(`counter ${name}`, String(value))
  for (const [name, value] of Object.entries(outcome.userCounters)) facts.set(`user counter ${name}`, String(value))
  facts.set('result', outcome.blocks.map(({ crc32 }) => crc32.toString(16).padStart(8, '0')).join(' '))
  return facts
}

async function summaryOf(
  { store, system, admissionFolder }: RunsOptions,
  { run, created, plan }: RunRecord,
): Promise<RunSummary> {
  const outcome = await readJson<StoredOutcome>(store, outcomeKey(run))
  const lease = await readLease(store, run)
  const held = lease !== undefined && isHeld(lease, system.now()) && !isGone(lease.holder)
  return {
    ...{ run, job: plan.job, created, snapshot: plan.snapshot.version },
    status: outcome ? 'committed' : held ? 'running' : 'stopped',
    elapsedMs: outcome?.elapsedMs ?? null,
    rows: outcome?.counters.resultRows ?? null,
    holder: held && lease ? { host: lease.holder.host, pid: lease.holder.pid } : null,
    waits: (held && waitingRuns(store.url, admissionFolder).get(run)) || null,
  }
}

/** A run that is being removed while it is listed is passed over. */
async function recordOf(store: ObjectStore, run: string): Promise<RunRecord | undefined> {
  try {
    return await readRecord(store, run)
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'not-found') return undefined
    if (error instanceof StorageError && error.code === 'not-found') return undefined
    throw error
  }
}

/** Run ids in order: the listing leaps over the objects of each. */
async function* runIds(store: ObjectStore): AsyncGenerator<string, void, undefined> {
  for (let after = RUNS_PREFIX; ; ) {
    const run = await firstRun(store, after)
    if (run === undefined) return
    yield run
    // Sorts after every object of a run.
    after = `${runPrefix(run)}zzzz`
  }
}

async function firstRun(store: ObjectStore, after: string): Promise<string | undefined> {
  for await (const { key } of store.list(RUNS_PREFIX, after)) return key.slice(RUNS_PREFIX.length).split('/')[0]
  return undefined
}
