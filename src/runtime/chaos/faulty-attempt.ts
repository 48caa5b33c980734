import { setTimeout as sleep } from 'node:timers/promises'
import { StorageError } from '../../storage/errors.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { JournalEntry } from '../run/journal.ts'
import { journalPrefix } from '../run/layout.ts'
import type { TaskDescription } from '../task/description.ts'
import type { AttemptOptions } from '../task/run-task.ts'
import { runAttempt } from '../task/run-task.ts'
import type { AttemptFaults, Moment } from './attempt-faults.ts'

/** Carries out an attempt with what is to go wrong in it; `die` ends the worker. Without faults it is `runAttempt`. */
export async function runFaultyAttempt(
  task: TaskDescription,
  options: AttemptOptions,
  { faults, die }: { readonly faults: AttemptFaults | undefined; die(): never },
): Promise<JournalEntry> {
  if (!faults) return runAttempt(task, options)
  if (faults.delayMs > 0) await sleep(faults.delayMs)
  return runAttempt(task, { ...options, store: faultyStore(options.store, task.run, faults, die) })
}

/** The store as the attempt sees it: strikes at its first call, and around the write of its journal entry. */
function faultyStore(
  store: ObjectStore,
  run: string,
  { killAt, failStoreAt }: AttemptFaults,
  die: () => never,
): ObjectStore {
  let calls = 0
  const strike = (moment: Moment, call: string): void => {
    if (killAt === moment) die()
    if (failStoreAt === moment)
      throw new StorageError('unavailable', `chaos: ${call} expected an answer, got none on purpose`)
  }
  const around = async <T>(call: string, commits: boolean, effect: () => Promise<T>): Promise<T> => {
    if (calls++ === 0) strike('first-call', call)
    if (commits) strike('before-commit', call)
    const result = await effect()
    if (commits) strike('after-commit', call)
    return result
  }
  return {
    url: store.url,
    read: (key, range) => around(`read of ${key}`, false, () => store.read(key, range)),
    write: (key, body, options) =>
      around(`write of ${key}`, key.startsWith(journalPrefix(run)), () => store.write(key, body, options)),
    list: (prefix, startAfter) => store.list(prefix, startAfter),
    stat: (key) => around(`stat of ${key}`, false, () => store.stat(key)),
    remove: (key) => around(`removal of ${key}`, false, () => store.remove(key)),
  }
}
