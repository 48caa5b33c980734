import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheOf } from '../../launch.ts'
import { StorageError } from '../../storage/errors.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { JobReference } from '../job-reference.ts'
import type { JobSource } from '../job-source.ts'
import { bundleKey, lookupKey } from './layout.ts'

/** Copies what a job is made of into the run, so that any machine can resume it: the bundle with its source map, and lookup tables. */
export async function storeJobFiles(store: ObjectStore, run: string, job: JobSource): Promise<void> {
  if (job.bundle) {
    const { path } = job.bundle
    await store.write(bundleKey(run), await readFile(path))
    const map = await readFile(`${path}.map`).catch(() => undefined)
    if (map) await store.write(`${bundleKey(run)}.map`, map)
  }
  for (const { hash, text } of job.lookups.values())
    await store.write(lookupKey(run, hash), new TextEncoder().encode(text))
}

/** Puts a run's bundle and lookup tables into a folder of this machine, and refers to them there. */
export async function placeJobFiles(
  store: ObjectStore,
  run: string,
  reference: JobReference,
  folder: string,
): Promise<JobReference> {
  const lookups = []
  for (const { name, hash } of reference.lookups) {
    const path = join(folder, `lookup-${hash}.csv`)
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
