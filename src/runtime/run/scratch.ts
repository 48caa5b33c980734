import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { StorageError } from '../../storage/errors.ts'
import type { Holder } from '../../storage/lease.ts'
import { isProcessRunning, thisProcess } from '../../storage/lease.ts'
import { makeFolder } from '../../storage/make-folder.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import { planKey } from './layout.ts'

/** Folders for the run files and spills of runs on this machine: whose they are, and which of them nobody needs any more. */

/** What this user's processes on this machine share. */
export const machineFolder = (): string => join(tmpdir(), `flowreduce-${userInfo().uid}`)

/** Run files of a run that can be resumed are kept for so long after its last coordinator began. */
export const SCRATCH_AGE_MS = 7 * 24 * 3_600_000

const OWNER_FILE = 'owner.json'

/** Who works, or worked last, in a scratch folder. */
interface ScratchOwner {
  readonly run: string
  readonly store: string
  readonly holder: Holder
  /** Whether what lies there may be needed when the process is gone. */
  readonly resumable: boolean
}

/** Folder in which the folders of runs lie: that of `--scratch`, unless it is the store or not given. */
export const scratchRoot = (scratch: string | undefined): string =>
  scratch === undefined || scratch === 'store' ? join(machineFolder(), 'runs') : scratch

/** Makes the scratch folder of a run, or takes it over, and notes in it that this process works there. Gives its path. Throws StorageError `denied`. */
export function claimScratch({
  scratch,
  name,
  ...owner
}: {
  readonly scratch: string | undefined
  readonly name: string
} & Omit<ScratchOwner, 'holder'>): string {
  const root = scratchRoot(scratch)
  const folder = join(root, name)
  try {
    makeFolder(folder)
    writeFileSync(join(folder, OWNER_FILE), JSON.stringify({ ...owner, holder: thisProcess() } satisfies ScratchOwner))
  } catch (error) {
    throw new StorageError('denied', `scratch: expected a folder that can be written, got ${root}`, { root }, error)
  }
  return folder
}

/** Makes a scratch folder for a look at one run that leaves nothing, by this process. */
export const claimPassing = (store: ObjectStore, run: string, why: string): string =>
  claimScratch({
    ...{ scratch: undefined, name: `${run}-${why}-${process.pid}`, run, store: store.url, resumable: false },
  })

/**
 * Removes the folders below `root` that nobody needs: of runs of this store that are committed or removed, of runs of any store whose last coordinator began longer
 * than `SCRATCH_AGE_MS` ago, and of processes that were only to have a look. Never one whose process still runs, nor anything that is no scratch folder. Best effort.
 */
export async function sweepScratch(
  root: string,
  { store, manifest, now }: { readonly store: ObjectStore; readonly manifest: Manifest; readonly now: number },
): Promise<void> {
  for (const name of namesIn(root)) {
    const folder = join(root, name)
    const owner = ownerOf(folder)
    if (!owner || isProcessRunning(owner.holder)) continue
    const age = now - owner.since
    const needed = owner.resumable && age < SCRATCH_AGE_MS && (await isOpen(owner, store, manifest))
    if (!needed) rmSync(folder, { recursive: true, force: true })
  }
}

/** Whether a run may still be resumed; one of another store that is there is taken to be. */
async function isOpen({ run, store: url }: ScratchOwner, store: ObjectStore, manifest: Manifest): Promise<boolean> {
  if (url !== store.url) return !url.startsWith('file:') || existsSync(url.slice('file:'.length))
  try {
    if ((await store.stat(planKey(run))) === undefined) return false
    return (await (await manifest.snapshot()).transaction(run)) < 0
  } catch {
    return true
  }
}

function namesIn(root: string): readonly string[] {
  try {
    return readdirSync(root)
  } catch {
    return []
  }
}

function ownerOf(folder: string): (ScratchOwner & { readonly since: number }) | undefined {
  const file = join(folder, OWNER_FILE)
  try {
    const owner: ScratchOwner = JSON.parse(readFileSync(file, 'utf8'))
    return { ...owner, since: statSync(file).mtimeMs }
  } catch {
    return undefined
  }
}
