import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheOf } from '../../launch.ts'
import { allDone } from '../../storage/all-done.ts'
import { StorageError } from '../../storage/errors.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { JobReference } from '../job-reference.ts'
import type { JobSource } from '../job-source.ts'
import { bundleKey, lookupKey } from './layout.ts'

/** Copies what a job is made of into the run, so that any machine can resume it: the bundle with its source map, and lookup tables. */
export async function storeJobFiles(store: ObjectStore, run: string, job: JobSource): Promise<void> {
  const tables = [...job.lookups.values()]
  await allDone([
    ...(job.bundle ? [storeBundle(store, run, job.bundle.path)] : []),
    ...tables.map(({ hash, text }) => store.write(lookupKey(run, hash), new TextEncoder().encode(text))),
  ])
}

async function storeBundle(store: ObjectStore, run: string, path: string): Promise<void> {
  const map = await readFile(`${path}.map`).catch(() => undefined)
  await allDone([
    store.write(bundleKey(run), await readFile(path)),
    ...(map ? [store.write(`${bundleKey(run)}.map`, map)] : []),
  ])
}

/** Refers to a job where it lies on this machine already; its lookup tables become files of a folder. */
export async function referToJob(reference: JobReference, job: JobSource, folder: string): Promise<JobReference> {
  const tables = [...job.lookups.values()]
  const lookups = tables.map(({ name, hash }) => ({ name, hash, path: lookupPath(folder, hash) }))
  await allDone(tables.map(({ hash, text }) => place(lookupPath(folder, hash), new TextEncoder().encode(text))))
  return { ...reference, lookups }
}

const lookupPath = (folder: string, hash: string): string => join(folder, `lookup-${hash}.csv`)

/** Puts a run's bundle and lookup tables into a folder of this machine, and refers to them there. */
export async function placeJobFiles(
  store: ObjectStore,
  run: string,
  reference: JobReference,
  folder: string,
): Promise<JobReference> {
  const lookups = []
  for (const { name, hash } of reference.lookups) {
    const path = lookupPath(folder, hash)
    await place(path, await store.read(lookupKey(run, hash)))
    lookups.push({ name, hash, path })
  }
  if (reference.bundle === '') return { ...reference, lookups }
  const bundle = join(folder, `${reference.hash}.cjs`)
  await place(bundle, await store.read(bundleKey(run)))
  // Compiled code serves this machine alone, and only if it is there.
  await copyFile(cacheOf(reference.bundle), cacheOf(bundle)).catch(() => undefined)
  const map = await store.read(`${bundleKey(run)}.map`).catch(absent)
  if (map) await place(`${bundle}.map`, map)
  return { ...reference, bundle, lookups }
}

async function place(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
}

function absent(error: unknown): undefined {
  if (error instanceof StorageError && error.code === 'not-found') return undefined
  throw error
}
