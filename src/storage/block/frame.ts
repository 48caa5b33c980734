import { corrupt, MAX_PLAIN_BYTES } from '../avro/codec.ts'
import { SYNC_LENGTH } from '../avro/header.ts'
import { Cursor } from '../avro/varint.ts'
import type { ByteRun } from './byte-run.ts'

/** Longest count and size before the data of a sync-block. */
const MAX_HEAD_BYTES = 16

/** One sync-block as it lies in the file. */
export interface Frame {
  readonly records: number
  /** Compressed; a view that is good until the run is read on. */
  readonly data: Uint8Array
  /** With count, size and marker. */
  readonly length: number
}

/** Takes one sync-block from the run, which must end by `end`, and checks the marker after it; undefined when more of it has to be read first. Throws `corrupt`. */
export function takeFrame(run: ByteRun, end: number, sync: Uint8Array): Frame | undefined {
  if (!run.has(Math.min(MAX_HEAD_BYTES, end - run.position))) return undefined
  const cursor = new Cursor(run.bytes, run.at)
  const records = cursor.long()
  const size = cursor.long()
  const headLength = cursor.at - run.at
  const total = headLength + size + SYNC_LENGTH
  if (records < 0 || size < 0 || size > 2 * MAX_PLAIN_BYTES || total > end - run.position) {
    throw corrupt('a count and a size within the chunk', `${records} and ${size}`)
  }
  if (!run.has(total)) return undefined
  const from = run.at + headLength
  const marker = run.bytes.subarray(from + size, from + size + SYNC_LENGTH)
  if (Buffer.compare(marker, sync) !== 0) throw corrupt('the sync marker', 'other bytes')
  run.at += total
  return { records, data: run.bytes.subarray(from, from + size), length: total }
}

/** `takeFrame` with all the bytes that it needs. */
export async function readFrame(run: ByteRun, end: number, sync: Uint8Array): Promise<Frame> {
  for (;;) {
    const frame = takeFrame(run, end, sync)
    if (frame) return frame
    await run.more()
  }
}
