import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { LookupSource } from '../../vocabulary/config.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { LookupTable } from './table.ts'
import { parseLookup, tableOfRows } from './table.ts'

/** Loads the tables of a configuration; files are found from `folder`, that of the configuration file. */
export async function loadLookups(
  sources: { readonly [name: string]: LookupSource },
  folder: string,
): Promise<ReadonlyMap<string, LookupTable>> {
  const tables = new Map<string, LookupTable>()
  for (const [name, source] of Object.entries(sources)) {
    tables.set(
      name,
      'file' in source ? await loadFile(name, resolve(folder, source.file)) : tableOfRows(name, await source.rows()),
    )
  }
  return tables
}

async function loadFile(name: string, path: string): Promise<LookupTable> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new JobError(
      'bad-lookup',
      `lookup ${name}: expected a readable file, got ${code} for ${path}`,
      { path },
      error,
    )
  }
  return parseLookup(name, text)
}
