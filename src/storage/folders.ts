import { dirname } from 'node:path'
import { allDone } from './all-done.ts'
import { durably } from './file-write.ts'
import { makeFolder } from './make-folder.ts'

/** A folder that is being made. */
export interface MadeFolder {
  /** Resolves when files can be made in it; true when it was not there before. */
  readonly there: Promise<boolean>
  /** Resolves when its name, and that of each folder above it up to the root, is on the disk. */
  readonly durable: Promise<void>
}

/** The folders of a file store, each made once. Disks are waited for side by side: a file may be written, and get its name, while the names above it are still on their way. */
export class Folders {
  readonly #root: string
  readonly #known = new Map<string, MadeFolder>()

  constructor(root: string) {
    this.#root = root
  }

  /** Makes a folder, and those above it. A failure is tried again by the next call. */
  make(folder: string): MadeFolder {
    const known = this.#known.get(folder)
    if (known) return known
    const above = folder.length > this.#root.length ? this.make(dirname(folder)) : undefined
    const there = makeBelow(folder, above)
    const made = { there, durable: becomeDurable(folder, there, above) }
    this.#known.set(folder, made)
    made.durable.catch(() => this.#known.delete(folder))
    return made
  }

  /** Somebody took folders away: without knowledge of them they are made again. */
  forget(): void {
    this.#known.clear()
  }
}

async function makeBelow(folder: string, above: MadeFolder | undefined): Promise<boolean> {
  await above?.there
  const made = makeFolder(folder)
  // The name of the folder itself is waited for apart from these.
  await allDone(made.slice(0, -1).map((name) => syncFolder(dirname(name))))
  return made.length > 0
}

/** A folder of the store may be new from a writer that did not get so far; one above it is its owner's, unless made here. */
async function becomeDurable(folder: string, there: Promise<boolean>, above: MadeFolder | undefined): Promise<void> {
  const isNew = await there
  await allDone([...(above ? [above.durable] : []), ...(above || isNew ? [syncFolder(dirname(folder))] : [])])
}

/** Has the disk take the names in a folder. */
export const syncFolder = (folder: string): Promise<void> => durably(folder, 'r')
