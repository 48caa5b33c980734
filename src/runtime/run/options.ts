import type { Manifest, StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import type { AdmissionOptions } from '../admission/admission.ts'
import type { Chaos } from '../chaos/chaos.ts'
import type { JobSource } from '../job-source.ts'
import type { LocalRunner } from '../runner/local-runner.ts'
import type { Runner } from '../runner/runner.ts'
import type { AttemptLimits } from './attempts.ts'
import type { RunEvent } from './events.ts'
import type { Resources } from './resources.ts'

/** How a run is carried out; none of it may show in the result. */
export interface ExecutionOptions {
  /** `local`: worker threads, `inline`: this thread, or a runner made for what the run may use. */
  readonly runner?: 'local' | 'inline' | ((resources: Resources) => Runner)
  /** A runner with workers that are started already, to be used where worker threads are; it is closed with the run. */
  readonly started?: LocalRunner | undefined
  /** Worker threads; one per core unless given. */
  readonly workers?: number | undefined
  /** Bound on the memory of the whole process. */
  readonly memoryBytes?: number | undefined
  /** Folder for run files and spills. */
  readonly scratch?: string | undefined
  readonly limits?: Partial<AttemptLimits>
  readonly speculate?: boolean
  /** What is to go wrong on purpose; it must not show in the result. */
  readonly chaos?: Chaos | undefined
  /** Attempts after which workers are replaced. */
  readonly tasksPerPool?: number
  /** How the run shares the machine with other runs; alone unless given. */
  readonly admission?: AdmissionOptions | undefined
  /** Stops the run cleanly; it can be resumed. */
  readonly signal?: AbortSignal | undefined
  onEvent?(event: RunEvent): void
}

/** What is to be run. */
export interface RunOptions extends ExecutionOptions {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  readonly job: JobSource
  /** The newest unless given. */
  readonly snapshot?: StoreSnapshot | undefined
  /** Milliseconds, half-open; a missing end is open. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly partitions?: number | undefined
  readonly splitBytes?: number | undefined
  readonly rowsPerBlock?: number | undefined
  /** What a damaged chunk does. */
  readonly onCorrupt?: 'fail' | 'skip'
  /** Records that may be bad, a number or a share of those read. */
  readonly maxBadRecords?: number | { readonly percent: number } | undefined
}
