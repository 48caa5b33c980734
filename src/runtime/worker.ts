import { parentPort, threadId } from 'node:worker_threads'
import { monotonicMs } from '../flow/clock.ts'
import { compileKernels } from '../kernels/load.ts'
import { FirstReads } from '../storage/block/first-read.ts'
import { openStore } from '../storage/open.ts'
import type { ObjectStore } from '../storage/store.ts'
import { evaluateBundle } from './bundle/evaluate.ts'
import { runFaultyAttempt } from './chaos/faulty-attempt.ts'
import { loadCompiledJob } from './job-loader.ts'
import type { AttemptReply, AttemptRequest, ProgressMessage } from './runner/messages.ts'
import { serializeError } from './task/error-json.ts'
import type { AttemptOptions } from './task/run-task.ts'

/** The entry of a worker thread: carries out one attempt at a time and never throws, so that errors cross as plain data. */

const PROGRESS_MS = 100
/** Exit code of a worker that was to be killed: that of signal 9. */
const EXIT_ON_PURPOSE = 137

const stores = new Map<string, Promise<{ readonly store: ObjectStore; readonly reads: FirstReads }>>()

// The coordinator is still planning.
compileKernels()
preload(process.argv[2], process.argv[3])

/** Loads the bundle of the job that will come and opens the store; if that fails the first attempt says why. */
function preload(bundle: string | undefined, store: string | undefined): void {
  if (bundle === undefined || store === undefined) return
  storeOf(store).catch(() => stores.delete(store))
  try {
    evaluateBundle(bundle)
  } catch {}
}

export default async function attempt({ id, task, faults, next }: AttemptRequest): Promise<AttemptReply> {
  try {
    const job = await loadCompiledJob(task.job)
    const { store, reads } = await storeOf(task.store)
    let told = 0
    const options: AttemptOptions = {
      store,
      job,
      reads,
      next,
      onProgress(counters) {
        const now = monotonicMs()
        if (now - told < PROGRESS_MS) return
        told = now
        const message: ProgressMessage = { type: 'progress', id, counters }
        parentPort?.postMessage(message)
      },
    }
    const entry = await runFaultyAttempt(task, options, { faults, die: () => process.exit(EXIT_ON_PURPOSE) })
    return { type: 'committed', entry, threadId }
  } catch (error) {
    return { type: 'failed', error: serializeError(error), threadId }
  }
}

function storeOf(url: string): Promise<{ readonly store: ObjectStore; readonly reads: FirstReads }> {
  const known = stores.get(url)
  if (known) return known
  const opened = openStore(url).then((store) => ({ store, reads: new FirstReads(store) }))
  stores.set(url, opened)
  return opened
}
