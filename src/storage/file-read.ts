import { closeSync, openSync, read, readFile, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { monotonicMs } from '../flow/clock.ts'
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

/** What reading from the system's memory takes at most: anything above has waited for a disk, or for the processor. */
const AT_HAND_MS = 2
const AT_HAND_BYTES_PER_MS = 500_000
/** Reads that are left to others once one was slow. */
const MOST_LEFT = 32

/**
 * Reads files in this thread as long as that is answered from the system's memory: handing a read to another thread takes longer than to copy the bytes, when all cores are busy anyway. After one that had to
 * wait, the next 32 are left to `fill`, so that a thread that has more to do waits for a slow disk once in a while only.
 */
export class AtHandReader {
  readonly #now: () => number
  #left = 0

  constructor(now = monotonicMs) {
    this.#now = now
  }

  /** `fill` at once; undefined when it is left to that. */
  fill(fd: number, target: Uint8Array, offset: number): number | undefined {
    if (this.#left > 0) {
      this.#left--
      return undefined
    }
    const started = this.#now()
    let filled = 0
    while (filled < target.length) {
      const got = readSync(fd, target, filled, target.length - filled, offset + filled)
      if (got === 0) break
      filled += got
    }
    if (this.#now() - started > AT_HAND_MS + filled / AT_HAND_BYTES_PER_MS) this.#left = MOST_LEFT
    return filled
  }
}
