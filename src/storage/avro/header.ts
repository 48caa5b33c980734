import { StorageError } from '../errors.ts'
import type { AvroCodec } from './codec.ts'
import { Cursor, varint } from './varint.ts'

/** The header of an Avro object container file. */
export interface AvroHeader {
  /** The writer's schema, parsed JSON. */
  readonly schema: unknown
  readonly codec: AvroCodec
  /** The 16 bytes after the header and after every sync-block. */
  readonly sync: Uint8Array
  /** Size of the header: where the first sync-block begins. */
  readonly length: number
}

const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01)
export const SYNC_LENGTH = 16
const CODECS: ReadonlySet<string> = new Set(['snappy', 'deflate', 'null'])

/** Reads the header at the start of `bytes`. Throws `bad-format` when it is none or has an unknown codec, `corrupt` when it is cut short. */
export function parseHeader(bytes: Uint8Array): AvroHeader {
  if (bytes.length < 4 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    const got = Buffer.from(bytes.subarray(0, 4)).toString('hex')
    throw new StorageError('bad-format', `storage: avro file expected to start with 4f626a01, got ${got || 'no bytes'}`)
  }
  const cursor = new Cursor(bytes, 4)
  const metadata = readMetadata(cursor)
  const sync = cursor.take(SYNC_LENGTH).slice()
  const codec = metadata.get('avro.codec') ?? 'null'
  if (!isCodec(codec)) {
    throw new StorageError(
      'bad-format',
      `storage: avro codec expected snappy, deflate or null, got ${JSON.stringify(codec)}`,
    )
  }
  return { schema: parseSchema(metadata.get('avro.schema')), codec, sync, length: cursor.at }
}

function isCodec(text: string): text is AvroCodec {
  return CODECS.has(text)
}

/** A map of bytes: blocks of a count and that many pairs, a negative count followed by the bytes they take, and a count of 0 at the end. */
function readMetadata(cursor: Cursor): Map<string, string> {
  const decoder = new TextDecoder()
  const metadata = new Map<string, string>()
  for (;;) {
    const count = cursor.long()
    if (count === 0) return metadata
    if (count < 0) cursor.long()
    for (let i = Math.abs(count); i > 0; i--) {
      const key = decoder.decode(cursor.take(cursor.long()))
      metadata.set(key, decoder.decode(cursor.take(cursor.long())))
    }
  }
}

function parseSchema(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch (error) {
    const got = text === undefined ? 'none' : JSON.stringify(text.slice(0, 40))
    throw new StorageError('bad-schema', `storage: avro.schema expected JSON, got ${got}`, {}, error)
  }
}

/** The bytes of a header with the codec snappy, up to the sync marker, which follows it. */
export function headerBytes(schema: unknown): Uint8Array {
  const text = (value: string): Uint8Array[] => {
    const bytes = Buffer.from(value)
    return [varint(bytes.length), bytes]
  }
  return Buffer.concat([
    MAGIC,
    varint(2),
    ...text('avro.codec'),
    ...text('snappy'),
    ...text('avro.schema'),
    ...text(JSON.stringify(schema)),
    varint(0),
  ])
}
