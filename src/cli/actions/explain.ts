import { formatBytes } from '../../flow/size.ts'
import { formatInstant } from '../../flow/time.ts'
import { propertyLines } from '../../report/lines.ts'
import { countOf, humanDuration, percent, thousands } from '../../report/number.ts'
import { type DatasetInput, type Plan, taskCount } from '../../runtime/plan/plan.ts'
import type { PreparedRun } from '../../runtime/run/prepare.ts'
import type { Resources } from '../../runtime/run/resources.ts'
import { shareResources } from '../../runtime/run/resources.ts'
import { openManifestOf, snapshotAt } from '../open.ts'
import { printReport } from '../print.ts'
import { jobOf, type PlanRequest, planRequest, prepare, type RequestArguments } from './request.ts'

export async function explainAction(args: RequestArguments & { readonly format: string }): Promise<undefined> {
  const job = await jobOf(args)
  const { manifest } = await openManifestOf(args)
  const request = planRequest(args, job, await snapshotAt(manifest, args.at))
  await printPlan(args, await prepare(request, manifest), request)
}

/** Prints a plan, as `explain` and `run --dry-run` do. */
export async function printPlan(
  args: { readonly format: string },
  { plan, compiled }: PreparedRun,
  { workers, memoryBytes }: Pick<PlanRequest, 'workers' | 'memoryBytes'>,
): Promise<void> {
  const declarative = compiled.stages.every(({ program }) => program.declarative)
  await printReport(args, plan, () => planLines(plan, declarative, shareResources(workers, memoryBytes)))
}

/** Flows per second and worker that an estimate of time rests on: kernels, and code of the user's. */
const RATES = { kernels: 6_000_000, code: 1_500_000 } as const
/** Before any work begins: Node, the program, the snapshot, workers. */
const START_S = 0.5
/** Bytes of run files that a worker writes, merges and turns into rows per second, where there are many groups. */
const SHUFFLE_RATE = 20e6

function planLines(plan: Plan, declarative: boolean, { workers, attemptBytes }: Resources): string[] {
  const { job, snapshot, estimate } = plan
  const rate = declarative ? RATES.kernels : RATES.code
  const seconds = START_S + estimate.records / (rate * Math.min(workers, Math.max(1, estimate.mapTasks)))
  const shuffling = estimate.shuffleBytes / (SHUFFLE_RATE * Math.min(workers, Math.max(1, estimate.reduceTasks)))
  return propertyLines([
    ['job', `${job}${declarative ? '' : ' (with code of its own)'}`],
    ['snapshot', `${snapshot.version}, committed ${formatInstant(snapshot.time)}`],
    ['period', periodText(plan)],
    ...plan.stages.flatMap((stage): [string, string][] => {
      if (stage.type === 'map') {
        const lines = stage.inputs.flatMap((input) =>
          input.type === 'dataset' ? inputLines(input) : [['reads', `rows of ${stage.id}`] as [string, string]],
        )
        return [['', ''], ['stage', `${stage.id}: ${countOf(taskCount(stage), 'task')}`], ...lines]
      }
      if (stage.type === 'reduce') return [['stage', `${stage.id}: ${countOf(stage.partitions, 'partition')}`]]
      return [['stage', `result: one task, into ${stage.sinks.join(', ')}`]]
    }),
    ['', ''],
    ['reads', `${countOf(estimate.records, 'record')}, ${formatBytes(estimate.readBytes)} of blocks`],
    ['memory', `${formatBytes(attemptBytes)} for each of ${countOf(workers, 'worker')}`],
    ['shuffles', `at most about ${formatBytes(estimate.shuffleBytes)}`],
    [
      'takes',
      `about ${humanDuration(1000 * seconds)} on ${countOf(workers, 'worker')}, at ${thousands(rate)} flows/s for each`,
    ],
    ['', `and at most about ${humanDuration(1000 * shuffling)} more for what is shuffled`],
  ])
}

function periodText({ from, to }: Plan): string {
  if (from === null && to === null) return 'everything'
  return `${from === null ? 'the beginning' : formatInstant(from)} to ${to === null ? 'the end' : formatInstant(to)}`
}

function inputLines({
  dataset,
  records,
  prunedRecords,
  prunedBlocks,
  columns,
  splits,
}: DatasetInput): [string, string][] {
  const read = records - prunedRecords
  const largest = splits.reduce((most, split) => Math.max(most, split.records), 0)
  return [
    [
      'reads',
      `${dataset}: ${thousands(read)} of ${countOf(records, 'record')} (${percent(prunedRecords, records)} and ${countOf(prunedBlocks, 'block')} pruned)`,
    ],
    ['columns', columns.map(({ name }) => name).join(', ') || 'none'],
    ['splits', `${splits.length}${splits.length === 0 ? '' : `, at most ${countOf(largest, 'record')} each`}`],
  ]
}
