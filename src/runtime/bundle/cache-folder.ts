import { mkdir } from 'node:fs/promises'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** The folder for what can be made again: FLOWREDUCE_CACHE, else `flowreduce` in the user's cache folder. */
export function cacheFolder(): string {
  const { FLOWREDUCE_CACHE, XDG_CACHE_HOME } = process.env
  return FLOWREDUCE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'flowreduce')
}

/** Makes a folder below the cache folder; one below the temporary folder where that cannot be written. */
export async function makeCacheFolder(name: string, cache = cacheFolder()): Promise<string> {
  const folder = join(cache, name)
  try {
    await mkdir(folder, { recursive: true })
    return folder
  } catch {
    const fallback = join(tmpdir(), `flowreduce-${userInfo().uid}`, name)
    await mkdir(fallback, { recursive: true, mode: 0o700 })
    return fallback
  }
}
