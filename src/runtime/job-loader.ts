import { readFile } from 'node:fs/promises'
import { loadBundle, selectJob } from './bundle/load.ts'
import { compileJob } from './compile/compile.ts'
import type { JobReference, LookupReference } from './job-reference.ts'
import { LateLookup } from './lookup/late.ts'
import type { LookupTable } from './lookup/table.ts'
import type { CompiledJob } from './program.ts'

const MAX_LOADED = 8
const loaded = new Map<string, Promise<CompiledJob>>()

/** Compiles the job that a reference names; once per thread. */
export function loadCompiledJob(reference: JobReference): Promise<CompiledJob> {
  const id = JSON.stringify(reference)
  const known = loaded.get(id)
  if (known) return known
  const compiled = compile(reference)
  if (loaded.size >= MAX_LOADED) loaded.clear()
  loaded.set(id, compiled)
  return compiled
}

async function compile({ bundle, file, job, params, where, datasets, lookups }: JobReference): Promise<CompiledJob> {
  const module = await loadBundle(bundle, file)
  return compileJob(selectJob(module, file, job), params, {
    datasets,
    lookups: await readLookups(lookups),
    ...(where === undefined ? {} : { where }),
    locate: (error) => module.locate(error),
    sample: (definition) => module.sample(definition),
  })
}

async function readLookups(references: readonly LookupReference[]): Promise<ReadonlyMap<string, LookupTable>> {
  const tables = await Promise.all(
    references.map(async ({ name, path, hash }) => {
      const text = await readFile(path, 'utf8')
      return [name, new LateLookup({ name, text, hash })] as const
    }),
  )
  return new Map(tables)
}
