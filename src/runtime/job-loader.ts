import { pathToFileURL } from 'node:url'
import { RuntimeError } from './error.ts'
import type { JobReference } from './job-reference.ts'
import type { CompiledJob } from './program.ts'

const loaded = new Map<string, Promise<CompiledJob>>()

/** Compiles the job that a reference names; once per thread. */
export function loadCompiledJob(reference: JobReference): Promise<CompiledJob> {
  const id = JSON.stringify(reference)
  const known = loaded.get(id)
  if (known) return known
  const compiled = load(reference)
  loaded.set(id, compiled)
  return compiled
}

async function load({ bundle, params }: JobReference): Promise<CompiledJob> {
  const module: { default?: unknown } = await import(pathToFileURL(bundle).href)
  if (typeof module.default !== 'function')
    throw new RuntimeError(
      'bad-program',
      `job: bundle ${bundle} expected a default export, got ${typeof module.default}`,
    )
  return module.default(params)
}
