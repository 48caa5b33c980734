import { RuntimeError } from '../error.ts'
import type { JobReference } from '../job-reference.ts'
import { partitionsOf } from '../plan/partitions.ts'
import type { MapStage, Plan, PlannedStage } from '../plan/plan.ts'
import { taskCount } from '../plan/plan.ts'
import type { RunSource } from '../shuffle/run-source.ts'
import type { BlockPiece, Piece, TaskDescription } from '../task/description.ts'
import type { JournalEntry } from './journal.ts'

/** What the descriptions of all tasks of a run have in common. */
export interface RunFacts {
  readonly run: string
  readonly plan: Plan
  /** Avro schemas of the blocks read, by id. */
  readonly schemas: { readonly [schemaId: string]: unknown }
  readonly job: JobReference
  readonly storeUrl: string
  readonly scratch: string
  readonly memoryBytes: number
  readonly onCorrupt: 'fail' | 'skip'
  readonly maxBadRecords: number
  readonly epoch: number
  /** Whether run files are kept in the store. */
  readonly keepsFiles: boolean
}

/** Which try at a task is described. */
export interface AttemptNumber {
  readonly task: number
  readonly attempt: number
  readonly generation: number
}

/** What is known of the tasks of a run. */
export interface KnownTasks {
  /** The journal entry of a task of an earlier stage. */
  entryOf(stage: string, task: number): JournalEntry
  /** How many tasks a stage has. */
  tasksOf(stage: PlannedStage): number
}

/** Describes one attempt. */
export function describeTask(
  facts: RunFacts,
  stage: PlannedStage,
  number: AttemptNumber,
  { entryOf, tasksOf }: KnownTasks,
): TaskDescription {
  const { run, plan, job, storeUrl, scratch, memoryBytes, epoch, keepsFiles } = facts
  const common = {
    ...{
      formatVersion: 1 as const,
      run,
      stage: stage.id,
      ...number,
      epoch,
      store: storeUrl,
      job,
      program: stage.program,
    },
    ...{ from: plan.from, to: plan.to, scratch, memoryBytes, keepsFiles },
  }
  const sourcesOf = (stages: readonly string[]): RunSource[] =>
    stages.flatMap((id) => {
      const count = tasksOf(stageOf(plan, id))
      return Array.from({ length: count }, (_, task) => sourceOf(entryOf(id, task)))
    })
  switch (stage.type) {
    case 'map': {
      const { pieces, records } = mapPieces(facts, stage, number.task, entryOf)
      const { onCorrupt, maxBadRecords } = facts
      return { type: 'map', ...common, partitions: stage.partitions, pieces, records, onCorrupt, maxBadRecords }
    }
    case 'reduce': {
      const { ordered, inputs } = stage
      const tasks = tasksOf(stage)
      const partitions = partitionsOf(number.task, tasks, stage.partitions)
      return { type: 'reduce', ...common, partitions, tasks, sources: sourcesOf(inputs), ordered }
    }
    case 'result': {
      const { inputs, rowsPerBlock } = stage
      return { type: 'result', ...common, sources: sourcesOf(inputs), rowsPerBlock, tasks: tasksOf(stage) }
    }
  }
}

export function stageOf(plan: Plan, id: string): PlannedStage {
  const stage = plan.stages.find((candidate) => candidate.id === id)
  if (stage) return stage
  throw new RuntimeError('bad-plan', `plan: stage expected one of the plan, got ${id}`)
}

function sourceOf({ stage, task, file }: JournalEntry): RunSource {
  if (file) {
    const { path, checksum, key } = file
    return { stage, task, path, checksum, ...(key === undefined ? {} : { key }) }
  }
  throw new RuntimeError('bad-plan', `task ${stage}-${task}: journal entry expected a run file, got none`)
}

/** What a map task of a stage reads first, when that is a block; undefined otherwise. */
export function firstBlockOf(facts: RunFacts, stage: PlannedStage, task: number): BlockPiece | undefined {
  if (stage.type !== 'map' || stage.inputs.some(({ type }) => type === 'stage')) return undefined
  const none = (): never => {
    throw new RuntimeError('bad-plan', `task ${stage.id}-${task}: input expected a dataset, got a stage`)
  }
  const [piece] = mapPieces(facts, stage, task, none).pieces
  return piece?.type === 'block' ? piece : undefined
}

/** The pieces of one map task: its tasks are numbered over all inputs of the stage. */
function mapPieces(
  { schemas }: RunFacts,
  stage: MapStage,
  task: number,
  entryOf: (stage: string, task: number) => JournalEntry,
): { pieces: readonly Piece[]; records: number } {
  let left = task
  for (const input of stage.inputs) {
    const count = input.type === 'dataset' ? input.splits.length : input.tasks
    if (left >= count) {
      left -= count
      continue
    }
    if (input.type === 'stage') {
      const entry = entryOf(input.stage, left)
      return { pieces: [{ type: 'run', source: sourceOf(entry) }], records: entry.file?.records ?? 0 }
    }
    const { blocks, splits, columns, timed } = input
    const { pieces, records } = splits[left]!
    const described = pieces.map(({ block: index, ...piece }): Piece => {
      const block = blocks[index]!
      return { type: 'block', block, schema: schemas[block.schemaId], columns, timed, ...piece }
    })
    return { pieces: described, records }
  }
  throw new RuntimeError('bad-plan', `stage ${stage.id}: task expected below ${taskCount(stage)}, got ${task}`)
}
