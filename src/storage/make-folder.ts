import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from './file-error.ts'

/**
 * Makes a folder and those above it that are missing; one that is there is taken. Returns those that were missing, the highest first. Throws what `mkdir` throws. Not
 * `mkdir` with `recursive`: where a file system refuses with ENOENT (/proc), Node 20 tries for ever.
 */
export function makeFolder(folder: string): readonly string[] {
  try {
    return makeOne(folder) ? [folder] : []
  } catch (error) {
    if (!isErrno(error, 'ENOENT') || dirname(folder) === folder) throw error
  }
  const above = makeFolder(dirname(folder))
  makeOne(folder)
  return [...above, folder]
}

/** False when it is there, perhaps because another process was first. */
function makeOne(folder: string): boolean {
  try {
    mkdirSync(folder)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST') && statSync(folder).isDirectory()) return false
    throw error
  }
}
