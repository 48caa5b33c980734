import { createHash } from 'node:crypto'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installation } from './installation.ts'

/** What a bundle was made from, so that a file that has not changed need not be bundled again, which would cost starting esbuild. */
export interface BundleRecord {
  readonly hash: string
  /** Path, size, time of the last change of content and of the file's entry, and number of the file. */
  readonly inputs: readonly (readonly [path: string, size: number, mtimeMs: number, ctimeMs: number, inode: number])[]
}

function recordPath(folder: string, source: string): string {
  const { version, root } = installation()
  const name = createHash('sha256').update(`3\n${version}\n${root}\n${process.version}\n${source}`).digest('hex')
  return join(folder, `${name.slice(0, 32)}.json`)
}

/** The record of a source, or undefined when there is none that can be read. */
export async function readRecord(folder: string, source: string): Promise<BundleRecord | undefined> {
  try {
    const record: BundleRecord = JSON.parse(await readFile(recordPath(folder, source), 'utf8'))
    return typeof record.hash === 'string' && Array.isArray(record.inputs) ? record : undefined
  } catch {
    return undefined
  }
}

/** True when no input has changed. */
export async function isFresh({ inputs }: BundleRecord): Promise<boolean> {
  const same = await Promise.all(
    inputs.map(
      async ([path, ...facts]) => (await factsOf(path))?.every((fact, index) => fact === facts[index]) ?? false,
    ),
  )
  return same.every(Boolean)
}

/** Notes what a bundle was made from; best effort, since without it the file is bundled again. */
export async function writeRecord(
  folder: string,
  source: string,
  hash: string,
  paths: readonly string[],
): Promise<void> {
  const inputs: (readonly [string, number, number, number, number])[] = []
  for (const path of paths) {
    const facts = await factsOf(path)
    if (!facts) return
    inputs.push([path, ...facts])
  }
  const path = recordPath(folder, source)
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, JSON.stringify({ hash, inputs })).then(
    () => rename(temporary, path),
    () => {},
  )
}

async function factsOf(path: string): Promise<[number, number, number, number] | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && [found.size, found.mtimeMs, found.ctimeMs, found.ino]
}
