import { closeSync, openSync, unlinkSync, writeSync, writevSync } from 'node:fs'
import { crc32 } from '../../storage/crc32.ts'
import { RuntimeError } from '../error.ts'
import { varintLength, writeVarint } from './byte-buffer.ts'
import type { RecordSink } from './cursor.ts'
import type { Mark } from './marks.ts'
import { MARK_ROWS } from './marks.ts'
import type { RunFile, RunHeader, Slice } from './run-file.ts'
import {
  FRAME_BYTES,
  FRAME_PREFIX,
  GROUPS_VERSION,
  RUN_FILE_MAGIC,
  RUN_FILE_PREFIX,
  RUN_FILE_SUFFIX,
  RUN_FILE_VERSION,
} from './run-file.ts'

/** Frames that the system takes at once. */
const MOST_VECTORS = 512

/** Writes one run file, streaming. Records come in order of partition and key; the file is worth nothing before `finish`. */
export class RunWriter implements RecordSink {
  readonly path: string
  readonly #header: RunHeader
  readonly #fd: number
  readonly #slices: Slice[] = []
  #offset = 0
  /** Frames that count as written already; they are where they were made. */
  #waiting: Uint8Array[] = []
  #frame = new Uint8Array(FRAME_BYTES + FRAME_PREFIX)
  #filled = FRAME_PREFIX
  #sliceStart = 0
  #sliceRecords = 0
  #sliceCrc = 0
  #maxFrame = 0
  #note: Pick<Slice, 'total' | 'overlaps'> = {}
  #marks: Mark[] = []
  #records = 0
  #open = true

  constructor(path: string, header: RunHeader) {
    this.path = path
    this.#header = header
    this.#fd = openSync(path, 'w')
    const json = new TextEncoder().encode(JSON.stringify(header))
    const prefix = new Uint8Array(RUN_FILE_PREFIX)
    const view = new DataView(prefix.buffer)
    prefix.set(RUN_FILE_MAGIC)
    view.setUint32(8, header.content === 'groups' ? GROUPS_VERSION : RUN_FILE_VERSION, true)
    view.setUint32(12, json.length, true)
    view.setUint32(16, crc32(json), true)
    this.#write(prefix)
    this.#write(json)
    this.#sliceStart = this.#offset
  }

