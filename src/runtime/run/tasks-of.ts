import { reduceTasksFor } from '../plan/partitions.ts'
import type { Plan, PlannedStage } from '../plan/plan.ts'
import { taskCount } from '../plan/plan.ts'
import type { JournalEntry } from './journal.ts'

/**
 * How many tasks a stage of a run has. Small partitions share reduce tasks, so that it depends on what the map tasks left; whatever a reduce task of the journal was told
 * holds from then on. The most that there may be, as long as a map task is not committed.
 */
export function tasksOf(stage: PlannedStage, plan: Plan, journal: readonly JournalEntry[]): number {
  const most = taskCount(stage)
  if (stage.type !== 'reduce' || stage.bySize === undefined) return most
  const told = journal.find((entry) => entry.stage === stage.id)?.tasks
  if (told !== undefined) return told
  const inputs = plan.stages.filter(({ id }) => stage.inputs.includes(id))
  const made = journal.filter((entry) => stage.inputs.includes(entry.stage))
  if (made.length < inputs.reduce((sum, input) => sum + taskCount(input), 0)) return most
  return reduceTasksFor(
    stage.partitions,
    made.reduce((sum, { file }) => sum + (file?.sizeBytes ?? 0), 0),
  )
}
