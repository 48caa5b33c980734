import { monotonicMs } from '../../flow/clock.ts'
import { StorageError } from '../../storage/errors.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import type { Losses } from './coverage.ts'
import { checkConserved, coverageOf } from './coverage.ts'
import type { RunEvent } from './events.ts'
import type { JournalEntry } from './journal.ts'
import { outcomeKey } from './layout.ts'
import type { RunOutcome, StoredOutcome } from './outcome.ts'
import { openOutcome } from './outcome.ts'
import { badRecordsOf, storeQuarantine } from './quarantine.ts'
import type { RunRecord } from './record.ts'
import { commitResult } from './result-commit.ts'
import type { RunState } from './run-state.ts'
import { StageRun } from './stage-run.ts'
import { stageOf } from './task-descriptions.ts'
import { tasksOf } from './tasks-of.ts'
import { totalCounters } from './totals.ts'

export interface Coordination {
  readonly record: RunRecord
  readonly state: RunState
  readonly manifest: Manifest
  /** Of the snapshot; they are asked for while the run waits for the disk. */
  readonly losses: Promise<Losses>
  /** What goes wrong on purpose; filled while the run goes on. */
  readonly chaos?: NonNullable<StoredOutcome['chaos']>
  emit(event: RunEvent): void
}

/** A run that is committed: what is left to do needs no order. */
export interface CommittedRun {
  /** Stores what it was. */
  writeOutcome(): Promise<RunOutcome>
}

/** Carries a run from wherever its journal stands to its commit: stage by stage, then the check that every flow is accounted for, then one commit. */
export async function coordinate(work: Coordination): Promise<CommittedRun> {
  const started = monotonicMs()
  const { record, state, manifest, emit } = work
  const { run, plan } = record
  for (const stage of plan.stages) await new StageRun(state, stage).run()
  checkConserved(plan, totalCounters(state.entries, plan).counters)
  const { blocks, schema } = resultOf(record, state.entries)
  const bad = badRecordsOf(state.entries)
  const others = bad.length > 0 ? [await storeQuarantine(state.store, run, bad)] : []
  state.signal.throwIfAborted()
  const dataset = `results/${plan.job}`
  const epoch = state.facts.epoch
  const version = await committedVersion(() => commitResult(manifest, { run, epoch, dataset, blocks, schema, others }))
  const committed = version ?? (await findCommit(manifest, run))
  emit({ type: 'committed', run, version: committed ?? 0 })
  const elapsedMs = monotonicMs() - started
  return { writeOutcome: () => writeOutcome(work, state.store, state.entries, committed, elapsedMs) }
}

/** The version that a commit made; undefined when the run had been committed before, by a coordinator that is no more. */
async function committedVersion(commit: () => ReturnType<typeof commitResult>): Promise<number | undefined> {
  try {
    return (await commit()).header.version
  } catch (error) {
    if (error instanceof StorageError && error.code === 'duplicate-transaction') return undefined
    throw error
  }
}

/** The version of the commit of a run. */
export async function findCommit(manifest: Manifest, run: string): Promise<number | null> {
  for await (const { header } of manifest.history())
    if (header.writer === run && header.operation === 'run') return header.version
  return null
}

/** Stores and gives back what a committed run was: it follows from the plan, the snapshot and the journal, and so can be written again by whoever comes later. */
export async function writeOutcome(
  { record, losses, chaos }: Pick<Coordination, 'record' | 'losses' | 'chaos'>,
  store: ObjectStore,
  entries: readonly JournalEntry[],
  committed: number | null,
  elapsedMs: number,
): Promise<RunOutcome> {
  const { run, runKey, plan } = record
  const { counters, userCounters } = totalCounters(entries, plan)
  const stored: StoredOutcome = {
    ...{ formatVersion: 1, run, runKey, job: plan.job, snapshot: plan.snapshot.version, committed },
    coverage: coverageOf(await losses, plan, counters),
    ...{ counters, userCounters, badRecords: badRecordsOf(entries).length },
    ...resultOf(record, entries),
    ...(chaos ? { chaos } : {}),
    ...{ finished: Date.now(), elapsedMs: Math.round(elapsedMs) },
  }
  await store.write(outcomeKey(run), new TextEncoder().encode(JSON.stringify(stored)))
  return openOutcome(store, stored, plan)
}

function resultOf(
  { run, plan }: RunRecord,
  entries: readonly JournalEntry[],
): { blocks: NonNullable<JournalEntry['blocks']>; schema: unknown } {
  const made = entries.filter(({ stage }) => stage === 'result').sort((a, b) => a.task - b.task)
  const [first] = made
  if (!first || made.length !== tasksOf(stageOf(plan, 'result'), plan, entries))
    throw new RuntimeError('bad-plan', `run ${run}: result expected blocks, got none`)
  return { blocks: made.flatMap(({ blocks = [] }) => blocks), schema: first.schema }
}
