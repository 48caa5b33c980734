import { compileKernels } from '../../kernels/load.ts'
import type { StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { JobSource } from '../job-source.ts'
import { LONE_SPLIT_BYTES } from '../plan/plan-run.ts'
import type { LocalRunner } from '../runner/local-runner.ts'
import { createLocalRunner } from './execution.ts'
import type { ExecutionOptions } from './options.ts'
import { shareResources } from './resources.ts'

/**
 * Starts worker threads when a store holds so much that a plan will probably have several splits, before the plan is made: they take as long to load as
 * it does. A job without code of its own needs one less, as this thread takes part. Undefined when one thread will do. The caller closes the runner, which the run may have done before.
 */
export function startEarly(
  snapshot: StoreSnapshot,
  options: Pick<ExecutionOptions, 'runner' | 'workers' | 'memoryBytes'> &
    Pick<JobSource, 'hasCode' | 'bundle'> & { readonly storeUrl: string },
): LocalRunner | undefined {
  if (options.runner === 'inline') return undefined
  if (snapshot.mostBytes() <= LONE_SPLIT_BYTES) return undefined
  compileKernels()
  const runner = createLocalRunner(shareResources(options.workers, options.memoryBytes), {
    preload: options.bundle && { bundle: options.bundle.path, store: options.storeUrl },
  })
  runner.start(options.hasCode ? runner.slots : runner.slots - 1)
  return runner
}
