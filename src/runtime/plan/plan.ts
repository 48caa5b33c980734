import type { ColumnSpec } from '../../flow/column.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'

/** Version of what a job means: raised when the same job over the same flows gives other bytes. */
export const SEMANTICS_VERSION = 1

/**
 * What a run will do, as plain data: printed by `explain`, compared by tests, stored with the run and followed by the coordinator and by `resume`. It depends on the job,
 * its parameters, the snapshot and the options alone.
 */
export interface Plan {
  readonly formatVersion: 1
  readonly semantics: number
  readonly job: string
  readonly snapshot: { readonly version: number; readonly time: number; readonly storeId: string }
  /** Milliseconds; null is open. */
  readonly from: number | null
  readonly to: number | null
  /** In an order in which each stage follows those it reads: a DAG. */
  readonly stages: readonly PlannedStage[]
  readonly estimate: PlanEstimate
}

export type PlannedStage = MapStage | ReduceStage | ResultStage

export interface MapStage {
  readonly type: 'map'
  readonly id: string
  /** Stage of the compiled job. */
  readonly program: string
  readonly inputs: readonly PlannedInput[]
  readonly sinks: readonly string[]
  readonly partitions: number
}

export type PlannedInput = DatasetInput | StageOutput

/** A dataset of the snapshot: its live blocks after pruning, and how they are cut into splits. */
export interface DatasetInput {
  readonly type: 'dataset'
  readonly dataset: string
  /** Columns that are read: those of the job, of the filter, and the times when there is a period. */
  readonly columns: readonly ColumnSpec[]
  /** Whether the period selects among its rows: there is one, and they have times. */
  readonly timed: boolean
  /** Rows of the dataset in the snapshot. */
  readonly records: number
  /** Rows left out with their block or chunk. */
  readonly prunedRecords: number
  readonly prunedBlocks: number
  /** Rows of unknown sampling in the blocks that lie wholly inside the period; in the others they are counted as they are read. */
  readonly samplingUnknown: number
  readonly blocks: readonly BlockInfo[]
  readonly splits: readonly Split[]
}

/** The rows of an earlier stage: a map task for each of its reduce tasks. */
export interface StageOutput {
  readonly type: 'stage'
  readonly stage: string
  readonly tasks: number
}

/** What one map task reads. */
export interface Split {
  readonly pieces: readonly SplitPiece[]
  readonly records: number
  readonly sizeBytes: number
}

/** Neighbouring chunks of one block. */
export interface SplitPiece {
  /** Index into the blocks of the input. */
  readonly block: number
  readonly first: number
  readonly count: number
  /** Whether rows of unknown sampling are counted while reading. */
  readonly countSampling: boolean
}

export interface ReduceStage {
  readonly type: 'reduce'
  readonly id: string
  readonly program: string
  readonly inputs: readonly string[]
  readonly sinks: readonly string[]
  readonly partitions: number
  /** Whether its rows are the result. */
  readonly ordered: boolean
  /** Its partitions are an estimate of what is shuffled at most: when it is known, small ones share a task. */
  readonly bySize?: true
}

export interface ResultStage {
  readonly type: 'result'
  readonly id: 'result'
  readonly program: string
  readonly inputs: readonly string[]
  /** The dataset that the run commits. */
  readonly sinks: readonly string[]
  readonly rowsPerBlock: number
  /** Tasks that share the blocks of the result; one when not given. */
  readonly tasks?: number
  /** There are no more of them than blocks. */
  readonly bySize?: true
}

export interface PlanEstimate {
  /** Rows that will be read. */
  readonly records: number
  /** Bytes of the chunks that will be read. */
  readonly readBytes: number
  /** Bytes of run files, at most about. */
  readonly shuffleBytes: number
  readonly mapTasks: number
  readonly reduceTasks: number
}

/** Number of tasks of a stage; where they go by size the most that there may be. */
export function taskCount(stage: PlannedStage): number {
  if (stage.type === 'result') return stage.tasks ?? 1
  if (stage.type === 'reduce') return stage.partitions
  return stage.inputs.reduce((sum, input) => sum + (input.type === 'dataset' ? input.splits.length : input.tasks), 0)
}
