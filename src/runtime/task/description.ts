import type { ColumnSpec } from '../../flow/column.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { Counters, UserCounters } from '../counters.ts'
import type { JobReference } from '../job-reference.ts'
import type { PartitionRange } from '../plan/partitions.ts'
import type { RunFile } from '../shuffle/run-file.ts'
import type { RunSource } from '../shuffle/run-source.ts'

/** A task attempt as plain data (JSON): everything a worker, another process or another machine needs to carry it out. Never holds a credential. */
export type TaskDescription = MapTask | ReduceTask | ResultTask

interface TaskCommon {
  readonly formatVersion: 1
  readonly run: string
  /** Stage of the plan, as `1-map`. */
  readonly stage: string
  /** Number of the task within its stage, from 0. */
  readonly task: number
  /** From 1; every try has its own number, over all generations. */
  readonly attempt: number
  /** Epoch of the coordinator's lease: tells apart attempts of a coordinator and of the one that took over from it. */
  readonly epoch: number
  /** Raised by the coordinator when a committed run file is gone or damaged. */
  readonly generation: number
  /** URL of the store. */
  readonly store: string
  readonly job: JobReference
  /** Stage of the compiled job. */
  readonly program: string
  /** Period in milliseconds; null is open. */
  readonly from: number | null
  readonly to: number | null
  /** Folder for run files and spills. */
  readonly scratch: string
  /** Whether the run file is stored too, for other machines. */
  readonly keepsFiles: boolean
  /** Bytes that the attempt may hold in tables, buffers and merges. */
  readonly memoryBytes: number
}

/** Maps one split and leaves a run file with a slice per partition. */
export interface MapTask extends TaskCommon {
  readonly type: 'map'
  readonly partitions: number
  readonly pieces: readonly Piece[]
  /** Rows of the input that the pieces hold. */
  readonly records: number
  readonly onCorrupt: 'fail' | 'skip'
  /** Bad records beyond this many fail the attempt. */
  readonly maxBadRecords: number
}

/** Merges a partition of every map output, or several that are small, and leaves a run file of rows. */
export interface ReduceTask extends TaskCommon {
  readonly type: 'reduce'
  readonly partitions: PartitionRange
  /** Tasks of the stage. */
  readonly tasks: number
  readonly sources: readonly RunSource[]
  /** Whether the rows are the result and so must come in its order. */
  readonly ordered: boolean
}

/** Merges the rows of every reduce task into blocks of the result. */
export interface ResultTask extends TaskCommon {
  readonly type: 'result'
  readonly sources: readonly RunSource[]
  readonly rowsPerBlock: number
  /** How many tasks share the blocks; this one has those that its number says. One when not given. */
  readonly tasks?: number
}

/** A part of what a map task reads. */
export type Piece = BlockPiece | RunPiece

/** Chunks of a block. */
export interface BlockPiece {
  readonly type: 'block'
  readonly block: BlockInfo
  readonly schema: unknown
  readonly columns: readonly ColumnSpec[]
  readonly first: number
  readonly count: number
  /** Whether the period selects among its rows. */
  readonly timed: boolean
  /** Whether rows of unknown sampling must be counted, because the manifest's figure is for more than the period. */
  readonly countSampling: boolean
  /** Numbers, within the block, of the only records to map, ascending; all when not given. */
  readonly records?: readonly number[]
}

/** Rows that an earlier stage left. */
export interface RunPiece {
  readonly type: 'run'
  readonly source: RunSource
}

/** What an attempt that succeeded says of itself; it becomes its journal entry. */
export interface TaskResult {
  /** The run file of a map or reduce task. */
  readonly file?: StoredRunFile
  /** The blocks of the result task, in order. */
  readonly blocks?: readonly BlockInfo[]
  /** Avro schema of the blocks. */
  readonly schema?: unknown
  readonly counters: Partial<Counters>
  readonly userCounters: UserCounters
  readonly badRecords: readonly BadRecord[]
  readonly timings: TaskTimings
}

/** A run file on the machine that made it and, under `key`, in the store. */
export interface StoredRunFile extends RunFile {
  readonly key?: string
}

/** Where the time of an attempt went, milliseconds. */
export interface TaskTimings {
  /** Waiting for and decoding input. */
  readonly readMs: number
  /** Selecting rows, the job's map or reduce, and tables. */
  readonly computeMs: number
  /** Sorting and writing what the attempt leaves. */
  readonly writeMs: number
}

/** A record whose `map` threw. */
export interface BadRecord {
  readonly block: string
  /** Number of the record within the block. */
  readonly position: number
  /** The columns that the job reads, as JSON. */
  readonly record: string
  readonly error: string
  readonly stack: string
}
