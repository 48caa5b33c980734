import { type FileHandle, open } from 'node:fs/promises'
import { StorageError } from './errors.ts'
import type { LocalFile } from './store.ts'

/** All bytes of a local file; fails with a storage error that names it. */
export async function readLocalFile(file: LocalFile): Promise<Uint8Array> {
  return withLocalFile(file, async (handle, sizeBytes) => readPiece(handle, file, 0, sizeBytes))
}

/** Opens a local file for the length of `use`, which gets its handle and size. */
export async function withLocalFile<Result>(
  { path }: LocalFile,
  use: (handle: FileHandle, sizeBytes: number) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    const code = error.code === 'ENOENT' ? 'not-found' : 'denied'
    throw new StorageError(code, `store: local file expected at ${path}, got ${error.code}`, { path }, error)
  })
  try {
    return await use(handle, (await handle.stat()).size)
  } finally {
    await handle.close()
  }
}

/** `length` bytes of an open local file, in memory of their own; fails when the file ends before. */
export async function readPiece(
  handle: FileHandle,
  { path }: LocalFile,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  // not from Node's pool: the receiver may transfer the memory to another thread
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0)
      throw new StorageError(
        'corrupt',
        `store: file expected ${offset + length} bytes, got ${offset + filled} at ${path}`,
      )
    filled += bytesRead
  }
  return bytes
}
