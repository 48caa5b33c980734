import { basename } from 'node:path'
import { nearestName } from '../../flow/nearest.ts'
import type { Config } from '../../vocabulary/config.ts'
import { isConfig } from '../../vocabulary/config.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { JobDefinition } from '../../vocabulary/job.ts'
import { isJob } from '../../vocabulary/job.ts'
import { evaluateBundle } from './evaluate.ts'
import type { SourcePlace } from './trace.ts'
import { Tracer } from './trace.ts'

/** A bundle in memory. */
export interface LoadedBundle {
  readonly path: string
  /** Its jobs by name: those it exports, and those of the configuration that it exports. */
  readonly jobs: ReadonlyMap<string, JobDefinition>
  /** The configuration that it exports by default, unchecked. */
  readonly config: Config | undefined
  /** The job of the same name in the second copy of the bundle's code; for `compileJob`. */
  sample(job: JobDefinition): JobDefinition | undefined
  /** Finds the user's file and line that an error comes from; for `compileJob`. */
  locate(error: unknown): SourcePlace | undefined
}

/** Loads a bundle. `name` is what the user calls the file it was made from. Fails with one clear error when its code throws. */
export async function loadBundle(path: string, name = basename(path)): Promise<LoadedBundle> {
  const tracer = new Tracer(path)
  let module: { readonly jobs?: unknown; readonly sample?: unknown }
  try {
    module = evaluateBundle(path) as typeof module // what it exports is looked through below
  } catch (error) {
    const place = tracer.locate(error)?.place
    const message = error instanceof Error ? error.message : String(error)
    throw new JobError(
      'bad-bundle',
      `bundle ${name}: expected a module that loads, it threw${place ? ` at ${place}` : ''}: ${message}`,
      { path },
      error,
    )
  }
  const { jobs, config } = collect(module.jobs, name)
  const samples = collect(module.sample, name).jobs
  return {
    path,
    jobs,
    config,
    sample: (job) => (jobs.get(job.name) === job ? samples.get(job.name) : undefined),
    locate: (error) => tracer.locate(error),
  }
}

function collect(
  exports: unknown,
  name: string,
): { jobs: ReadonlyMap<string, JobDefinition>; config: Config | undefined } {
  const jobs = new Map<string, JobDefinition>()
  let config: Config | undefined
  const add = (job: JobDefinition): void => {
    const other = jobs.get(job.name)
    if (other && other !== job)
      throw new JobError('bad-bundle', `bundle ${name}: expected jobs of different names, got two called '${job.name}'`)
    jobs.set(job.name, job)
  }
  for (const value of Object.values(typeof exports === 'object' && exports !== null ? exports : {})) {
    if (isJob(value)) add(value)
    else if (Array.isArray(value)) value.filter(isJob).forEach(add)
    else if (isConfig(value)) {
      config = value.config
      if (Array.isArray(config.jobs)) config.jobs.filter(isJob).forEach(add)
    }
  }
  return { jobs, config }
}

/** A job of a bundle: the one called `name`, or the only one when no name is given. */
export function selectJob(bundle: LoadedBundle, file: string, name?: string): JobDefinition {
  const names = [...bundle.jobs.keys()]
  if (name === undefined) {
    const [only, second] = bundle.jobs.values()
    if (only && !second) return only
    const got = only ? `${names.length}: name one, as in ${file}#${only.name} (${names.join(', ')})` : 'none'
    throw new JobError('bad-bundle', `bundle ${file}: expected one job, got ${got}`)
  }
  const job = bundle.jobs.get(name)
  if (job) return job
  const nearest = nearestName(name, names)
  throw new JobError(
    'bad-bundle',
    `bundle ${file}: expected one of ${names.join(', ') || 'no jobs'}, got '${name}'${nearest ? `, did you mean '${nearest}'` : ''}`,
  )
}
