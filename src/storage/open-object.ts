import type { BlockSource, OpenObject } from './store.ts'

/** Opens an object of any store: where the store has no way of its own, every part is a `read`, and copied. */
export async function openObject(store: BlockSource, key: string): Promise<OpenObject> {
  if (store.open) return store.open(key)
  return {
    async readInto(target, offset) {
      const bytes = await store.read(key, { offset, length: target.length })
      target.set(bytes)
      return bytes.length
    },
    async close() {},
  }
}
