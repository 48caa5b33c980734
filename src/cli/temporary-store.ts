import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importFiles } from '../ingest/import.ts'
import { flowsText } from '../report/progress.ts'
import { type Manifest, openManifest } from '../storage/manifest/manifest.ts'
import { openStore } from '../storage/open.ts'
import type { ObjectStore } from '../storage/store.ts'
import { realSystem } from '../storage/system.ts'
import { note } from './output.ts'
import { standardProgress } from './progress.ts'
import { configOf, decoderOptionsOf } from './settings.ts'

interface Arguments {
  readonly config: string | undefined
  readonly quiet: boolean | undefined
}

/** Imports captures into a store of their own, works on it, and removes it, however the work ends. */
export async function withImported<T>(
  args: Arguments,
  files: readonly string[],
  work: (opened: { store: ObjectStore; manifest: Manifest }) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'flowreduce-'))
  try {
    const system = realSystem()
    const store = await openStore(`file:${folder}`)
    const manifest = await openManifest(store, { system, create: true })
    const progress = standardProgress(args.quiet)
    const { warnings } = await importFiles({
      ...{ files, store, manifest, system, again: true },
      decoder: decoderOptionsOf(await configOf(args)),
      onProgress: (flows) => progress.update((elapsedMs) => flowsText('imported', flows, undefined, elapsedMs)),
    }).finally(() => progress.clear())
    if (!args.quiet) for (const warning of warnings) note(warning, 'warning')
    return await work({ store, manifest })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
