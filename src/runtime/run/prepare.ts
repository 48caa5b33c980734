import { createHash } from 'node:crypto'
import type { StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { JobReference } from '../job-reference.ts'
import type { JobSource } from '../job-source.ts'
import type { DatasetView } from '../plan/dataset.ts'
import { viewDataset } from '../plan/dataset.ts'
import type { Plan } from '../plan/plan.ts'
import { planRun } from '../plan/plan-run.ts'
import type { CompiledJob } from '../program.ts'
import type { RunOptions } from './options.ts'
import { shareResources } from './resources.ts'

/** A run that has been compiled and planned, and has touched nothing. */
export interface PreparedRun {
  readonly snapshot: StoreSnapshot
  readonly compiled: CompiledJob
  readonly plan: Plan
  /** Avro schemas of the blocks read, by id. */
  readonly schemas: { readonly [schemaId: string]: unknown }
  /** The reference, lookups not yet written to files. */
  readonly reference: JobReference
}

/** Compiles a job against a snapshot and plans the run: all that `explain` needs. Reads the manifest, and nothing else. */
export async function prepareRun(
  options: Pick<
    RunOptions,
    | 'manifest'
    | 'job'
    | 'snapshot'
    | 'from'
    | 'to'
    | 'partitions'
    | 'splitBytes'
    | 'rowsPerBlock'
    | 'workers'
    | 'memoryBytes'
  >,
): Promise<PreparedRun> {
  const { job, from, to, partitions, splitBytes, rowsPerBlock } = options
  const snapshot = options.snapshot ?? (await options.manifest.snapshot())
  const period = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  const views: { [dataset: string]: DatasetView } = {}
  for (const dataset of job.datasets) views[dataset] = await viewDataset(snapshot, dataset, period)
  const columns = Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view.columns]))
  const compiled = job.compile(columns)
  const { version, time, storeId } = snapshot
  const { workers, attemptBytes } = shareResources(options.workers, options.memoryBytes)
  const plan = planRun({
    ...{
      job: compiled,
      snapshot: { version, time, storeId },
      datasets: views,
      from,
      to,
      workers,
      attemptBytes,
      partitions,
      splitBytes,
    },
    ...(rowsPerBlock === undefined ? {} : { rowsPerBlock }),
  })
  const schemas = Object.assign({}, ...Object.values(views).map((view) => view.schemas))
  return { snapshot, compiled, plan, schemas, reference: referenceOf(job, columns) }
}

function referenceOf(job: JobSource, datasets: JobReference['datasets']): JobReference {
  const { params, where, lookups } = job
  const bundle = job.bundle ?? { path: '', hash: inMemoryHash(job), file: 'memory' }
  return {
    ...{ bundle: bundle.path, hash: bundle.hash, file: bundle.file, job: job.job, params, datasets },
    ...(where === undefined ? {} : { where }),
    lookups: [...lookups.values()].map(({ name, hash }) => ({ name, path: '', hash })),
  }
}

/** A definition in memory has no code of its own to hash; its name stands for it. */
const inMemoryHash = ({ job }: JobSource): string => createHash('sha256').update(`memory:${job}`).digest('hex')
