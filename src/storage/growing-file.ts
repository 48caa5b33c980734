import { type FileHandle, open, unlink } from 'node:fs/promises'

/** Bytes after which the disk is asked to take what there is, beside further writes, so that little is left at the end. */
const SYNC_BYTES = 16 << 20

/** A new file that is written front to back, and on the disk once it is closed. */
export class GrowingFile {
  readonly path: string
  readonly #file: FileHandle
  #size = 0
  #asked = 0
  #syncing: Promise<void> | undefined
  #isClosed = false

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  static async create(path: string): Promise<GrowingFile> {
    return new GrowingFile(path, await open(path, 'wx'))
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#size)
      at += bytesWritten
      this.#size += bytesWritten
    }
    if (this.#size - this.#asked < SYNC_BYTES || this.#syncing) return
    this.#asked = this.#size
    // What fails here fails again at the end.
    this.#syncing = this.#file
      .datasync()
      .catch(() => undefined)
      .finally(() => {
        this.#syncing = undefined
      })
  }

  async close(): Promise<void> {
    await this.#syncing
    await this.#file.sync()
    this.#isClosed = true
    await this.#file.close()
  }

  /** Removes the file. Best effort. */
  async abandon(): Promise<void> {
    await this.#syncing
    if (!this.#isClosed) await this.#file.close().catch(() => undefined)
    await unlink(this.path).catch(() => undefined)
  }
}
