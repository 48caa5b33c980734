import { mkdir, readFile } from 'node:fs/promises'
import { loadCompiledJob } from '../../runtime/job-loader.ts'
import type { JournalEntry } from '../../runtime/run/journal.ts'
import { rerunTask } from '../../runtime/run/rerun.ts'
import type { TaskDescription } from '../../runtime/task/description.ts'
import { serializeError } from '../../runtime/task/error-json.ts'
import { runAttempt } from '../../runtime/task/run-task.ts'
import { openStore } from '../../storage/open.ts'
import type { OptionsOf } from '../command.ts'
import type { taskOptions } from '../commands/task.ts'
import { UsageError } from '../errors.ts'
import { openManifestOf } from '../open.ts'
import { note, standardOutput } from '../output.ts'

export async function taskAction(args: OptionsOf<typeof taskOptions>): Promise<undefined> {
  const entry = await (args.spec === undefined ? rerun(args) : carryOut(args.spec))
  await standardOutput().write(`${JSON.stringify(entry)}\n`)
}

/** Carries out and commits the attempt that a coordinator has described. Why it failed is printed as JSON too: a submitter acts on its code. */
async function carryOut(spec: string): Promise<JournalEntry> {
  const task = await readSpec(spec)
  try {
    await mkdir(task.scratch, { recursive: true })
    return await runAttempt(task, { store: await openStore(task.store), job: await loadCompiledJob(task.job) })
  } catch (error) {
    await standardOutput().write(`${JSON.stringify({ error: serializeError(error) })}\n`)
    throw error
  }
}

/** Runs a task of a run again; an error of the user's code is shown with its stack. */
async function rerun(args: OptionsOf<typeof taskOptions>): Promise<JournalEntry> {
  const { run, task } = args
  if (run === undefined || task === undefined)
    throw new UsageError('expected --spec FILE, or --run RUN and --task TASK')
  const [, stage, number] = /^(.+)-(\d+)$/.exec(task) ?? []
  if (stage === undefined)
    throw new UsageError(`--task: expected a stage and a number such as ports-map-3, got "${task}"`)
  const { store } = await openManifestOf(args)
  try {
    return await rerunTask({ store, run, stage, task: Number(number) })
  } catch (error) {
    const stack = stackOf(error)
    if (stack !== undefined) note(stack)
    throw error
  }
}

/** The stack of the first cause: the user's code, when that threw. */
function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return stackOf(error.cause) ?? error.stack
}

/** Reads a task description. What it holds beyond its kind and format is for the task itself to find wanting. */
async function readSpec(path: string): Promise<TaskDescription> {
  let spec: unknown
  try {
    spec = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`--spec: expected a readable JSON file, got ${path}`, error)
  }
  if (isTask(spec)) return spec
  throw new UsageError(`--spec: expected a task description of format 1, got something else in ${path}`)
}

function isTask(value: unknown): value is TaskDescription {
  if (typeof value !== 'object' || value === null) return false
  const { formatVersion, type, store, job } = value as { readonly [name: string]: unknown }
  const known = type === 'map' || type === 'reduce' || type === 'result'
  return formatVersion === 1 && known && typeof store === 'string' && typeof job === 'object' && job !== null
}
