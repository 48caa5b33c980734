import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { IngestError } from '../error.ts'

const INITIAL_BYTES = 1 << 20

/**
 * A file read front to back through a window of memory: `bytes[at .. end)` is what has been read and not yet used. Everything read is hashed.
 * Callers advance `at` themselves, and call `fill` when the window holds too little; slices of `bytes` are valid until then.
 */
export class FileWindow {
  readonly path: string
  readonly sizeBytes: number
  bytes = new Uint8Array(INITIAL_BYTES)
  view = new DataView(this.bytes.buffer)
  at = 0
  end = 0
  readonly #file: FileHandle
  readonly #hash: Hash = createHash('sha256')
  /** Position in the file of `bytes[end]`. */
  #position = 0

  private constructor(path: string, file: FileHandle, sizeBytes: number) {
    this.path = path
    this.#file = file
    this.sizeBytes = sizeBytes
  }

  /** Opens a file; throws IngestError `unreadable` when that fails or it is not a regular file, `empty` when it has no bytes. */
  static async open(path: string): Promise<FileWindow> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      throw new IngestError(
        'unreadable',
        `import: ${path} expected a readable file, got ${error.code}`,
        { path },
        error,
      )
    })
    const found = await file.stat()
    const fault = !found.isFile()
      ? new IngestError('unreadable', `import: ${path} expected a file, got something else`, { path })
      : found.size === 0
        ? new IngestError('empty', `import: ${path} expected flow export datagrams, got an empty file`, { path })
        : undefined
    if (!fault) return new FileWindow(path, file, found.size)
    await file.close()
    throw fault
  }

  /** Offset in the file of `bytes[at]`. */
  get offset(): number {
    return this.#position - (this.end - this.at)
  }

  /** Reads on until the window holds `need` bytes; false when the file ends before. */
  async fill(need: number): Promise<boolean> {
    if (this.end - this.at >= need) return true
    this.#makeRoom(need)
    while (this.end - this.at < need) {
      const { bytesRead } = await this.#file.read(this.bytes, this.end, this.bytes.length - this.end, this.#position)
      if (bytesRead === 0) return false
      this.#hash.update(this.bytes.subarray(this.end, this.end + bytesRead))
      this.end += bytesRead
      this.#position += bytesRead
    }
    return true
  }

  /** SHA-256 of the whole file, in hexadecimal; what has not been read yet is read for it. Call once, at the end. */
  async hash(): Promise<string> {
    do this.at = this.end
    while (await this.fill(1))
    return this.#hash.digest('hex')
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** Moves what is left to the front of the window, and makes the window larger when `need` does not fit. */
  #makeRoom(need: number): void {
    const left = this.bytes.subarray(this.at, this.end)
    if (need > this.bytes.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(need)))
      larger.set(left)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    } else this.bytes.copyWithin(0, this.at, this.end)
    this.end -= this.at
    this.at = 0
  }
}
