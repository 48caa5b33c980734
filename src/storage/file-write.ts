import { closeSync, fsync, openSync, write, writeSync } from 'node:fs'

/**
 * Writing files of a store. What the system does in its own memory, opening and closing and bytes of small objects, is done at once: handing it to another thread and waiting for that
 * takes ten times as long. Disks are waited for in other threads. Errors are the system's.
 */

/** Bytes that are written at once. */
const AT_ONCE_BYTES = 128 << 10

/** Opens a file, does something, and has the disk take what was done. */
export async function durably(path: string, flags: 'r' | 'wx', work?: (fd: number) => Promise<void>): Promise<void> {
  const fd = openSync(path, flags)
  try {
    await work?.(fd)
    await synced(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes all bytes to an open file, from its beginning. */
export async function writeWhole(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at
    at += left <= AT_ONCE_BYTES ? writeSync(fd, bytes, at, left, at) : await writePart(fd, bytes, at)
  }
}

const writePart = (fd: number, bytes: Uint8Array, at: number): Promise<number> =>
  new Promise((resolve, reject) =>
    write(fd, bytes, at, bytes.length - at, at, (error, written) => (error ? reject(error) : resolve(written))),
  )

const synced = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => fsync(fd, (error) => (error ? reject(error) : resolve())))
