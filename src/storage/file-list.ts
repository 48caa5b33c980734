import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from './file-error.ts'
import { isKey } from './key.ts'
import type { ObjectEntry } from './store.ts'

export interface ListFolderOptions {
  readonly root: string
  /** The folder to walk, as a prefix of keys: empty or ending in `/`. */
  readonly folder: string
  readonly prefix: string
  readonly startAfter: string
}

/** Files whose sizes are asked for at a time. */
const STAT_BATCH = 64

/**
 * Files below a folder in byte order of their keys. Holds the names of one folder per level, never of the whole tree, and enters only folders
 * that can hold a wanted key. What is not a key (the temporary folder, files of other programs) is passed over.
 */
export async function* listFolder(options: ListFolderOptions): AsyncIterable<ObjectEntry> {
  const names = await wantedNames(options)
  let files: string[] = []
  for (const name of names) {
    if (!name.endsWith('/')) {
      files.push(name)
      if (files.length < STAT_BATCH) continue
    }
    yield* entries(options, files)
    files = []
    if (name.endsWith('/')) yield* listFolder({ ...options, folder: options.folder + name })
  }
  yield* entries(options, files)
}

/**
 * Names in a folder under which wanted keys may lie, sorted; those of folders end in `/`, which puts `a-b` before `a/c` before `a0`, as in a
 * listing of whole keys.
 */
async function wantedNames({ root, folder, prefix, startAfter }: ListFolderOptions): Promise<string[]> {
  const path = join(root, folder)
  const names: string[] = []
  for (const entry of await readFolder(path)) {
    if (!isKey(entry.name)) continue
    const kind = await kindOf(path, entry)
    if (kind === undefined) continue
    const name = kind === 'folder' ? `${entry.name}/` : entry.name
    const key = folder + name
    const inPrefix = key.startsWith(prefix) || (kind === 'folder' && prefix.startsWith(key))
    const after = key > startAfter || (kind === 'folder' && startAfter.startsWith(key))
    if (inPrefix && after) names.push(name)
  }
  return names.sort()
}

/** What is in a folder; nothing when it is gone or never was. */
async function readFolder(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/** A symbolic link counts as what it points to: an operator may move a folder to another disk. */
async function kindOf(path: string, entry: Dirent): Promise<'file' | 'folder' | undefined> {
  const found = entry.isSymbolicLink() ? await stat(join(path, entry.name)).catch(() => undefined) : entry
  if (found?.isFile()) return 'file'
  return found?.isDirectory() ? 'folder' : undefined
}

/** Sizes of files, in the order of their names; one that is gone by now is passed over. */
async function* entries({ root, folder }: ListFolderOptions, files: readonly string[]): AsyncIterable<ObjectEntry> {
  const found = await Promise.all(files.map((name) => statFile(root, folder + name)))
  for (const entry of found) if (entry) yield entry
}

async function statFile(root: string, key: string): Promise<ObjectEntry | undefined> {
  try {
    const { size, mtimeMs } = await stat(join(root, key))
    return { key, sizeBytes: size, modified: Math.floor(mtimeMs) }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
