import { parseSize } from '../../flow/size.ts'
import { paramsFromText } from '../../runtime/compile/params.ts'
import type { JobSource } from '../../runtime/job-source.ts'
import { jobFromBundle } from '../../runtime/job-source.ts'
import { loadLookups } from '../../runtime/lookup/load.ts'
import { type PreparedRun, prepareRun } from '../../runtime/run/prepare.ts'
import { LEAST_MEMORY_BYTES } from '../../runtime/run/resources.ts'
import type { Manifest, StoreSnapshot } from '../../storage/manifest/manifest.ts'
import { UsageError } from '../errors.ts'
import { chooseJob } from '../job.ts'
import { periodOf, type StoreArguments } from '../open.ts'
import { readOption, wholeNumber } from '../read-option.ts'
import { configOf } from '../settings.ts'

/** Which job, with which parameters. */
export interface JobArguments {
  readonly config: string | undefined
  readonly job: string
  readonly set: readonly string[] | undefined
  readonly where: string | undefined
}

/** What `run` and `explain` are asked to compute. */
export interface RequestArguments extends StoreArguments, JobArguments {
  readonly config: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly at: string | undefined
  readonly workers: number | undefined
  readonly memory: string | undefined
  readonly partitions: number | undefined
  readonly 'split-size': string | undefined
}

/** The job that is asked for, with its parameters and the tables of the configuration. */
export async function jobOf(args: JobArguments): Promise<JobSource> {
  const config = await configOf(args)
  const { definition, bundle } = await chooseJob(args.job, config)
  return jobFromBundle(bundle, definition.name, {
    params: paramsFromText(definition, settingsOf(args.set ?? [])),
    where: args.where,
    lookups: await loadLookups(config.config.lookups ?? {}, config.folder),
  })
}

function settingsOf(texts: readonly string[]): { [name: string]: string } {
  const settings: { [name: string]: string } = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at <= 0) throw new UsageError(`--set: expected NAME=VALUE, got "${text}"`)
    const name = text.slice(0, at)
    if (Object.hasOwn(settings, name)) throw new UsageError(`--set: expected ${name} once, got it twice`)
    settings[name] = text.slice(at + 1)
  }
  return settings
}

/** What the plan of a run is made from, beside the store. */
export interface PlanRequest {
  readonly job: JobSource
  readonly snapshot: StoreSnapshot
  readonly from?: number
  readonly to?: number
  readonly workers: number | undefined
  readonly memoryBytes: number | undefined
  readonly partitions: number | undefined
  readonly splitBytes: number | undefined
}

export function planRequest(args: RequestArguments, job: JobSource, snapshot: StoreSnapshot): PlanRequest {
  return {
    job,
    ...periodOf(args),
    workers: workersOf(args),
    memoryBytes: memoryOf(args),
    partitions:
      args.partitions === undefined ? undefined : wholeNumber('partitions', args.partitions, { min: 1, max: 0xffff }),
    splitBytes: args['split-size'] === undefined ? undefined : readOption('split-size', args['split-size'], parseSize),
    snapshot,
  }
}

/** `--workers`, checked. */
export function workersOf({ workers }: { readonly workers: number | undefined }): number | undefined {
  return workers === undefined ? undefined : wholeNumber('workers', workers, { min: 1, max: 1024 })
}

/** `--memory` in bytes, checked. */
export function memoryOf({ memory }: { readonly memory: string | undefined }): number | undefined {
  if (memory === undefined) return undefined
  const bytes = readOption('memory', memory, parseSize)
  if (bytes >= LEAST_MEMORY_BYTES) return bytes
  throw new UsageError(`--memory: expected at least ${LEAST_MEMORY_BYTES / 1e6}MB, got "${memory}"`)
}

/** Compiles and plans without touching anything. */
export function prepare(request: PlanRequest, manifest: Manifest): Promise<PreparedRun> {
  return prepareRun({ ...request, manifest })
}
