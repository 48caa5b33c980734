import type { ObjectStore } from '../../src/storage/store.ts'
import { type StoreCall, type StoreMethod, wrapStore } from './wrapped-store.ts'

export interface CountingStore {
  readonly store: ObjectStore
  /** Calls since the last reset, in the order they began. */
  readonly calls: readonly StoreCall[]
  /** Calls per method since the last reset; a method never called is 0. */
  counts(): { readonly [method in StoreMethod]: number }
  reset(): void
}

/** A store that remembers its calls, for tests of what a thing costs. */
export function countingStore(inner: ObjectStore): CountingStore {
  const calls: StoreCall[] = []
  const store = wrapStore(inner, { before: (call) => void calls.push(call) })
  return {
    store,
    calls,
    counts() {
      const counts = { read: 0, write: 0, list: 0, stat: 0, remove: 0 }
      for (const { method } of calls) counts[method]++
      return counts
    },
    reset: () => void calls.splice(0),
  }
}
