import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

/** Bytes read and hashed between two looks at other work: a fraction of a millisecond. */
const STEP_BYTES = 256 << 10

/** A file, and the SHA-256 of all of it in hexadecimal; undefined when it could not be read. */
export interface HashedFile {
  readonly path: string
  readonly sha256: string | undefined
}

/** Hashes files one after the other, a piece each time it is asked to go on. */
export function* hashFiles(paths: readonly string[], tell: (file: HashedFile) => void): Generator<void, void> {
  const bytes = new Uint8Array(paths.length > 0 ? STEP_BYTES : 0)
  for (const path of paths) {
    try {
      const hash = createHash('sha256')
      const file = openSync(path, 'r')
      try {
        for (let read = readSync(file, bytes); read > 0; read = readSync(file, bytes)) {
          hash.update(bytes.subarray(0, read))
          yield
        }
      } finally {
        closeSync(file)
      }
      tell({ path, sha256: hash.digest('hex') })
    } catch {
      // Who reads the file says what is wrong with it.
      tell({ path, sha256: undefined })
    }
  }
}

/** The hashes that another thread makes of files. */
export class FileHashes {
  readonly paths: readonly string[]
  readonly #found = new Map<string, Promise<string | undefined>>()
  readonly #tell = new Map<string, (sha256: string | undefined) => void>()

  constructor(paths: readonly string[]) {
    this.paths = paths
    for (const path of paths) this.#found.set(path, new Promise((resolve) => this.#tell.set(path, resolve)))
  }

  /** The hash of a file, once it is known; without a promise when it is none of these. */
  of(path: string): Promise<string | undefined> | undefined {
    return this.#found.get(path)
  }

  note({ path, sha256 }: HashedFile): void {
    this.#tell.get(path)?.(sha256)
  }

  /** No more hashes will come. */
  giveUp(): void {
    for (const tell of this.#tell.values()) tell(undefined)
  }
}
