import { StorageError } from './errors.ts'
import { checkKey, checkPrefix, cutRange } from './key.ts'
import { readLocalFile } from './local-file.ts'
import type { ByteRange, LocalFile, ObjectEntry, ObjectStore, WriteOptions } from './store.ts'
import { realSystem, type System } from './system.ts'

interface MemoryObject {
  readonly bytes: Uint8Array
  readonly modified: number
}

/** Stores of this thread by their URL: `memory:` lives in one thread and is gone with it. */
const storesOfThread = new Map<string, MemoryStore>()

/** Opens the memory store of this name, made on first use; without a name a new one, whose URL tells the name it got. */
export function openMemoryStore({
  name = '',
  system = realSystem(),
}: {
  readonly name?: string
  readonly system?: System
} = {}): ObjectStore {
  const url = `memory:${name === '' ? storesOfThread.size + 1 : name}`
  const known = storesOfThread.get(url)
  if (known) return known
  const store = new MemoryStore(url, system)
  storesOfThread.set(url, store)
  return store
}

/** Objects in a map, their keys in a sorted array. Bytes are copied on the way in and out, as through a disk. */
class MemoryStore implements ObjectStore {
  readonly url: string
  private readonly system: System
  private readonly objects = new Map<string, MemoryObject>()
  private readonly keys: string[] = []

  constructor(url: string, system: System) {
    this.url = url
    this.system = system
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array> {
    checkKey(key)
    const object = this.objects.get(key)
    if (object === undefined)
      throw new StorageError('not-found', `store: object expected in ${this.url}, got none at ${key}`, { key })
    const { offset, length } = cutRange(object.bytes.length, range)
    return object.bytes.slice(offset, offset + length)
  }

  async write(key: string, body: Uint8Array | LocalFile, { ifAbsent = false }: WriteOptions = {}): Promise<void> {
    checkKey(key)
    const bytes = new Uint8Array(body instanceof Uint8Array ? body : await readLocalFile(body))
    const known = this.objects.has(key)
    if (known && ifAbsent)
      throw new StorageError('exists', `store: object expected absent in ${this.url}, got one at ${key}`, { key })
    this.objects.set(key, { bytes, modified: this.system.now() })
    if (!known) this.keys.splice(this.firstAfter(key), 0, key)
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<ObjectEntry> {
    checkPrefix(prefix)
    checkPrefix(startAfter)
    let last = startAfter
    if (prefix > startAfter) {
      last = prefix
      if (this.objects.has(prefix)) yield this.entry(prefix)
    }
    for (;;) {
      const key = this.keys[this.firstAfter(last)]
      if (!key?.startsWith(prefix)) return
      yield this.entry(key)
      last = key
    }
  }

  async stat(key: string): Promise<ObjectEntry | undefined> {
    checkKey(key)
    return this.objects.has(key) ? this.entry(key) : undefined
  }

  async remove(key: string): Promise<void> {
    checkKey(key)
    if (this.objects.delete(key)) this.keys.splice(this.firstAfter(key) - 1, 1)
  }

  private entry(key: string): ObjectEntry {
    const object = this.objects.get(key)
    return { key, sizeBytes: object?.bytes.length ?? 0, modified: object?.modified ?? 0 }
  }

  /** Index of the first key that sorts after `key`; keys are ASCII, so string order is byte order. */
  private firstAfter(key: string): number {
    let low = 0
    let high = this.keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.keys[middle] ?? '') <= key) low = middle + 1
      else high = middle
    }
    return low
  }
}
