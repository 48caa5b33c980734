import { reduceTasksFor } from '../plan/partitions.ts'
import type { Plan, PlannedStage } from '../plan/plan.ts'
import { taskCount } from '../plan/plan.ts'
import type { JournalEntry } from './journal.ts'

/**
 * How many tasks a stage of a run has. Small partitions share reduce tasks, so that it depends on what the map tasks left; whatever a reduce task of the journal was told
 * holds from then on. No more tasks share a result than it has blocks. The most that there may be, as long as a task before them is not committed.
 */
export function tasksOf(stage: PlannedStage, plan: Plan, journal: readonly JournalEntry[]): number {
  const most = taskCount(stage)
  if (stage.type === 'map' || stage.bySize === undefined) return most
  const told = journal.find((entry) => entry.stage === stage.id)?.tasks
  if (told !== undefined) return told
  const inputs = plan.stages.filter(({ id }) => stage.inputs.includes(id))
  const made = journal.filter((entry) => stage.inputs.includes(entry.stage))
  if (made.length < inputs.reduce((sum, input) => sum + tasksOf(input, plan, journal), 0)) return most
  const total = (fact: 'sizeBytes' | 'records'): number => made.reduce((sum, { file }) => sum + (file?.[fact] ?? 0), 0)
  if (stage.type === 'reduce') return reduceTasksFor(stage.partitions, total('sizeBytes'))
  return Math.min(most, Math.max(1, Math.ceil(total('records') / stage.rowsPerBlock)))
}
