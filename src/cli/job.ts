import { existsSync } from 'node:fs'
import { nearestName } from '../flow/nearest.ts'
import { builtinBundle } from '../runtime/bundle/builtin.ts'
import { bundleJob, type JobBundle } from '../runtime/bundle/bundle.ts'
import { type LoadedBundle, loadBundle, selectJob } from '../runtime/bundle/load.ts'
import type { LoadedConfig } from '../runtime/config.ts'
import type { JobDefinition } from '../vocabulary/job.ts'
import { UsageError } from './errors.ts'

/** A job that the user named, and the bundle that every worker loads it from. */
export interface ChosenJob {
  readonly definition: JobDefinition
  readonly bundle: JobBundle
  readonly loaded: LoadedBundle
  /** What the user calls the file it comes from; `built-in` for those of the installation. */
  readonly file: string
}

/** Finds what JOB means: `FILE`, `FILE#name`, a job of the configuration, or a built-in job, in this order. */
export async function chooseJob(text: string, config: LoadedConfig): Promise<ChosenJob> {
  if (isFile(text)) return jobOfFile(text, config)
  const jobs = await knownJobs(config)
  const chosen = jobs.find(({ definition }) => definition.name === text)
  if (chosen !== undefined) return chosen
  const names = jobs.map(({ definition }) => definition.name)
  const nearest = nearestName(text, names)
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  throw new UsageError(
    `unknown job "${text}"${hint} (expected one of ${names.join(', ')}, or a file such as ./my-job.ts)`,
  )
}

/** The jobs that can be named without a file, those of the configuration first; they hide built-in ones of the same name. */
export async function knownJobs({ file }: LoadedConfig): Promise<ChosenJob[]> {
  const jobs: ChosenJob[] = []
  if (file !== undefined) jobs.push(...jobsOf(file.bundle, file.loaded, file.path))
  const bundle = await builtinBundle()
  for (const job of jobsOf(bundle, await loadBundle(bundle.path, BUILT_IN), BUILT_IN)) {
    if (!jobs.some(({ definition }) => definition.name === job.definition.name)) jobs.push(job)
  }
  return jobs
}

const BUILT_IN = 'built-in'

function jobsOf(bundle: JobBundle, loaded: LoadedBundle, file: string): ChosenJob[] {
  return [...loaded.jobs.values()].map((definition) => ({ definition, bundle, loaded, file }))
}

const isFile = (text: string): boolean => /[/\\#]|\.([mc]?[jt]s|ya?ml)$/.test(text)

async function jobOfFile(text: string, config: LoadedConfig): Promise<ChosenJob> {
  // A file whose own name holds a # is taken whole.
  const hash = existsSync(text) ? -1 : text.lastIndexOf('#')
  const [path, name] = hash < 0 ? [text, undefined] : [text.slice(0, hash), text.slice(hash + 1)]
  const bundle = await bundleJob(path, config.file === undefined ? {} : { config: config.file.path })
  const loaded = await loadBundle(bundle.path, path)
  return { definition: selectJob(loaded, path, name), bundle, loaded, file: path }
}
