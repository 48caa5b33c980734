import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from './file-error.ts'

/**
 * Makes a folder and those above it that are missing; one that is there is taken. Throws what `mkdir` throws. Not `mkdir` with `recursive`:
 * where a file system refuses with ENOENT (/proc), Node 20 tries for ever.
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return
  if (dirname(folder) !== folder) makeFolder(dirname(folder))
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have been first.
    if (!isErrno(error, 'EEXIST') || !isFolder(folder)) throw error
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
