import { RuntimeError } from '../error.ts'
import type { CompiledJob, CompiledStage, Program } from '../program.ts'
import type { DatasetView } from './dataset.ts'
import { pickColumns } from './dataset.ts'
import { estimateShuffleBytes, partitionsFor } from './partitions.ts'
import type { DatasetInput, MapStage, Plan, PlannedInput, PlannedStage, ReduceStage } from './plan.ts'
import { SEMANTICS_VERSION } from './plan.ts'
import { cutSplits } from './splits.ts'

export interface PlanOptions {
  readonly job: CompiledJob
  readonly snapshot: { readonly version: number; readonly time: number; readonly storeId: string }
  /** The datasets that the job reads. */
  readonly datasets: { readonly [dataset: string]: DatasetView }
  /** Milliseconds, half-open; a missing end is open. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly workers: number
  /** Memory of an attempt. */
  readonly attemptBytes: number
  /** Reduce tasks of each stage; estimated when not given. */
  readonly partitions?: number | undefined
  /** Bytes of a split; when not given, so that every worker has several. */
  readonly splitBytes?: number | undefined
  readonly rowsPerBlock?: number
  /** Tasks that make the result; by its size when not given. */
  readonly resultTasks?: number | undefined
}

/** What one thread has read in about the time in which workers start: a job without code of its own is one split, carried out where it was planned. */
export const LONE_SPLIT_BYTES = 32 * 1024 * 1024
const MIN_SPLIT_BYTES = 8 * 1024 * 1024
const MAX_SPLIT_BYTES = 256 * 1024 * 1024
/** Each split writes every key it has seen, to be merged again: as few as keep all workers busy to the end. */
const SPLITS_PER_WORKER = 3
const ROWS_PER_BLOCK = 262_144
/** Below this a second task for the result takes longer to start than it saves. */
const SHARED_RESULT_BYTES = 64 * 1024 * 1024

/** Plans a run: pure, so that equal inputs give equal plans. Throws `bad-plan` or `not-found` for a job that does not fit the snapshot. */
export function planRun(options: PlanOptions): Plan {
  const { job, snapshot, from, to } = options
  const stages: PlannedStage[] = []
  const reducers = new Map<string, ReduceStage>()
  const estimates = new Map<string, number>()
  job.stages.forEach((stage, i) => {
    const isLast = i === job.stages.length - 1
    const inputs = stage.inputs.map((input) => planInput(stage, input, options, reducers))
    const estimate = estimateStage(stage, inputs, estimates)
    estimates.set(stage.id, estimate)
    const partitions = checkPartitions(
      options.partitions ?? partitionsFor(estimate, options.workers, options.attemptBytes),
    )
    const [mapId, reduceId] = [`${stage.id}-map`, `${stage.id}-reduce`]
    stages.push({ type: 'map', id: mapId, program: stage.id, inputs, sinks: [reduceId], partitions })
    const sinks = isLast ? ['result'] : readersOf(job, stage.id)
    // Map tasks of a later stage are planned for each reduce task, and what a job's own reduce takes does not show in its bytes.
    const bySize = isLast && options.partitions === undefined && stage.program.fold.type === 'aggregate'
    const reduce: ReduceStage = {
      ...{ type: 'reduce', id: reduceId, program: stage.id, inputs: [mapId], sinks, partitions, ordered: isLast },
      ...(bySize ? { bySize } : {}),
    }
    reducers.set(stage.id, reduce)
    stages.push(reduce)
  })
  const last = job.stages.at(-1)
  if (!last) throw new RuntimeError('bad-plan', `job ${job.name}: stages expected at least one, got none`)
  const { rowsPerBlock = ROWS_PER_BLOCK } = options
  const sinks = [`results/${job.name}`]
  const tasks = resultTasks(last.program, estimates.get(last.id) ?? 0, options)
  const sized = options.resultTasks === undefined && tasks > 1 ? { bySize: true as const } : {}
  const result = { program: last.id, inputs: [`${last.id}-reduce`], sinks, rowsPerBlock }
  stages.push({ type: 'result', id: 'result', ...result, ...(tasks > 1 ? { tasks } : {}), ...sized })
  const head = { formatVersion: 1 as const, semantics: SEMANTICS_VERSION, job: job.name, snapshot }
  return { ...head, from: from ?? null, to: to ?? null, stages, estimate: estimateOf(stages, [...estimates.values()]) }
}

/** Blocks of a large result are made by several tasks; one has all of them where there are few rows, or a limit makes it so. */
function resultTasks({ limit }: Program, shuffleBytes: number, { workers, resultTasks }: PlanOptions): number {
  return resultTasks ?? (limit === undefined && shuffleBytes > SHARED_RESULT_BYTES ? workers : 1)
}

