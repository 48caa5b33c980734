import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { IngestError } from '../error.ts'

/** Bytes read at a time. */
const READ_BYTES = 1 << 20
/** Room in front of what is read for what is left of the window before it: no datagram is longer. */
const LEFT_BYTES = 1 << 16
/** Of these a file is read into two pieces in turn. */
export const WINDOW_BYTES = LEFT_BYTES + READ_BYTES

/**
 * A file read front to back through a window of memory: `bytes[at .. end)` is what has been read and not yet used. Everything read is hashed. The next bytes are
 * read while the caller works on the window.
 * Callers advance `at` themselves, and call `fill` when the window holds too little; slices of `bytes` are valid until then.
 */
export class FileWindow {
  readonly path: string
  readonly sizeBytes: number
  bytes: Uint8Array
  view: DataView
  at = 0
  end = 0
  readonly #file: FileHandle
  readonly #hash: Hash = createHash('sha256')
  /** Position in the file of `bytes[end]`. */
  #position = 0
  #spare: Uint8Array
  /** The read into the spare memory, behind the room for what is left. */
  #ahead: Promise<{ readonly bytesRead: number }> | undefined

  private constructor(path: string, file: FileHandle, sizeBytes: number, memory: readonly Uint8Array[]) {
    const [bytes = new Uint8Array(WINDOW_BYTES), spare = new Uint8Array(WINDOW_BYTES)] = memory
    this.path = path
    this.bytes = bytes
    this.view = viewOf(bytes)
    this.#spare = spare
    this.#file = file
    this.sizeBytes = sizeBytes
  }

  /** Opens a file, to be read into `memory`: two pieces of `WINDOW_BYTES`, or others where there are none. Throws IngestError `unreadable` when that fails or it is not a regular file, `empty` when it has no bytes. */
  static async open(path: string, memory: readonly Uint8Array[] = []): Promise<FileWindow> {
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
    if (!fault) return new FileWindow(path, file, found.size, memory)
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
    while (this.end - this.at < need) {
      const { bytesRead } = await (this.#ahead ?? this.#readAhead())
      this.#ahead = undefined
      if (bytesRead === 0) return false
      this.#hash.update(this.#spare.subarray(LEFT_BYTES, LEFT_BYTES + bytesRead))
      this.#append(bytesRead)
      this.#position += bytesRead
      this.#ahead = this.#readAhead()
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
    await this.#ahead?.catch(() => undefined)
    await this.#file.close()
  }

  #readAhead(): Promise<{ readonly bytesRead: number }> {
    const read = this.#file.read(this.#spare, LEFT_BYTES, READ_BYTES, this.#position)
    // Its failure is thrown by the `fill` that waits for it, if there is one.
    read.catch(() => undefined)
    return read
  }

  /** Makes what has been read part of the window: what is left goes in front of it, or both to larger memory. */
  #append(length: number): void {
    const left = this.bytes.subarray(this.at, this.end)
    if (left.length > LEFT_BYTES) {
      const larger = new Uint8Array(left.length + length)
      larger.set(left)
      larger.set(this.#spare.subarray(LEFT_BYTES, LEFT_BYTES + length), left.length)
      this.bytes = larger
      this.at = 0
    } else {
      const before = this.bytes
      this.#spare.set(left, LEFT_BYTES - left.length)
      this.bytes = this.#spare
      this.#spare = before.length === WINDOW_BYTES ? before : new Uint8Array(WINDOW_BYTES)
      this.at = LEFT_BYTES - left.length
    }
    this.end = this.at + left.length + length
    this.view = viewOf(this.bytes)
  }
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length)
