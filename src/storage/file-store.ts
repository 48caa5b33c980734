import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError } from './errors.ts'
import { type FileErrorContext, fileError, isErrno, keyBesidePart } from './file-error.ts'
import { listFolder } from './file-list.ts'
import { fill, readPart, readWhole } from './file-read.ts'
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
  /** Folders whose own names are on the disk, or will be when the promise resolves. */
  private readonly durable = new Map<string, Promise<void>>()
  private prepared: Promise<void> | undefined

  constructor(folder: string, system: System) {
    this.url = `file:${folder}`
    this.folder = folder
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
    const file = await open(path, 'r').catch(told)
    return {
      readInto: (target, offset) => fill(file.fd, target, offset).catch(told),
      close: () => file.close(),
    }
  }

  async write(key: string, body: Uint8Array | LocalFile, { ifAbsent = false }: WriteOptions = {}): Promise<void> {
    const path = this.path(key)
    try {
      await this.writeFile(path, body, ifAbsent).catch((error: unknown) => {
        if (!isErrno(error, 'ENOENT')) throw error
        // somebody took folders away that we know of; without that knowledge they are made again
        this.durable.clear()
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
      await growing.close()
      await this.makeFolder(dirname(path))
      await rename(growing.path, path)
      await syncFolder(dirname(path))
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
      await unlink(path)
      await syncFolder(dirname(path))
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return
      throw fileError(error, this.context('remove', key))
    }
  }

  private path(key: string): string {
    checkKey(key)
    return join(this.folder, key)
  }

  private context(action: string, key: string): FileErrorContext {
    return { action, key, url: this.url, path: join(this.folder, key) }
  }

  private async writeFile(path: string, body: Uint8Array | LocalFile, ifAbsent: boolean): Promise<void> {
    await this.prepare()
    const temporary = join(this.folder, TEMPORARY_FOLDER, temporaryName())
    try {
      await writeDurably(temporary, body)
      await this.makeFolder(dirname(path))
      if (ifAbsent) await linkOnce(temporary, path)
      else await rename(temporary, path)
    } finally {
      await unlink(temporary).catch(() => undefined)
    }
    await syncFolder(dirname(path))
  }

  /** Makes the store's folder and clears what dead writers left, once per opened store. A failure is tried again by the next write. */
  private prepare(): Promise<void> {
    this.prepared ??= this.makeFolder(join(this.folder, TEMPORARY_FOLDER))
      .then(() => this.clearStale())
      .catch((error: unknown) => {
        this.prepared = undefined
        if (!isErrno(error, 'ENOTDIR', 'EEXIST')) throw error
        throw new StorageError('bad-url', `store: folder expected at ${this.folder}, got a file`, { path: this.folder })
      })
    return this.prepared
  }

  /** Makes a folder, and sees to it that its name, and that of each folder above it up to the store's, is on the disk. */
  private makeFolder(folder: string): Promise<void> {
    const known = this.durable.get(folder)
    if (known) return known
    const made = this.makeDurable(folder)
    this.durable.set(folder, made)
    made.catch(() => this.durable.delete(folder))
    return made
  }

  private async makeDurable(folder: string): Promise<void> {
    const above = dirname(folder)
    const within = folder.length > this.folder.length
    if (within) await this.makeFolder(above)
    const made = await makeFolders(folder)
    // a folder of this store may be new from a writer that did not get so far; one above it is its owner's, unless made here
    if (within || made) await syncFolder(above)
  }

  /** Best effort: a file that another writer clears first, or that may not be removed, stays for the next time. */
  private async clearStale(): Promise<void> {
    const folder = join(this.folder, TEMPORARY_FOLDER)
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const found = await stat(path).catch(() => undefined)
      if (found && found.mtimeMs < this.system.now() - STALE_MS) await unlink(path).catch(() => undefined)
    }
  }
}

/** Writes a new file whose bytes are on the disk once the promise resolves. A copy of a local file shares its blocks where the file system can. */
async function writeDurably(path: string, body: Uint8Array | LocalFile): Promise<void> {
  if (!(body instanceof Uint8Array))
    await copyFile(body.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const file = await open(path, body instanceof Uint8Array ? 'wx' : 'r')
  try {
    if (body instanceof Uint8Array) await file.writeFile(body)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Gives a file a second name that must be free. A network file system may carry out a link and lose the reply; then the file has two names. */
async function linkOnce(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
    if ((await stat(from)).nlink > 1) return
    throw (await stat(to)).isDirectory() ? keyBesidePart(to) : error
  }
}

/**
 * Makes a folder and those above it that are missing; true when it made any. Each new name above the folder is on the disk afterwards.
 * Not `mkdir` with `recursive`: where a file system refuses with ENOENT (/proc), Node 20 never comes back from that.
 */
async function makeFolders(folder: string): Promise<boolean> {
  const made = await makeOne(folder)
  if (made !== 'no parent') return made === 'made'
  if (await makeFolders(dirname(folder))) await syncFolder(dirname(dirname(folder)))
  await mkdir(folder).catch((error: unknown) => {
    if (!isErrno(error, 'EEXIST')) throw error
  })
  return true
}

async function makeOne(folder: string): Promise<'made' | 'there' | 'no parent'> {
  try {
    await mkdir(folder)
    return 'made'
  } catch (error) {
    if (isErrno(error, 'ENOENT') && dirname(folder) !== folder) return 'no parent'
    if (isErrno(error, 'EEXIST') && (await stat(folder)).isDirectory()) return 'there'
    throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
