import { inflateRawSync } from 'node:zlib'
import snappy from 'snappy'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'

/** The codecs of Avro containers that blocks are read with; flowreduce writes snappy. */
export type AvroCodec = 'snappy' | 'deflate' | 'null'

/** A sync-block that claims to be larger than this, plain, is refused: nobody writes one, and memory is bounded. */
export const MAX_PLAIN_BYTES = 64 * 1024 * 1024

/** Snappy never does better than 64 bytes from 3; a claim beyond that is refused before memory is reserved for it. */
const SNAPPY_MAX_RATIO = 32

/** Who compresses: our kernel, or the snappy library, whose bytes the keys of results rest on. Any Snappy reader reads either. */
export type SnappyCompressor = 'kernel' | 'library'

/** Copying is faster than an external buffer with its finalizer, for pieces of this size. */
export const snappyLibrary = (plain: Uint8Array): Uint8Array => snappy.compressSync(plain, { copyOutputData: true })

export const CRC_BYTES = 4

/** Snappy data as it stands in a sync-block: then the big-endian CRC-32 of the plain bytes. */
export function withCrc(packed: Uint8Array, plain: Uint8Array): Uint8Array<ArrayBuffer> {
  const framed = new Uint8Array(packed.length + CRC_BYTES)
  framed.set(packed)
  writeUint32(framed, packed.length, crc32(plain))
  return framed
}

/** The plain bytes of a sync-block of any codec but snappy, which a kernel unpacks. Throws `corrupt` when they are not what was written. */
export function decompress(codec: Exclude<AvroCodec, 'snappy'>, bytes: Uint8Array): Uint8Array {
  if (codec === 'deflate') return inflate(bytes)
  if (bytes.length > MAX_PLAIN_BYTES) throw tooLarge(bytes.length)
  return bytes
}

/** Snappy data of a sync-block, its checksum apart, and how long it says that it is. Throws `corrupt` for a claim that cannot be. */
export function openSnappy(bytes: Uint8Array): { body: Uint8Array; crc: number; plainLength: number } {
  if (bytes.length < 5) throw corrupt('snappy data and a crc', `${bytes.length} bytes`)
  const body = bytes.subarray(0, bytes.length - 4)
  const plainLength = snappyLength(body)
  if (plainLength > MAX_PLAIN_BYTES) throw tooLarge(plainLength)
  if (plainLength > body.length * SNAPPY_MAX_RATIO)
    throw corrupt('snappy data', `a claim of ${plainLength} bytes in ${body.length}`)
  return { body, crc: readUint32(bytes, bytes.length - 4), plainLength }
}

/** Throws `corrupt` when the plain bytes are not those that the checksum was made of. */
export function checkCrc(plain: Uint8Array, expected: number): void {
  const found = crc32(plain)
  if (found !== expected) throw corrupt(`crc32 ${hex(expected)}`, hex(found))
}

/** The plain length at the head of raw Snappy data. */
function snappyLength(body: Uint8Array): number {
  let length = 0
  for (let i = 0; i < 5 && i < body.length; i++) {
    length += (body[i]! & 0x7f) * 128 ** i
    if (body[i]! < 128) return length
  }
  throw corrupt('a snappy length', 'none')
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MAX_PLAIN_BYTES })
  } catch (error) {
    throw corrupt('deflate data', error instanceof Error ? error.message : String(error), error)
  }
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

const hex = (value: number): string => value.toString(16).padStart(8, '0')

function tooLarge(length: number): StorageError {
  return corrupt(`at most ${MAX_PLAIN_BYTES} bytes`, String(length))
}

/** The error of bytes that are not what was written; the reader of the block adds its key and the position. */
export function corrupt(expected: string, got: string, cause?: unknown): StorageError {
  return new StorageError('corrupt', `storage: sync-block expected ${expected}, got ${got}`, {}, cause)
}
