import { closeSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { monotonicMs } from '../../flow/clock.ts'
import { IngestError } from '../error.ts'
import { CHUNK_BYTES, FRAME_BYTES, frameLength } from './chunk.ts'

/**
 * The log of a spool: every chunk as it was received, in files `log-<number>` of at most about 64 MB. It is written by the main thread of a daemon and
 * read by the decoding one, when that has fallen behind or when a daemon starts. It survives the death of the process, not that of the
 * machine: nothing is synced.
 */
const FILE_BYTES = 64 << 20
const NAME = /^log-(\d+)$/

/** Bytes of its disk that the log leaves free, so that a checkpoint finds room and with it what is committed can be removed. */
const RESERVE_BYTES = 2 << 20

/** How long a look at the free room of the disk holds, and for what share of it. */
const LOOK_MS = 500
const LOOK_SHARE = 4

/** A place in the log, at the end of a chunk. */
export interface LogPosition {
  readonly file: number
  readonly offset: number
}

export const LOG_START: LogPosition = { file: 0, offset: 0 }

const logPath = (folder: string, file: number): string => join(folder, `log-${String(file).padStart(10, '0')}`)

/** Numbers of the files of the log, ascending. */
export function logFiles(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

/** Bytes of the files of the log. */
export function logBytes(folder: string): number {
  return logFiles(folder).reduce((sum, file) => {
    // The collecting thread may remove a file meanwhile.
    return sum + (statSync(logPath(folder, file), { throwIfNoEntry: false })?.size ?? 0)
  }, 0)
}

/** Removes the files before the one that holds `position`, and that one when it ends there and a later one has been begun. */
export function trimLog(folder: string, { file, offset }: LogPosition): void {
  const files = logFiles(folder)
  for (const number of files) {
    const isRead = number === file && number !== files.at(-1) && statSync(logPath(folder, number)).size <= offset
    if (number < file || isRead) rmSync(logPath(folder, number), { force: true })
  }
}

/** Appends to the log, in a file of its own from the start. */
export class LogWriter {
  readonly #folder: string
  readonly #fileBytes: number
  #number: number
  #file: FileHandle | undefined
  #offset = 0
  /** Bytes that may be written before the disk is asked again, and until when. */
  #room = 0
  #roomUntilMs = 0

  /** Files take an eighth of the bytes that the log may have: what is committed goes a file at a time. */
  constructor(folder: string, budgetBytes = Number.POSITIVE_INFINITY) {
    this.#folder = folder
    this.#fileBytes = Math.min(FILE_BYTES, budgetBytes / 8)
    this.#number = (logFiles(folder).at(-1) ?? 0) + 1
  }

  /** Number of the first file this writer writes, before its first append. */
  get file(): number {
    return this.#number
  }

  /**
   * Writes a frame; resolves to the position behind it. One call at a time. Throws when the disk does not take it, IngestError `spool` when too
   * little would be left; the next frame then begins another file, so that this one can be removed when it is read.
   */
  async append(frame: Uint8Array): Promise<LogPosition> {
    try {
      await this.#write(frame)
    } catch (error) {
      this.#room = 0
      await this.#next().catch(() => undefined)
      throw error
    }
    this.#offset += frame.length
    const position = { file: this.#number, offset: this.#offset }
    if (this.#offset >= this.#fileBytes) await this.#next()
    return position
  }

  /** Throws IngestError `spool` when the disk has no room for so many bytes. */
  async checkRoom(bytes: number): Promise<void> {
    this.#room -= bytes
    if (this.#room >= 0 && monotonicMs() < this.#roomUntilMs) return
    const { bavail, bsize } = await statfs(this.#folder)
    const free = bavail * bsize
    this.#room = (free - RESERVE_BYTES) / LOOK_SHARE - bytes
    this.#roomUntilMs = monotonicMs() + LOOK_MS
    if (free >= bytes + RESERVE_BYTES) return
    this.#room = 0
    const message = `ingest: spool ${this.#folder} expected ${bytes + RESERVE_BYTES} bytes free on its disk, got ${free}`
    throw new IngestError('spool', message, { folder: this.#folder })
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #write(frame: Uint8Array): Promise<void> {
    this.#file ??= await open(logPath(this.#folder, this.#number), this.#offset > 0 ? 'r+' : 'w')
    await this.checkRoom(frame.length)
    for (let at = 0; at < frame.length; ) {
      const { bytesWritten } = await this.#file.write(frame, at, frame.length - at, this.#offset + at)
      at += bytesWritten
    }
  }

  /** Ends the file, at its last whole frame, and begins another; one without a frame is used on. */
  async #next(): Promise<void> {
    if (this.#offset === 0) return
    await this.#file?.truncate(this.#offset)
    await this.close()
    await open(logPath(this.#folder, this.#number + 1), 'w').then((file) => file.close())
    this.#number++
    this.#offset = 0
  }
}

/** A chunk read back, and where it ends. The bytes are valid until the next one is read. */
export interface LoggedChunk {
  readonly bytes: Uint8Array
  readonly end: LogPosition
}

/** Reads the log from a position on. */
export class LogReader {
  readonly #folder: string
  readonly #buffer = new Uint8Array(CHUNK_BYTES)
  #open: { readonly number: number; readonly file: number } | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The chunks after `from`, up to and without file `before`. A chunk that was being written when the process died ends its file. */
  *chunks(from: LogPosition, before: number): Generator<LoggedChunk> {
    for (const number of logFiles(this.#folder)) {
      if (number < from.file || number >= before) continue
      let offset = number === from.file ? from.offset : 0
      for (let bytes = this.#read(number, offset); bytes; bytes = this.#read(number, offset)) {
        offset += FRAME_BYTES + bytes.length
        yield { bytes, end: { file: number, offset } }
      }
    }
    this.close()
  }

  /** The chunk of `frameBytes` that ends at `end`, which has been written. */
  chunkBefore(end: LogPosition, frameBytes: number): Uint8Array {
    const bytes = this.#read(end.file, end.offset - frameBytes)
    if (bytes) return bytes
    const message = `ingest: spool ${this.#folder} expected a chunk before ${end.offset} of log ${end.file}, got none`
    throw new IngestError('spool', message, { folder: this.#folder })
  }

  close(): void {
    if (this.#open) closeSync(this.#open.file)
    this.#open = undefined
  }

  #read(number: number, offset: number): Uint8Array | undefined {
    if (this.#open?.number !== number) {
      this.close()
      this.#open = { number, file: openSync(logPath(this.#folder, number), 'r') }
    }
    const read = readSync(this.#open.file, this.#buffer, 0, this.#buffer.length, offset)
    const length = frameLength(this.#buffer.subarray(0, read))
    return length === undefined || FRAME_BYTES + length > read
      ? undefined
      : this.#buffer.subarray(FRAME_BYTES, FRAME_BYTES + length)
  }
}
