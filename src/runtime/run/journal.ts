import { hostname } from 'node:os'
import { StorageError } from '../../storage/errors.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import type { TaskDescription, TaskResult } from '../task/description.ts'
import { journalKey, journalPrefix } from './layout.ts'

/** A committed task: what its attempt did and where its run file lies. Format 1. */
export interface JournalEntry extends TaskResult {
  readonly formatVersion: 1
  readonly stage: string
  readonly task: number
  readonly generation: number
  readonly attempt: number
  readonly epoch: number
  /** Of a reduce task: how many tasks its stage has. */
  readonly tasks?: number
  /** Machine on which the run file lies. */
  readonly host: string
  readonly pid: number
}

const entryKey = ({ run, stage, task, generation }: TaskDescription): string => journalKey(run, stage, task, generation)

/** What an attempt would commit. */
export function entryOf(description: TaskDescription, result: TaskResult): JournalEntry {
  const { type, stage, task, generation, attempt, epoch } = description
  const who = { formatVersion: 1 as const, stage, task, generation, attempt, epoch }
  const of = type === 'reduce' ? { tasks: description.tasks } : {}
  return { ...who, ...of, host: hostname(), pid: process.pid, ...result }
}

/**
 * Commits an attempt. The entry is written if absent, so of several attempts of one task and generation exactly one commits, whenever the others wake up; those fail
 * with code `fenced`.
 */
export async function commitAttempt(
  store: ObjectStore,
  task: TaskDescription,
  result: TaskResult,
): Promise<JournalEntry> {
  const entry = entryOf(task, result)
  const bytes = encode(entry)
  try {
    await store.write(entryKey(task), bytes, { ifAbsent: true })
  } catch (error) {
    if (await isStored(store, task, bytes)) return entry
    if (!(error instanceof StorageError && error.code === 'exists')) throw error
    throw fenced(task, error)
  }
  return entry
}

/** Whether an entry was written although the write failed: its reply was lost. An entry holds the times of its attempt, so no two are equal. */
async function isStored(store: ObjectStore, task: TaskDescription, bytes: Uint8Array): Promise<boolean> {
  try {
    return Buffer.compare(await store.read(entryKey(task)), bytes) === 0
  } catch {
    return false
  }
}

/** The entries of a run with the highest generation of each task. */
export async function readJournal(store: ObjectStore, run: string): Promise<JournalEntry[]> {
  const newest = new Map<string, JournalEntry>()
  for await (const { key } of store.list(journalPrefix(run))) {
    const entry = parse(key, await store.read(key))
    const task = `${entry.stage}-${entry.task}`
    if ((newest.get(task)?.generation ?? -1) < entry.generation) newest.set(task, entry)
  }
  return [...newest.values()]
}

/** The entry that holds one task and generation. */
export async function readEntry(store: ObjectStore, task: TaskDescription): Promise<JournalEntry> {
  const key = entryKey(task)
  return parse(key, await store.read(key))
}

function fenced({ stage, task, attempt, generation }: TaskDescription, cause: unknown): RuntimeError {
  const message = `task ${stage}-${task}: attempt ${attempt} expected to commit generation ${generation}, got another attempt's entry`
  return new RuntimeError('fenced', message, { stage, task, attempt, generation }, cause)
}

const encode = (entry: JournalEntry): Uint8Array => new TextEncoder().encode(JSON.stringify(entry))

function parse(key: string, bytes: Uint8Array): JournalEntry {
  const entry: JournalEntry = JSON.parse(new TextDecoder().decode(bytes))
  if (entry.formatVersion === 1) return entry
  throw new StorageError('bad-format', `journal: ${key} expected format 1, got ${entry.formatVersion}`, { key })
}
