import { readPiece, withLocalFile } from './local-file.ts'
import type { LocalFile, ObjectStore } from './store.ts'

/** A body to be stored, read piece by piece and as often as retries need. */
export interface Source {
  readonly sizeBytes: number
  piece(offset: number, length: number): Promise<Uint8Array>
}

/** Opens a body for the length of `use`. */
export async function withSource<Result>(
  body: Uint8Array | LocalFile,
  use: (source: Source) => Promise<Result>,
): Promise<Result> {
  if (body instanceof Uint8Array)
    return use({ sizeBytes: body.length, piece: async (offset, length) => body.subarray(offset, offset + length) })
  return withLocalFile(body, (handle, sizeBytes) =>
    use({ sizeBytes, piece: (offset, length) => readPiece(handle, body, offset, length) }),
  )
}

/** Bytes compared at a time. */
const COMPARE_BYTES = 8 * 1024 * 1024

/** True when a store has this object with exactly the bytes of a source. */
export async function holdsSource(store: ObjectStore, key: string, source: Source): Promise<boolean> {
  const entry = await store.stat(key)
  if (entry?.sizeBytes !== source.sizeBytes) return false
  for (let offset = 0; offset < source.sizeBytes; offset += COMPARE_BYTES) {
    const length = Math.min(COMPARE_BYTES, source.sizeBytes - offset)
    const stored = await store.read(key, { offset, length })
    if (Buffer.compare(stored, await source.piece(offset, length)) !== 0) return false
  }
  return true
}
