import { readFile } from 'node:fs/promises'
import { loadCompiledJob } from '../../runtime/job-loader.ts'
import type { TaskDescription } from '../../runtime/task/description.ts'
import { runAttempt } from '../../runtime/task/run-task.ts'
import { openStore } from '../../storage/open.ts'
import type { OptionsOf } from '../command.ts'
import type { taskOptions } from '../commands/task.ts'
import { UsageError } from '../errors.ts'
import { standardOutput } from '../output.ts'

export async function taskAction({ spec }: OptionsOf<typeof taskOptions>): Promise<undefined> {
  const task = await readSpec(spec)
  const entry = await runAttempt(task, { store: await openStore(task.store), job: await loadCompiledJob(task.job) })
  await standardOutput().write(`${JSON.stringify(entry)}\n`)
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
