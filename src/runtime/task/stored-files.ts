import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StorageError } from '../../storage/errors.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { RuntimeError } from '../error.ts'
import { filesPrefix } from '../run/layout.ts'
import type { RunSource } from '../shuffle/run-source.ts'
import type { StoredRunFile, TaskDescription, TaskResult } from './description.ts'

/** Bytes fetched at a time. */
const RANGE_BYTES = 8 * 1024 * 1024

/** Stores a copy of the run file of an attempt, where the run keeps those. */
export async function storeRunFile(
  task: TaskDescription,
  result: TaskResult,
  store: ObjectStore,
  name: string,
): Promise<TaskResult> {
  if (!task.keepsFiles || !result.file) return result
  const key = `${filesPrefix(task.run)}${name}.run`
  await store.write(key, { path: result.file.path })
  const file: StoredRunFile = { ...result.file, key }
  return { ...result, file }
}

/** The description of a task with all its sources on this machine: those that are not are fetched from the store. */
export async function fetchSources(task: TaskDescription, store: ObjectStore, name: string): Promise<TaskDescription> {
  if (task.type === 'map') {
    const pieces = []
    for (const piece of task.pieces)
      pieces.push(
        piece.type === 'run' ? { ...piece, source: await fetchSource(piece.source, task, store, name) } : piece,
      )
    return { ...task, pieces }
  }
  const sources = []
  for (const source of task.sources) sources.push(await fetchSource(source, task, store, name))
  return { ...task, sources }
}

/** Errors about a fetched file name the path that the journal has, by which its task is found. */
async function fetchSource(
  source: RunSource,
  task: TaskDescription,
  store: ObjectStore,
  name: string,
): Promise<RunSource> {
  const { path, key } = source
  if (key === undefined || existsSync(path)) return source
  const target = join(task.scratch, key.slice(key.lastIndexOf('/') + 1))
  if (!existsSync(target)) {
    const partial = `${target}.${name}.part`
    try {
      await mkdir(dirname(target), { recursive: true })
      await pipeline(Readable.from(ranges(store, key)), createWriteStream(partial))
      await rename(partial, target)
    } catch (error) {
      await rm(partial, { force: true })
      if (!(error instanceof StorageError && error.code === 'not-found')) throw error
      throw new RuntimeError('missing-run-file', `run file: ${key} expected in the store, got none`, { path }, error)
    }
  }
  return { ...source, path: target }
}

async function* ranges(store: ObjectStore, key: string): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ; offset += RANGE_BYTES) {
    const bytes = await store.read(key, { offset, length: RANGE_BYTES })
    if (bytes.length > 0) yield bytes
    if (bytes.length < RANGE_BYTES) return
  }
}
