import type { ByteRange, LocalFile, ObjectEntry, ObjectStore, WriteOptions } from '../../src/storage/store.ts'

export type StoreMethod = 'read' | 'write' | 'list' | 'stat' | 'remove'

/** One call of a store, the `index`-th from 0. Its name, as in `write manifest/00000000000000000001.json`, is that of its crash point. */
export interface StoreCall {
  readonly index: number
  readonly method: StoreMethod
  /** The key, or the prefix of a listing. */
  readonly key: string
  readonly ifAbsent: boolean
}

export interface StoreHooks {
  /** Runs before the effect; what it throws, the caller gets, and the effect does not happen. */
  before?(call: StoreCall): void | Promise<void>
  /** Runs after the effect; what it throws, the caller gets instead of the result. */
  after?(call: StoreCall): void | Promise<void>
}

/** A store that tells `hooks` of every call. A listing is one call: `after` runs when it has been walked to its end. */
export function wrapStore(inner: ObjectStore, hooks: StoreHooks): ObjectStore {
  let count = 0
  const begin = async (method: StoreMethod, key: string, ifAbsent = false): Promise<StoreCall> => {
    const call = { index: count++, method, key, ifAbsent }
    await hooks.before?.(call)
    return call
  }
  const around = async <Result>(begun: Promise<StoreCall>, effect: () => Promise<Result>): Promise<Result> => {
    const call = await begun
    const result = await effect()
    await hooks.after?.(call)
    return result
  }
  return {
    url: inner.url,
    read: (key: string, range?: ByteRange) => around(begin('read', key), () => inner.read(key, range)),
    write: (key: string, body: Uint8Array | LocalFile, options?: WriteOptions) =>
      around(begin('write', key, options?.ifAbsent), () => inner.write(key, body, options)),
    async *list(prefix: string, startAfter?: string): AsyncIterable<ObjectEntry> {
      const call = await begin('list', prefix)
      yield* inner.list(prefix, startAfter)
      await hooks.after?.(call)
    },
    stat: (key: string) => around(begin('stat', key), () => inner.stat(key)),
    remove: (key: string) => around(begin('remove', key), () => inner.remove(key)),
  }
}
