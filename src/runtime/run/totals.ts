import type { Counters, UserCounters } from '../counters.ts'
import { addCounters, addUserCounters, NO_COUNTERS } from '../counters.ts'
import type { Plan } from '../plan/plan.ts'
import { datasetInputs } from './coverage.ts'
import type { JournalEntry } from './journal.ts'

/** Counters of a run: those of its committed attempts, and what planning pruned. */
export function totalCounters(
  entries: readonly JournalEntry[],
  plan: Plan,
): { counters: Counters; userCounters: UserCounters } {
  const first = datasetStages(plan)
  let counters: Counters = NO_COUNTERS
  let userCounters: UserCounters = {}
  for (const input of datasetInputs(plan)) counters = addCounters(counters, { pruned: input.prunedRecords })
  for (const entry of inOrder(entries)) {
    counters = addCounters(counters, first.has(entry.stage) ? entry.counters : withoutInput(entry.counters))
    userCounters = addUserCounters(userCounters, entry.userCounters)
  }
  return { counters, userCounters }
}

/** Entries by stage and task. */
export const inOrder = (entries: readonly JournalEntry[]): readonly JournalEntry[] =>
  entries.toSorted((a, b) => (a.stage === b.stage ? a.task - b.task : a.stage < b.stage ? -1 : 1))

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
