import { StorageError } from '../../../src/storage/errors.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { openReplicaStore, type ReplicaStore } from '../../../src/storage/replica/replica-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { type SeededSystem, seededSystem } from '../../../src/storage/system.ts'
import { type StoreHooks, wrapStore } from '../wrapped-store.ts'

/** A volume that a test can take away, empty, and watch. */
export interface TestVolume {
  readonly url: string
  /** What it holds, past every fault. */
  inner: ObjectStore
  down: boolean
  /** Replaces it by a new, empty disk. */
  empty(): void
}

let made = 0

export function testVolume(name: string, system: SeededSystem): TestVolume {
  const fresh = (): ObjectStore => openMemoryStore({ name: `${name}-${made++}`, system })
  const volume: TestVolume = {
    url: `test:${name}`,
    inner: fresh(),
    down: false,
    empty() {
      volume.inner = fresh()
    },
  }
  return volume
}

/** The volume as one process sees it. */
function viewOf(volume: TestVolume, hooks: StoreHooks): ObjectStore {
  const current: ObjectStore = {
    url: volume.url,
    read: (key, range) => volume.inner.read(key, range),
    write: (key, body, options) => volume.inner.write(key, body, options),
    list: (prefix, startAfter) => volume.inner.list(prefix, startAfter),
    stat: (key) => volume.inner.stat(key),
    remove: (key) => volume.inner.remove(key),
  }
  const check = (): void => {
    if (volume.down) throw new StorageError('unavailable', `store: ${volume.url} expected to answer, got nothing`)
  }
  return wrapStore(current, {
    async before(call) {
      await hooks.before?.(call)
      check()
    },
    async after(call) {
      await hooks.after?.(call)
      check()
    },
  })
}

export interface TestSet {
  readonly system: SeededSystem
  readonly volumes: readonly TestVolume[]
  /** Opens the set as another process would. */
  open(hooks?: StoreHooks): Promise<ReplicaStore>
}

export function testSet(count: number, settings = '', seed = 1): TestSet {
  const system = seededSystem(seed)
  const volumes = Array.from({ length: count }, (_, slot) => testVolume(`v${slot}`, system))
  const url = `replica:${settings}${volumes.map((volume) => volume.url).join(',')}`
  return {
    system,
    volumes,
    open: (hooks = {}) =>
      openReplicaStore({
        url,
        system,
        open: async (volumeUrl) => {
          const volume = volumes.find((candidate) => candidate.url === volumeUrl)
          if (!volume) throw new Error(`no volume ${volumeUrl}`)
          return viewOf(volume, hooks)
        },
      }),
  }
}

export async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const commitKey = (version: number): string => `manifest/${String(version).padStart(20, '0')}.json`
