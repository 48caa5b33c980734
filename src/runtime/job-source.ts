import type { ColumnSpec } from '../flow/column.ts'
import type { JobDefinition } from '../vocabulary/job.ts'
import { isJob } from '../vocabulary/job.ts'
import type { JobBundle } from './bundle/bundle.ts'
import { loadBundle, selectJob } from './bundle/load.ts'
import { compileJob } from './compile/compile.ts'
import type { LookupTable } from './lookup/table.ts'
import type { CompiledJob } from './program.ts'

/** A job that can be run: what it reads, and how it is compiled once the columns of that are known. */
export interface JobSource {
  readonly job: string
  readonly params: { readonly [name: string]: unknown }
  readonly where: string | undefined
  readonly lookups: ReadonlyMap<string, LookupTable>
  /** Datasets that it and the jobs before it read. */
  readonly datasets: readonly string[]
  /** Whether it or a job before it has a `map`. */
  readonly hasCode: boolean
  /** Where other threads and processes find it; a definition in memory can only run inline. */
  readonly bundle: { readonly path: string; readonly hash: string; readonly file: string } | undefined
  compile(datasets: { readonly [dataset: string]: readonly ColumnSpec[] }): CompiledJob
}

export interface JobSourceOptions {
  readonly params?: { readonly [name: string]: unknown }
  /** `--where`. */
  readonly where?: string | undefined
  /** Tables of the configuration. */
  readonly lookups?: ReadonlyMap<string, LookupTable>
}

/** The job called `name` of a bundle, or its only one. */
export async function jobFromBundle(
  { path, hash, source }: JobBundle,
  name: string | undefined,
  options: JobSourceOptions = {},
): Promise<JobSource> {
  const loaded = await loadBundle(path, source)
  const definition = selectJob(loaded, source, name)
  const locate = (error: unknown): ReturnType<typeof loaded.locate> => loaded.locate(error)
  const sample = (job: JobDefinition): JobDefinition | undefined => loaded.sample(job)
  return { ...sourceOf(definition, options, { locate, sample }), bundle: { path, hash, file: source } }
}

/** A definition in memory, for the inline runner. */
export function jobFromDefinition(definition: JobDefinition, options: JobSourceOptions = {}): JobSource {
  return sourceOf(definition, options, {})
}

function sourceOf(
  definition: JobDefinition,
  { params = {}, where, lookups = new Map() }: JobSourceOptions,
  extra: Pick<NonNullable<Parameters<typeof compileJob>[2]>, 'locate' | 'sample'>,
): JobSource {
  const chain = chainOf(definition)
  return {
    ...{ job: definition.name, params, where, lookups, bundle: undefined },
    datasets: datasetsOf(chain),
    hasCode: chain.some(({ shape }) => shape !== 'group'),
    compile: (datasets) =>
      compileJob(definition, params, { datasets, lookups, ...(where === undefined ? {} : { where }), ...extra }),
  }
}

/** A job and those before it, the first one last. What is wrong with a definition is for the compiler to say. */
function chainOf(definition: JobDefinition): readonly JobDefinition[] {
  const chain: JobDefinition[] = []
  for (let job: unknown = definition; isJob(job) && !chain.includes(job); ) {
    chain.push(job)
    const { input } = job.spec
    job = typeof input === 'object' && 'job' in input ? input.job : input
  }
  return chain
}

/** The dataset that the first job of a chain reads; none for one that is not well formed. */
function datasetsOf(chain: readonly JobDefinition[]): readonly string[] {
  const { input = 'flows' } = chain.at(-1)!.spec
  return typeof input === 'string' ? [input] : []
}
