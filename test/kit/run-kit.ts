import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleJob } from '../../src/runtime/bundle/bundle.ts'
import type { JobSource } from '../../src/runtime/job-source.ts'
import { jobFromBundle } from '../../src/runtime/job-source.ts'
import type { RunEvent } from '../../src/runtime/run/events.ts'
import type { ExecutionOptions, RunOptions } from '../../src/runtime/run/options.ts'
import type { RunOutcome } from '../../src/runtime/run/outcome.ts'
import { runJob } from '../../src/runtime/run/run-job.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'
import type { FlowStore, TestFlow } from './flow-store.ts'
import { storeFlows } from './flow-store.ts'

/** A store with flows, a scratch folder and jobs from files, all in one temporary folder. */
export interface RunKit extends FlowStore {
  readonly folder: string
  readonly scratch: string
  /** A job of a file below test/runtime/jobs. */
  job(file: string, name: string, params?: { readonly [name: string]: unknown }): Promise<JobSource>
  /** A new empty folder. */
  newFolder(): string
  /** Runs a job with small splits and keeps its events. */
  run(
    job: JobSource,
    options?: Partial<RunOptions> & ExecutionOptions,
  ): Promise<RunOutcome & { readonly events: RunEvent[] }>
  remove(): void
}

export async function createRunKit(flows: readonly TestFlow[]): Promise<RunKit> {
  const folder = mkdtempSync(join(tmpdir(), 'run-kit-'))
  const scratch = join(folder, 'scratch')
  const stored = await storeFlows({ store: await openStore(`file:${folder}/store`), system: realSystem() }, flows)
  let folders = 0
  return {
    ...stored,
    folder,
    scratch,
    async job(file, name, params = {}) {
      const path = fileURLToPath(new URL(`../runtime/jobs/${file}`, import.meta.url))
      return jobFromBundle(await bundleJob(path, { cache: join(folder, 'cache') }), name, { params })
    },
    newFolder() {
      const made = join(folder, `folder-${folders++}`)
      mkdirSync(made)
      return made
    },
    async run(job, options = {}) {
      const events: RunEvent[] = []
      const outcome = await runJob({
        ...{ ...stored, job, scratch, workers: 2, splitBytes: 4000, partitions: 3, rowsPerBlock: 40 },
        ...options,
        limits: { backoffMs: 5, ...options.limits },
        onEvent(event) {
          events.push(event)
          options.onEvent?.(event)
        },
      })
      return { ...outcome, events }
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** What must be equal in two results, whatever became of their attempts. */
export const bytesOf = ({ blocks }: Pick<RunOutcome, 'blocks'>): unknown =>
  blocks.map(({ crc32, records, sizeBytes }) => ({ crc32, records, sizeBytes }))

/** Kinds of the attempts that failed. */
export const failures = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'attempt-failed' && event.kind !== 'superseded' ? [event.kind] : []))