function planInput(
  stage: CompiledStage,
  input: CompiledStage['inputs'][number],
  options: PlanOptions,
  reducers: ReadonlyMap<string, ReduceStage>,
): PlannedInput {
  if (input.type === 'dataset') return planDataset(stage.program, input.dataset, options)
  const reduce = reducers.get(input.stage)
  if (!reduce)
    throw new RuntimeError('bad-plan', `stage ${stage.id}: input expected an earlier stage, got ${input.stage}`)
  return { type: 'stage', stage: reduce.id, tasks: reduce.partitions }
}

function planDataset(program: Program, dataset: string, options: PlanOptions): DatasetInput {
  const view = options.datasets[dataset]
  if (!view) throw new RuntimeError('bad-plan', `plan: dataset ${dataset} expected to be read, got nothing of it`)
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, workers } = options
  const timed = (from !== Number.NEGATIVE_INFINITY || to !== Number.POSITIVE_INFINITY) && hasTimes(view)
  const bounds = timed ? { from, to } : { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
  const size = view.blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const splitBytes = options.splitBytes ?? goodSplitBytes(program, size, workers)
  const countsSampling = view.columns.some(({ name }) => name === 'samplePopulation')
  const cut = cutSplits(view.blocks, { bounds, splitBytes, countsSampling })
  const counted = cut.splits.some(({ pieces }) => pieces.some(({ countSampling }) => countSampling))
  const columns = pickColumns(view, columnsRead(program, timed, counted))
  const held = view.blocks.reduce((sum, { records }) => sum + records, 0)
  return {
    ...{ type: 'dataset', dataset, columns, timed, records: view.records },
    prunedRecords: view.records - held + cut.prunedRecords,
    prunedBlocks: view.totalBlocks - view.blocks.length + cut.prunedBlocks,
    samplingUnknown: cut.samplingUnknown,
    blocks: view.blocks,
    splits: cut.splits,
  }
}

function goodSplitBytes({ declarative = false }: Program, sizeBytes: number, workers: number): number {
  if (declarative && sizeBytes <= LONE_SPLIT_BYTES) return LONE_SPLIT_BYTES
  const even = Math.ceil(sizeBytes / (workers * SPLITS_PER_WORKER))
  return Math.min(MAX_SPLIT_BYTES, Math.max(MIN_SPLIT_BYTES, even))
}

const hasTimes = ({ columns }: DatasetView): boolean =>
  ['start', 'end'].every((name) => columns.some((spec) => spec.name === name && spec.type === 'instant'))

function columnsRead(program: Program, timed: boolean, countsSampling: boolean): ReadonlySet<string> {
  const names = new Set([...program.reads, ...(program.where?.columns ?? [])])
  if (timed) names.add('start')
  if (timed && program.time === 'spread') names.add('end')
  if (countsSampling) for (const name of ['sampleSize', 'samplePopulation']) names.add(name)
  return names
}

function readersOf(job: CompiledJob, stage: string): string[] {
  const reads = ({ inputs }: CompiledStage): boolean =>
    inputs.some((input) => input.type === 'stage' && input.stage === stage)
  return job.stages.filter(reads).map(({ id }) => `${id}-map`)
}

/** Bytes of run files of a stage; what an earlier stage leaves is taken to be as much as it shuffled. */
function estimateStage(
  { program, inputs: sources }: CompiledStage,
  inputs: readonly PlannedInput[],
  estimates: ReadonlyMap<string, number>,
): number {
  let bytes = 0
  for (const input of inputs)
    if (input.type === 'dataset')
      bytes += estimateShuffleBytes(program, input.records - input.prunedRecords, input.splits.length)
  for (const source of sources) if (source.type === 'stage') bytes += estimates.get(source.stage) ?? 0
  return bytes
}

function checkPartitions(partitions: number): number {
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= 0xffff) return partitions
  throw new RuntimeError('bad-option', `plan: partitions expected 1 to 65535, got ${partitions}`)
}

function estimateOf(stages: readonly PlannedStage[], shuffled: readonly number[]): Plan['estimate'] {
  const maps = stages.filter((stage): stage is MapStage => stage.type === 'map')
  const splits = maps.flatMap(({ inputs }) => inputs.flatMap((input) => (input.type === 'dataset' ? input.splits : [])))
  const earlier = maps.flatMap(({ inputs }) => inputs.flatMap((input) => (input.type === 'stage' ? [input.tasks] : [])))
  return {
    records: splits.reduce((sum, { records }) => sum + records, 0),
    readBytes: splits.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    shuffleBytes: shuffled.reduce((sum, bytes) => sum + bytes, 0),
    mapTasks: splits.length + earlier.reduce((sum, tasks) => sum + tasks, 0),
    reduceTasks: stages.reduce((sum, stage) => sum + (stage.type === 'reduce' ? stage.partitions : 0), 0),
  }
}
