import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../storage/make-folder.ts'
import { IngestError } from '../error.ts'

/**
 * Takes a folder for this process and returns how to give it back. A lock left by a process that is gone is taken over, also when its
 * number belongs to another process by now. Throws IngestError `spool`.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock')
  try {
    makeFolder(folder)
    const [holder = 0, begun = 0] = existsSync(path) ? readFileSync(path, 'utf8').split(' ').map(Number) : []
    const other = holder > 0 && holder !== process.pid && isRunning(holder) && begun === startedAt(holder)
    if (other || held.has(path)) {
      throw new IngestError('spool', `ingest: spool ${folder} expected to be free, got in use by process ${holder}`, {
        folder,
      })
    }
    replaceFile(path, `${process.pid} ${startedAt(process.pid)}`)
    held.add(path)
  } catch (error) {
    if (error instanceof IngestError) throw error
    throw new IngestError(
      'spool',
      `ingest: spool expected a folder that can be written, got ${folder}`,
      { folder },
      error,
    )
  }
  return () => {
    if (held.delete(path)) rmSync(path, { force: true })
  }
}

/** Locks of this process. */
const held = new Set<string>()

/** Writes a file whole or not at all. */
export function replaceFile(path: string, body: string | Uint8Array): void {
  const temporary = `${path}.tmp`
  try {
    writeFileSync(temporary, body)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** When a process began, in clock ticks since boot (Linux: field 22 of /proc/<pid>/stat); 0 where that is not told. */
function startedAt(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return 0
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
