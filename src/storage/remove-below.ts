import type { ObjectStore } from './store.ts'

/** Removes all objects whose keys start with `prefix`. */
export async function removeBelow(store: ObjectStore, prefix: string): Promise<void> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  for (const key of keys) await store.remove(key)
}
