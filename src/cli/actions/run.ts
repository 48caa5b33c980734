import { availableParallelism } from 'node:os'
import { parseDuration } from '../../flow/time.ts'
import { isBytes } from '../../report/columns.ts'
import { coverageLines } from '../../report/coverage.ts'
import { humanDuration, shortCount } from '../../report/number.ts'
import type { Chaos } from '../../runtime/chaos/chaos.ts'
import { chaosText, parseChaos } from '../../runtime/chaos/chaos.ts'
import type { JobSource } from '../../runtime/job-source.ts'
import { startEarly } from '../../runtime/run/early-workers.ts'
import type { RunOptions } from '../../runtime/run/options.ts'
import type { RunOutcome } from '../../runtime/run/outcome.ts'
import { runJob } from '../../runtime/run/run-job.ts'
import type { Manifest, StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { executionOptions, runOptions } from '../commands/run.ts'
import { EXIT, UsageError } from '../errors.ts'
import { openManifestOf, snapshotAt } from '../open.ts'
import { note, standardOutput } from '../output.ts'
import { type ChosenFormat, chooseFormat, rowWriter } from '../print.ts'
import { readOption, wholeNumber } from '../read-option.ts'
import { RunPainter } from '../run-painter.ts'
import { listenForStop } from '../signals.ts'
import { withUpkeep } from '../upkeep.ts'
import { printPlan } from './explain.ts'
import { jobOf, memoryOf, planRequest, prepare, workersOf } from './request.ts'

type Arguments = OptionsOf<typeof runOptions> & { job: string; files: string[] | undefined }

export async function runAction(args: Arguments): Promise<number> {
  const format = await chooseFormat(args)
  const execution = executionOf(args)
  const { files = [] } = args
  const loading = jobOf(args)
  const opening = files.length === 0 ? openSnapshot(args) : undefined
  // What is wrong with the store is told after what is wrong with the job; without early workers the run starts its own.
  const started = opening
    ?.then(async ({ snapshot, store }) => {
      const { hasCode, bundle } = await loading
      return args['dry-run'] ? undefined : startEarly(snapshot, { ...execution, hasCode, bundle, storeUrl: store.url })
    })
    .catch(() => undefined)
  try {
    const job = await loading
    const work = (opened: Opened): Promise<number> => runIn(opened, args, { job, format, execution, started })
    if (opening) return await work(await opening)
    const { withImported } = await import('../temporary-store.ts')
    return await withImported(args, files, async (opened) =>
      work({ ...opened, snapshot: await opened.manifest.snapshot() }),
    )
  } finally {
    await (await started)?.close()
  }
}

interface Opened {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly snapshot: StoreSnapshot
}

/** What was found in opening a store is its newest snapshot. */
async function openSnapshot(args: Arguments): Promise<Opened> {
  const { store, manifest } = await openManifestOf(args)
  return { store, manifest, snapshot: args.at === undefined ? manifest.known() : await snapshotAt(manifest, args.at) }
}

interface Work {
  readonly job: JobSource
  readonly format: ChosenFormat
  readonly execution: ReturnType<typeof executionOf>
  readonly started: Promise<ReturnType<typeof startEarly>> | undefined
}

/** Runs, or explains, a job over an open store. */
async function runIn(opened: Opened, args: Arguments, { job, format, execution, started }: Work): Promise<number> {
  const request = planRequest(args, job, opened.snapshot)
  if (args['dry-run']) {
    await printPlan(args, await prepare(request, opened.manifest), request)
    return EXIT.done
  }
  const tolerance = toleranceOf(args)
  const early = { started: await started }
  const outcome = await watched(args.quiet, execution, (watch) =>
    withUpkeep(opened.store, () =>
      runJob({ ...request, ...execution, ...early, ...opened, ...tolerance, ...watch, system: realSystem() }),
    ),
  )
  await printOutcome(args, format, outcome)
  return EXIT.done
}

/** Carries out a run with progress on standard error; a stop signal ends it cleanly. */
export async function watched(
  quiet: boolean | undefined,
  { chaos }: { readonly chaos?: Chaos | undefined },
  work: (watch: Required<Pick<RunOptions, 'signal' | 'onEvent'>>) => Promise<RunOutcome>,
): Promise<RunOutcome> {
  const painter = new RunPainter(quiet)
  const stop = listenForStop(() => painter.interrupted())
  return work({ signal: stop.signal, onEvent: (event) => painter.show(event) }).finally(() => {
    painter.done()
    if (chaos && !quiet) note(chaosText(chaos.seed, painter.injected))
    stop.done()
  })
}

/** The options of how a run is carried out. */
export function executionOf(
  args: OptionsOf<typeof executionOptions>,
): Pick<RunOptions, 'runner' | 'workers' | 'memoryBytes' | 'scratch' | 'limits' | 'admission' | 'chaos'> {
  const workers = workersOf(args)
  return {
    runner: args.runner === 'inline' ? 'inline' : 'local',
    workers,
    memoryBytes: memoryOf(args),
    scratch: args.scratch,
    limits: {
      maxFailures: wholeNumber('attempts', args.attempts, { min: 1, max: 1000 }),
      timeLimitMs: readOption('task-timeout', args['task-timeout'], parseDuration),
    },
    admission: {
      // More workers than cores are wanted as such.
      slots:
        args.slots === undefined
          ? Math.max(availableParallelism(), workers ?? 1)
          : wholeNumber('slots', args.slots, { min: 1, max: 65_536 }),
      priority: wholeNumber('priority', args.priority, { min: -1000, max: 1000 }),
    },
    chaos: args.chaos === undefined ? undefined : parseChaos(args.chaos, wholeNumber('seed', args.seed)),
  }
}

function toleranceOf(args: Arguments): Pick<RunOptions, 'onCorrupt' | 'maxBadRecords'> {
  const [, number = '', share] = /^(\d+(?:\.\d+)?)(%)?$/.exec(args['max-bad-records']) ?? []
  const value = Number(number)
  if (number === '' || (share === undefined ? !Number.isSafeInteger(value) : value > 100)) {
    throw new UsageError(
      `--max-bad-records: expected a number or a share such as 0.1%, got "${args['max-bad-records']}"`,
    )
  }
  return {
    onCorrupt: args['on-corrupt'] === 'skip' ? 'skip' : 'fail',
    maxBadRecords: share === undefined ? value : { percent: value },
  }
}

/** What printing a result needs to know of the command line. */
export interface OutcomeArguments {
  readonly format: string
  readonly top: number | undefined
  readonly quiet: boolean | undefined
}

/** Prints the result of a run: rows, and what they rest on. */
export async function printOutcome(args: OutcomeArguments, format: ChosenFormat, outcome: RunOutcome): Promise<void> {
  const { job, run, snapshot, coverage, columns, counters } = outcome
  const table = format.format === 'table'
  const limit = args.top === undefined ? (table ? 20 : Number.POSITIVE_INFINITY) : wholeNumber('top', args.top)
  const total = counters.resultRows
  const bars = process.stdout.isTTY ? columns.find(isBytes)?.name : undefined
  const head = { job, run, snapshot, coverage }
  const writer = rowWriter(format, { columns, head, tableRows: limit, total, bars })
  let left = limit
  if (left > 0) {
    for await (const batch of outcome.rows()) {
      if (batch.length > left) batch.length = left
      await writer.add(batch)
      left -= batch.length
      if (left <= 0) break
    }
  }
  await writer.finish()
  const facts = coverageLines(coverage)
  if (table) await standardOutput().write(`\n${facts.join('\n')}\n`)
  else if (!args.quiet && format.format !== 'json') for (const line of facts) note(line)
  if (!args.quiet) note(`run ${run}: snapshot ${snapshot}, ${speed(outcome)}`)
}

function speed({ counters, elapsedMs }: RunOutcome): string {
  const flows = counters.mapped + counters.unmatched + counters.outsidePeriod + counters.quarantined
  return `${shortCount(flows)} flows in ${humanDuration(elapsedMs)}, ${shortCount((flows * 1000) / Math.max(1, elapsedMs))} flows/s`
}
