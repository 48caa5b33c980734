import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ErrorDetails } from '../../flow/component-error.ts'
import { crc32 } from '../../storage/crc32.ts'
import { RuntimeError } from '../error.ts'
import type { Cursor } from './cursor.ts'
import type { Mark } from './marks.ts'
import type { RunFooter, RunHeader, Slice } from './run-file.ts'
import {
  FRAME_PREFIX,
  GROUPS_VERSION,
  RUN_FILE_MAGIC,
  RUN_FILE_PREFIX,
  RUN_FILE_SUFFIX,
  RUN_FILE_VERSIONS,
} from './run-file.ts'

/** An open run file. Whatever is not as it was written fails with code `corrupt-run-file`, a file that is gone with `missing-run-file`. */
export class RunReader {
  readonly path: string
  readonly header: RunHeader
  readonly slices: readonly Slice[]
  /** CRC-32 of the footer. */
  readonly checksum: number
  readonly #fd: number

  constructor(path: string) {
    this.path = path
    this.#fd = openRunFile(path)
    try {
      const { footer, checksum } = this.#readFooter()
      this.slices = footer.slices
      this.checksum = checksum
      this.header = this.#readHeader()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** The records of one partition. */
  cursor(partition: number): Cursor {
    return new SliceCursor(new FrameReader(this, this.#slice(partition)))
  }

  /** What stands in the frames of one slice, a frame at a time, in a buffer that is used again; from a mark on, or all. */
  *frames(slice: number, from?: Mark): Generator<Uint8Array, void, undefined> {
    const frames = new FrameReader(this, this.#slice(slice), from)
    while (frames.next()) yield frames.bytes.subarray(FRAME_PREFIX, frames.end)
  }

  /** Reads what stands in the frames of a slice, or of several that follow each other, back to back, into bytes that have room for all of them; returns how many they are. */
  readFrames(offset: number, length: number, into: Uint8Array): number {
    this.readInto(into, offset, length)
    const view = new DataView(into.buffer, into.byteOffset, length)
    let filled = 0
    for (let at = 0; at < length; ) {
      const start = at + FRAME_PREFIX
      const end = start > length ? start : start + view.getUint32(at, true)
      if (end > length)
        throw corrupt(this.path, `frame expected at most ${length - at} bytes, got ${end - at}`, {
          offset: offset + at,
        })
      checkCrc(this.path, 'frame', offset + at, view.getUint32(at + 4, true), crc32(into.subarray(start, end)))
      into.copyWithin(filled, start, end)
      filled += end - start
      at = end
    }
    return filled
  }

  #slice(number: number): Slice {
    const slice = this.slices[number]
    if (slice) return slice
    throw corrupt(this.path, `partition expected 0 to ${this.slices.length - 1}, got ${number}`)
  }

  /** Reads exactly `length` bytes at `offset` into the start of `bytes`. */
  readInto(bytes: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const read = readSync(this.#fd, bytes, done, length - done, offset + done)
      if (read === 0) throw corrupt(this.path, `bytes expected ${length}, got ${done}`, { offset })
      done += read
    }
  }

  close(): void {
    closeSync(this.#fd)
  }

  #readFooter(): { footer: RunFooter; checksum: number } {
    const size = fstatSync(this.#fd).size
    if (size < RUN_FILE_PREFIX + RUN_FILE_SUFFIX)
      throw corrupt(this.path, `size expected a whole file, got ${size} bytes`)
    const suffix = new Uint8Array(RUN_FILE_SUFFIX)
    this.readInto(suffix, size - RUN_FILE_SUFFIX, RUN_FILE_SUFFIX)
    if (RUN_FILE_MAGIC.some((byte, i) => byte !== suffix[8 + i]))
      throw corrupt(this.path, 'end expected "flowrun", got other bytes')
    const view = new DataView(suffix.buffer)
    const length = view.getUint32(0, true)
    const checksum = view.getUint32(4, true)
    return { footer: this.#readJson<RunFooter>('footer', size - RUN_FILE_SUFFIX - length, length, checksum), checksum }
  }

  #readHeader(): RunHeader {
    const prefix = new Uint8Array(RUN_FILE_PREFIX)
    this.readInto(prefix, 0, RUN_FILE_PREFIX)
    const view = new DataView(prefix.buffer)
    if (RUN_FILE_MAGIC.some((byte, i) => byte !== prefix[i]))
      throw corrupt(this.path, 'start expected "flowrun", got other bytes')
    const version = view.getUint32(8, true)
    if (!RUN_FILE_VERSIONS.includes(version))
      throw corrupt(this.path, `version expected at most ${GROUPS_VERSION}, got ${version}`, { version })
    return this.#readJson<RunHeader>('header', RUN_FILE_PREFIX, view.getUint32(12, true), view.getUint32(16, true))
  }

  /** JSON whose checksum is right was written by `RunWriter`, so its shape is taken as given. */
  #readJson<T>(what: string, offset: number, length: number, checksum: number): T {
    if (offset < RUN_FILE_PREFIX || length > fstatSync(this.#fd).size)
      throw corrupt(this.path, `${what} expected inside the file, got ${length} bytes at ${offset}`)
    const json = new Uint8Array(length)
    this.readInto(json, offset, length)
    checkCrc(this.path, what, offset, checksum, crc32(json))
    return JSON.parse(new TextDecoder().decode(json)) as T
  }
}

/** Reads the frames of a slice one at a time, each checked before it is handed out. */
class FrameReader {
  readonly path: string
  readonly slice: Slice
  /** The frame with its prefix, up to `end`. */
  readonly bytes: Uint8Array
  end = 0
  readonly #reader: RunReader
  #next: number
  #crc = 0

  constructor(reader: RunReader, slice: Slice, from?: Mark) {
    this.path = reader.path
    this.slice = slice
    this.bytes = new Uint8Array(slice.maxFrame)
    this.#reader = reader
    this.#next = from?.offset ?? slice.offset
  }

  /** Reads the next frame; false at the end. */
  next(): boolean {
    const { bytes, path } = this
    const { offset, length } = this.slice
    const end = offset + length
    if (this.#next >= end) return false
    const at = this.#next
    const size = Math.min(bytes.length, end - at)
    this.#reader.readInto(bytes, at, size)
    const view = new DataView(bytes.buffer)
    const frame = size < FRAME_PREFIX ? size : view.getUint32(0, true) + FRAME_PREFIX
    if (size < FRAME_PREFIX || frame > size)
      throw corrupt(path, `frame expected at most ${size} bytes, got ${frame}`, { offset: at })
    checkCrc(path, 'frame', at, view.getUint32(4, true), crc32(bytes.subarray(FRAME_PREFIX, frame)))
    this.#crc = crc32(bytes.subarray(0, FRAME_PREFIX), this.#crc)
    this.#next = at + frame
    this.end = frame
    return true
  }
}

/** The records of a slice. */
class SliceCursor implements Cursor {
  readonly bytes: Uint8Array
  keyStart = 0
  keyEnd = 0
  payloadStart = 0
  payloadEnd = 0
  readonly #frames: FrameReader
  #frameEnd = 0
  #records = 0

  constructor(frames: FrameReader) {
    this.#frames = frames
    this.bytes = frames.bytes
  }

  next(): boolean {
    if (this.payloadEnd >= this.#frameEnd && !this.#readFrame()) return false
    let at = this.payloadEnd
    const { bytes } = this
    let keyLength = bytes[at++]!
    if (keyLength >= 0x80) {
      keyLength = this.#longVarint(at - 1)
      at = this.payloadStart
    }
    let payloadLength = bytes[at++]!
    if (payloadLength >= 0x80) {
      payloadLength = this.#longVarint(at - 1)
      at = this.payloadStart
    }
    this.keyStart = at
    this.keyEnd = at + keyLength
    this.payloadStart = this.keyEnd
    this.payloadEnd = this.keyEnd + payloadLength
    if (this.payloadEnd > this.#frameEnd)
      throw corrupt(this.#frames.path, `record expected within its frame, got ${keyLength} + ${payloadLength} bytes`)
    this.#records++
    return true
  }

  /** Reads a number of several bytes and leaves its end in `payloadStart`. */
  #longVarint(start: number): number {
    let value = 0
    let scale = 1
    let at = start
    while (at < this.#frameEnd) {
      const byte = this.bytes[at++]!
      value += (byte & 0x7f) * scale
      scale *= 0x80
      if (byte < 0x80) break
    }
    this.payloadStart = at
    return value
  }

  #readFrame(): boolean {
    const { path, slice } = this.#frames
    if (!this.#frames.next()) {
      if (this.#records !== slice.records)
        throw corrupt(path, `records expected ${slice.records}, got ${this.#records}`, { offset: slice.offset })
      return false
    }
    this.#frameEnd = this.#frames.end
    this.payloadEnd = FRAME_PREFIX
    return true
  }
}

function openRunFile(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw new RuntimeError('missing-run-file', `run file: ${path} expected a file, got none`, { path }, error)
  }
}

function checkCrc(path: string, what: string, offset: number, expected: number, got: number): void {
  if (expected !== got)
    throw corrupt(path, `CRC-32 of ${what} at byte ${offset} expected ${expected}, got ${got}`, { offset })
}

function corrupt(path: string, what: string, details: ErrorDetails = {}): RuntimeError {
  return new RuntimeError('corrupt-run-file', `run file: ${path}: ${what}`, { ...details, path })
}
