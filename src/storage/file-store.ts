import { constants, linkSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { copyFile, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { allDone } from './all-done.ts'
import { StorageError } from './errors.ts'
import { type FileErrorContext, fileError, isErrno, keyBesidePart } from './file-error.ts'
import { listFolder } from './file-list.ts'
import { AtHandReader, fill, openToRead, readPart, readWhole } from './file-read.ts'
import { durably, writeWhole } from './file-write.ts'
import { Folders, syncFolder } from './folders.ts'
import { GrowingFile } from './growing-file.ts'
import { checkKey, checkPrefix, checkRange } from './key.ts'
import type {
  ByteRange,
  GrowingObject,
  LocalFile,
  ObjectEntry,
  ObjectStore,
  OpenObject,
  WriteOptions,
} from './store.ts'
import { realSystem, type System } from './system.ts'

/** Folder of a file store where objects are written before they get their name; no key begins with a dot, so no listing shows it. */
export const TEMPORARY_FOLDER = '.tmp'

/** A name that no other writer has, on any machine: files are created under it only if there is none, and `node:crypto` would take longer to load than a task to write. */
const temporaryName = (): string => `${Date.now().toString(36)}-${process.pid}-${Math.random().toString(36).slice(2)}`

/** Of this thread: what it learns of one file of a disk holds for the others. */
const atHand = new AtHandReader()

/** Age after which a temporary file belongs to a writer that died. */
const STALE_MS = 24 * 3_600_000

export interface FileStoreOptions {
  /** Absolute path of the folder; made by the first write. */
  readonly folder: string
  readonly system?: System
}

/** Opens the file store in a folder. Nothing is touched before the first call. */
export function openFileStore({ folder, system = realSystem() }: FileStoreOptions): ObjectStore {
  return new FileStore(folder, system)
}

/**
 * Key K is the file DIR/K. An object gets its name in one step, when its bytes are on the disk: a temporary file, fsync, then `link` (which fails when
 * the name is taken, so that one of any number of writers wins) or `rename`, then fsync of the folder. A writer that dies leaves a temporary file,
 * which some later writer clears.
 */
class FileStore implements ObjectStore {
  readonly url: string
  private readonly folder: string
  private readonly system: System
  private readonly folders: Folders
  private prepared: Promise<void> | undefined

  constructor(folder: string, system: System) {
    this.url = `file:${folder}`
    this.folder = folder
    this.folders = new Folders(folder)
    this.system = system
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array> {
    const path = this.path(key)
    if (range) checkRange(range)
    try {
      return await (range ? readPart(path, range) : readWhole(path))
    } catch (error) {
      throw fileError(error, this.context('read', key))
    }
  }

  async open(key: string): Promise<OpenObject> {
    const path = this.path(key)
    const told = (error: unknown): never => {
      throw fileError(error, this.context('read', key))
    }
    const { fd, close } = openToRead(path, told)
    const readNow = (target: Uint8Array, offset: number): number | undefined => {
      try {
        return atHand.fill(fd, target, offset)
      } catch (error) {
        return told(error)
      }
    }
    return { readInto: (target, offset) => fill(fd, target, offset).catch(told), readNow, close }
  }

  async write(key: string, body: Uint8Array | LocalFile, { ifAbsent = false }: WriteOptions = {}): Promise<void> {
    const path = this.path(key)
    try {
      await this.writeFile(path, body, ifAbsent).catch((error: unknown) => {
        if (!isErrno(error, 'ENOENT')) throw error
        this.folders.forget()
        this.prepared = undefined
        return this.writeFile(path, body, ifAbsent)
      })
    } catch (error) {
      throw fileError(error, this.context('write', key))
    }
  }

  async grow(key: string): Promise<GrowingObject> {
    const path = this.path(key)
    const told = (error: unknown): never => {
      throw fileError(error, this.context('write', key))
    }
    await this.prepare().catch(told)
    const growing = await GrowingFile.create(join(this.folder, TEMPORARY_FOLDER, temporaryName())).catch(told)
    const finish = async (): Promise<void> => {
      const { there, durable } = this.folders.make(dirname(path))
      await allDone([growing.close(), there])
      renameSync(growing.path, path)
      await allDone([syncFolder(dirname(path)), durable])
    }
    return {
      append: (bytes) => growing.append(bytes).catch(told),
      finish: () => finish().catch(told),
      abandon: () => growing.abandon(),
    }
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<ObjectEntry> {
    checkPrefix(prefix)
    checkPrefix(startAfter)
    try {
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      yield* listFolder({ root: this.folder, folder, prefix, startAfter })
    } catch (error) {
      throw fileError(error, this.context('list', prefix))
    }
  }

  async stat(key: string): Promise<ObjectEntry | undefined> {
    const path = this.path(key)
    try {
      const found = await stat(path)
      return found.isFile() ? { key, sizeBytes: found.size, modified: Math.floor(found.mtimeMs) } : undefined
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
      throw fileError(error, this.context('stat', key))
    }
  }

  async remove(key: string): Promise<void> {
    const path = this.path(key)
    try {
      unlinkSync(path)
      await syncFolder(dirname(path))
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return
      throw fileError(error, this.context('remove', key))
    }
  }

  private path(key: string): string {
    checkKey(key)
    return `${this.folder}${sep}${key}`
  }

  private context(action: string, key: string): FileErrorContext {
    return { action, key, url: this.url, path: `${this.folder}${sep}${key}` }
  }

  private async writeFile(path: string, body: Uint8Array | LocalFile, ifAbsent: boolean): Promise<void> {
    const { there, durable } = this.folders.make(dirname(path))
    await this.prepare()
    const temporary = join(this.folder, TEMPORARY_FOLDER, temporaryName())
    try {
      await allDone([writeDurably(temporary, body), there])
      if (ifAbsent) linkOnce(temporary, path)
      else renameSync(temporary, path)
    } catch (error) {
      clear(temporary)
      throw error
    }
    if (ifAbsent) clear(temporary)
    await allDone([syncFolder(dirname(path)), durable])
  }

  /** Makes the store's folder and clears what dead writers left, once per opened store. A failure is tried again by the next write. */
  private prepare(): Promise<void> {
    this.prepared ??= this.folders
      .make(join(this.folder, TEMPORARY_FOLDER))
      .there.then(() => this.clearStale())
      .catch((error: unknown) => {
        this.prepared = undefined
        if (!isErrno(error, 'ENOTDIR', 'EEXIST')) throw error
        throw new StorageError('bad-url', `store: folder expected at ${this.folder}, got a file`, { path: this.folder })
      })
    return this.prepared
  }

  /** Best effort: a file that another writer clears first, or that may not be removed, stays for the next time. */
  private clearStale(): void {
    const folder = join(this.folder, TEMPORARY_FOLDER)
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      const found = statSync(path, { throwIfNoEntry: false })
      if (found && found.mtimeMs < this.system.now() - STALE_MS) clear(path)
    }
  }
}

/** Writes a new file whose bytes are on the disk once the promise resolves. A copy of a local file shares its blocks where the file system can. */
async function writeDurably(path: string, body: Uint8Array | LocalFile): Promise<void> {
  if (body instanceof Uint8Array) return durably(path, 'wx', (fd) => writeWhole(fd, body))
  await copyFile(body.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await durably(path, 'r')
}

/** Removes a file; best effort. */
function clear(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is gone, or is cleared when it is old.
  }
}

/** Gives a file a second name that must be free. A network file system may carry out a link and lose the reply; then the file has two names. */
function linkOnce(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
    if (statSync(from).nlink > 1) return
    throw statSync(to).isDirectory() ? keyBesidePart(to) : error
  }
}
