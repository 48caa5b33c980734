import { closeSync, openSync, read, readFile } from 'node:fs'
import { open } from 'node:fs/promises'
import { cutRange } from './key.ts'
import { readPiece } from './local-file.ts'
import type { ByteRange } from './store.ts'

/** Reading files of a store; errors are the system's. */

/** All bytes of a file. Not by a `FileHandle`: opening a manifest reads dozens of small files. */
export const readWhole = (path: string): Promise<Uint8Array> =>
  new Promise((resolve, reject) =>
    readFile(path, (error, bytes) =>
      error ? reject(error) : resolve(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)),
    ),
  )

/** A part of a file, cut at its end. */
export async function readPart(path: string, range: ByteRange): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { offset, length } = cutRange(size, range)
    return await readPiece(file, { path }, offset, length)
  } finally {
    await file.close()
  }
}

/** Opens a file for `fill`, at once: handing that to another thread and waiting for it takes longer. `told` throws what the system says. */
export function openToRead(path: string, told: (error: unknown) => never): { fd: number; close(): Promise<void> } {
  try {
    const fd = openSync(path, 'r')
    return { fd, close: async () => closeSync(fd) }
  } catch (error) {
    return told(error)
  }
}

/** Fills `target` from a place of an open file; returns how many bytes there were. Not by a `FileHandle`, whose calls cost several promises each. */
export async function fill(fd: number, target: Uint8Array, offset: number): Promise<number> {
  let filled = 0
  while (filled < target.length) {
    const length = target.length - filled
    const got = await new Promise<number>((resolve, reject) =>
      read(fd, target, filled, length, offset + filled, (error, bytes) => (error ? reject(error) : resolve(bytes))),
    )
    if (got === 0) break
    filled += got
  }
  return filled
}