  append(
    partition: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    payload: Uint8Array,
    payloadStart: number,
    payloadEnd: number,
  ): void {
    if (partition !== this.#slices.length) this.#moveTo(partition)
    if (this.#isMarkDue()) this.#mark(key.subarray(keyStart, keyEnd))
    const keyLength = keyEnd - keyStart
    const payloadLength = payloadEnd - payloadStart
    const size = varintLength(keyLength) + varintLength(payloadLength) + keyLength + payloadLength
    if (this.#filled + size > this.#frame.length) this.#makeRoom(size)
    const frame = this.#frame
    let at = writeVarint(frame, this.#filled, keyLength)
    at = writeVarint(frame, at, payloadLength)
    for (let i = keyStart; i < keyEnd; i++) frame[at++] = key[i]!
    for (let i = payloadStart; i < payloadEnd; i++) frame[at++] = payload[i]!
    this.#filled = at
    this.#sliceRecords++
  }

  /** Appends what is already as it stands in a frame: `records` records or entries, all of one length. */
  appendAll(slice: number, bytes: Uint8Array, records: number): void {
    if (slice !== this.#slices.length) this.#moveTo(slice)
    if (records === 0) return
    const size = bytes.length / records
    // The lengths of such rows are a byte each.
    if (this.#isMarkDue()) this.#mark(bytes.subarray(2, 2 + bytes[0]!))
    const most = Math.max(1, Math.floor(FRAME_BYTES / size)) * size
    for (let from = 0; from < bytes.length; from += most) {
      const part = bytes.subarray(from, Math.min(bytes.length, from + most))
      if (this.#filled + part.length > this.#frame.length) this.#makeRoom(part.length)
      this.#frame.set(part, this.#filled)
      this.#filled += part.length
    }
    this.#sliceRecords += records
  }

  /** Appends whole frames of records of `recordBytes` each; they have room for their prefix in front, and are written from where they lie, those of many slices at once: their bytes must stay until `flush`. */
  appendFrames(slice: number, frames: readonly Uint8Array[], recordBytes: number): void {
    if (slice !== this.#slices.length) this.#moveTo(slice)
    this.#endFrame()
    for (const frame of frames) {
      this.#seal(frame)
      this.#waiting.push(frame)
      this.#offset += frame.length
      this.#sliceRecords += (frame.length - FRAME_PREFIX) / recordBytes
    }
  }

  /** Writes what has only been taken. */
  flush(): void {
    for (let first = 0; first < this.#waiting.length; first += MOST_VECTORS)
      this.#writeAll(this.#waiting.slice(first, first + MOST_VECTORS))
    this.#waiting = []
  }

  /** What is to stand in the footer about the slice being written. */
  annotate(slice: number, note: Pick<Slice, 'total' | 'overlaps'>): void {
    if (slice !== this.#slices.length) this.#moveTo(slice)
    this.#note = note
  }

  /** Closes the file, of `slices` slices in all; it can be read from now on. */
  finish(slices = this.#header.partitions): RunFile {
    while (this.#slices.length < slices) this.#endSlice()
    const json = new TextEncoder().encode(JSON.stringify({ slices: this.#slices }))
    const suffix = new Uint8Array(RUN_FILE_SUFFIX)
    const view = new DataView(suffix.buffer)
    const checksum = crc32(json)
    view.setUint32(0, json.length, true)
    view.setUint32(4, checksum, true)
    suffix.set(RUN_FILE_MAGIC, 8)
    this.#write(json)
    this.#write(suffix)
    this.#close()
    return { path: this.path, sizeBytes: this.#offset, records: this.#records, checksum }
  }

  /** Closes and removes the file of an attempt that failed; does nothing after `finish`. */
  abandon(): void {
    if (!this.#open) return
    this.#close()
    unlinkSync(this.path)
  }

  #isMarkDue(): boolean {
    return this.#header.content === 'rows' && this.#sliceRecords - (this.#marks.at(-1)?.row ?? 0) >= MARK_ROWS
  }

  /** Notes that the next row begins a frame. */
  #mark(key: Uint8Array): void {
    this.#endFrame()
    this.#marks.push({ row: this.#sliceRecords, offset: this.#offset, key: Buffer.from(key).toString('hex') })
  }

  #moveTo(partition: number): void {
    const { content, partitions } = this.#header
    const last = content === 'groups' ? Number.POSITIVE_INFINITY : partitions - 1
    if (partition < this.#slices.length || partition > last)
      throw new RuntimeError(
        'bad-program',
        `run file: partition expected ${this.#slices.length} to ${last}, got ${partition}`,
      )
    while (this.#slices.length < partition) this.#endSlice()
  }

  #makeRoom(size: number): void {
    this.#endFrame()
    if (FRAME_PREFIX + size > this.#frame.length) this.#frame = new Uint8Array(FRAME_PREFIX + size)
    else if (this.#frame.length > FRAME_BYTES + FRAME_PREFIX && size <= FRAME_BYTES)
      this.#frame = new Uint8Array(FRAME_BYTES + FRAME_PREFIX)
  }

  #endFrame(): void {
    if (this.#filled === FRAME_PREFIX) return
    const bytes = this.#frame.subarray(0, this.#filled)
    this.#seal(bytes)
    this.#write(bytes)
    this.#filled = FRAME_PREFIX
  }

  /** Writes the prefix of a frame. */
  #seal(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, FRAME_PREFIX)
    view.setUint32(0, frame.length - FRAME_PREFIX, true)
    view.setUint32(4, crc32(frame.subarray(FRAME_PREFIX)), true)
    this.#sliceCrc = crc32(frame.subarray(0, FRAME_PREFIX), this.#sliceCrc)
    this.#maxFrame = Math.max(this.#maxFrame, frame.length)
  }

  #endSlice(): void {
    this.#endFrame()
    this.#slices.push({
      offset: this.#sliceStart,
      length: this.#offset - this.#sliceStart,
      records: this.#sliceRecords,
      crc32: this.#sliceCrc,
      maxFrame: this.#maxFrame,
      ...this.#note,
      ...(this.#marks.length > 0 ? { marks: this.#marks } : {}),
    })
    this.#marks = []
    this.#records += this.#sliceRecords
    this.#sliceStart = this.#offset
    this.#sliceRecords = 0
    this.#sliceCrc = 0
    this.#maxFrame = 0
    this.#note = {}
  }

  #write(bytes: Uint8Array): void {
    this.flush()
    this.#writeBytes(bytes)
    this.#offset += bytes.length
  }

  #writeBytes(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done)
  }

  /** Writes so many frames at once; what the system leaves over is written frame by frame. */
  #writeAll(frames: readonly Uint8Array[]): void {
    let written = writevSync(this.#fd, frames)
    for (const frame of frames) {
      if (written < frame.length) this.#writeBytes(frame.subarray(written))
      written = Math.max(0, written - frame.length)
    }
  }

  #close(): void {
    this.#open = false
    closeSync(this.#fd)
  }
}
