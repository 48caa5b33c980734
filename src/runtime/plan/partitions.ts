import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import type { Program } from '../program.ts'

/** Bytes that a value takes in a run file, about. */
const VALUE_BYTES: { readonly [T in ColumnType]: number } = {
  u8: 1,
  u16: 2,
  u32: 4,
  u53: 8,
  i53: 8,
  u64: 8,
  i64: 8,
  instant: 8,
  duration: 8,
  boolean: 1,
  address: 5,
  prefix: 6,
  text: 16,
  bytes: 16,
}

/** How many different values a type has, where that is a bound worth knowing. */
const VALUES: { readonly [T in ColumnType]?: number } = { u8: 256, u16: 65_536, boolean: 2 }

/** Bytes of run files of a stage, at most about: a record for each row read or, after combining, for each key a split can hold. */
export function estimateShuffleBytes(program: Program, records: number, splits: number): number {
  const rowBytes = bytesOf(program.key) + 3
  if (program.fold.type === 'reduce') return Math.ceil(records * (rowBytes + bytesOf(program.value)))
  const keys = program.key.reduce((product, { type }) => product * (VALUES[type] ?? Number.POSITIVE_INFINITY), 1)
  return Math.ceil(Math.min(records, keys * Math.max(1, splits)) * (rowBytes + program.fold.aggregates.length * 6))
}

const bytesOf = (specs: readonly ColumnSpec[]): number => specs.reduce((sum, { type }) => sum + VALUE_BYTES[type], 0)

/** Below this a second partition costs more than it saves. */
const SMALL_BYTES = 4 * 1024 * 1024
/** A partition is merged by one task; this much of it at most, so that a retry is cheap, and less where a task has so little memory that it would not hold as much. */
const PARTITION_BYTES = 64 * 1024 * 1024
const LEAST_PARTITION_BYTES = 2 * 1024 * 1024
const MEMORY_SHARE = 1 / 10
const MAX_PARTITIONS = 1024

/** Number of reduce tasks for partitions that turned out to have so many bytes together, where that is less than was planned for. */
export const reduceTasksFor = (partitions: number, shuffledBytes: number): number =>
  Math.min(partitions, Math.max(1, Math.ceil(shuffledBytes / SMALL_BYTES)))

/** The neighbouring partitions that one of `tasks` reduce tasks has. */
export function partitionsOf(task: number, tasks: number, partitions: number): PartitionRange {
  const [first, end] = [task, task + 1].map((number) => Math.floor((partitions * number) / tasks)) as [number, number]
  return { first, count: end - first }
}

/** Neighbouring partitions. */
export interface PartitionRange {
  readonly first: number
  readonly count: number
}

/** Number of partitions for so many bytes of run files, for attempts of `attemptBytes`. */
export function partitionsFor(shuffleBytes: number, workers: number, attemptBytes: number): number {
  if (shuffleBytes <= SMALL_BYTES) return 1
  const most = Math.min(PARTITION_BYTES, Math.max(LEAST_PARTITION_BYTES, attemptBytes * MEMORY_SHARE))
  const wanted = Math.max(workers, Math.ceil(shuffleBytes / most))
  return Math.min(MAX_PARTITIONS, wanted)
}
