import { formatInstant } from '../../flow/time.ts'
import type { Value } from '../../flow/value.ts'
import { claimText } from '../../report/claim.ts'
import { coverageLines } from '../../report/coverage.ts'
import { propertyLines } from '../../report/lines.ts'
import { countOf, humanDuration, thousands } from '../../report/number.ts'
import { tableLines } from '../../report/table.ts'
import type { Waiting } from '../../runtime/admission/waiting.ts'
import { chaosText } from '../../runtime/chaos/chaos.ts'
import type { RunDetails, RunSummary } from '../../runtime/run/runs.ts'
import { diffRuns, listRuns, removeRun, showRun } from '../../runtime/run/runs.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { runsListOptions, runsRemoveOptions, runsShowOptions } from '../commands/runs.ts'
import { openManifestOf } from '../open.ts'
import { note } from '../output.ts'
import { printReport, printRows } from '../print.ts'
import { limitRows, tableRowsOf } from '../top.ts'

const system = realSystem()

export async function runsListAction(args: OptionsOf<typeof runsListOptions>): Promise<undefined> {
  const { store } = await openManifestOf(args)
  await printRows(
    args,
    {
      columns: [
        { name: 'run', type: 'text' },
        { name: 'job', type: 'text' },
        { name: 'status', type: 'text' },
        { name: 'created', type: 'instant' },
        { name: 'snapshot', type: 'u53' },
        { name: 'rows', type: 'u53', nullable: true },
        { name: 'seconds', type: 'text', nullable: true },
        { name: 'holder', type: 'text', nullable: true },
        { name: 'waits', type: 'text', nullable: true },
      ],
      tableRows: args.top === undefined ? Number.POSITIVE_INFINITY : tableRowsOf(args.top),
    },
    limitRows(args, rowsOf(listRuns({ store, system }))),
  )
}

async function* rowsOf(runs: AsyncIterable<RunSummary>): AsyncGenerator<readonly Value[]> {
  for await (const { run, job, status, created, snapshot, rows, elapsedMs, holder, waits } of runs) {
    const seconds = elapsedMs === null ? null : (elapsedMs / 1000).toFixed(1)
    const process = holder === null ? null : `${holder.host}:${holder.pid}`
    yield [run, job, status, created, snapshot, rows, seconds, process, waits === null ? null : waitText(waits)]
  }
}

/** What a run waits for, and who has it. */
function waitText(waits: Waiting): string {
  const { heldBy, priority } = waits
  const holders = heldBy.length === 0 ? 'others in line' : heldBy.join(', ')
  return `${claimText(waits)} held by ${holders}${priority === 0 ? '' : `, priority ${priority}`}`
}

export async function runsShowAction(args: OptionsOf<typeof runsShowOptions> & { run: string }): Promise<undefined> {
  const { store } = await openManifestOf(args)
  const details = await showRun({ store, system }, args.run)
  const { record, outcome, entries, ...summary } = details
  const failedAttempts = entries.reduce((sum, { attempt }) => sum + attempt - 1, 0)
  const { runKey, job, plan } = record
  const json = {
    ...summary,
    runKey,
    job,
    from: plan.from,
    to: plan.to,
    estimate: plan.estimate,
    outcome: outcome ?? null,
  }
  await printReport(args, json, () => describe(details, failedAttempts))
}

function describe(details: RunDetails, failedAttempts: number): string[] {
  const { run, status, created, snapshot, elapsedMs, holder, waits, record, outcome, stages } = details
  const { job, plan, runKey } = record
  const lines = propertyLines([
    ['run', run],
    ['status', holder === null ? status : `${status}, by process ${holder.pid} on ${holder.host}`],
    ...(waits === null ? [] : [['waits', `for ${waitText(waits)}`] as const]),
    ['created', formatInstant(created)],
    ...(elapsedMs === null ? [] : [['took', humanDuration(elapsedMs)] as const]),
    ['job', `${job.job} of ${job.file}, code ${job.hash.slice(0, 12)}`],
    ['parameters', JSON.stringify(job.params)],
    ...(job.where === undefined ? [] : [['where', job.where] as const]),
    ['period', periodText(plan)],
    ['snapshot', String(snapshot)],
    ['equal work', `run key ${runKey.slice(0, 16)}`],
    ...stages.map(
      (stage) => ['stage', `${stage.stage}: ${stage.committed} of ${countOf(stage.tasks, 'task')}`] as const,
    ),
    [
      'attempts',
      failedAttempts === 0 ? 'none was repeated' : `${countOf(failedAttempts, 'attempt')} before the committed ones`,
    ],
  ])
  if (outcome === undefined) return lines
  const counters = Object.entries({ ...outcome.counters, ...outcome.userCounters })
  return [
    ...lines,
    '',
    ...propertyLines(counters.map(([name, value]) => [name, thousands(value)])),
    '',
    ...coverageLines(outcome.coverage),
    ...(outcome.chaos ? [chaosText(outcome.chaos.seed, outcome.chaos.injected)] : []),
    `leaves runs/${run}/: plan.json, journal, outcome.json, trace.json (for Perfetto), environment.json`,
  ]
}

function periodText({ from, to }: { readonly from: number | null; readonly to: number | null }): string {
  if (from === null && to === null) return 'everything'
  return `${from === null ? 'the beginning' : formatInstant(from)} to ${to === null ? 'the end' : formatInstant(to)}`
}

export async function runsRemoveAction(
  args: OptionsOf<typeof runsRemoveOptions> & { runs: string[] },
): Promise<undefined> {
  const { store } = await openManifestOf(args)
  for (const run of args.runs) {
    await removeRun({ store, system }, run)
    if (!args.quiet) note(`removed run ${run}`)
  }
}

export async function runsDiffAction(
  args: OptionsOf<typeof runsShowOptions> & { a: string; b: string },
): Promise<undefined> {
  const { store } = await openManifestOf(args)
  const differences = await diffRuns({ store, system }, args.a, args.b)
  await printReport(args, { a: args.a, b: args.b, differences }, () =>
    differences.length === 0
      ? ['the runs did the same work and gave the same bytes']
      : tableLines({
          columns: ['fact', 'a', 'b'].map((name) => ({ name, type: 'text' })),
          rows: differences.map(({ fact, a, b }) => [fact, a, b]),
        }),
  )
}
