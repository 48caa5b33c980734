import type { GrowingObject, ObjectStore } from './store.ts'

/** Stores an object of these pieces, one behind the other, under a key that nobody else has; put together first where the store takes whole objects only. */
export async function writePieces(store: ObjectStore, key: string, pieces: readonly Uint8Array[]): Promise<void> {
  if (!store.grow) return store.write(key, Buffer.concat(pieces), { ifAbsent: true })
  const object = await store.grow(key)
  await append(object, pieces).catch(async (error: unknown) => {
    await object.abandon()
    throw error
  })
}

async function append(object: GrowingObject, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) await object.append(piece)
  await object.finish()
}
