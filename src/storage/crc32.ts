import { crc32 as builtIn } from 'node:zlib'
import { crc32 as native } from '@node-rs/crc32'

/** From so many bytes on the library is the faster of the two: 3 times from 16 KB. It is not loaded for less, nor Node's own beside it. */
const NATIVE_BYTES = 4096
let isLoaded = false

/** CRC-32 as Avro, Parquet and zlib have it (ISO/HDLC), continued from that of the bytes before when it is given. */
export function crc32(bytes: Uint8Array, before = 0): number {
  isLoaded ||= bytes.length >= NATIVE_BYTES
  return isLoaded ? native(bytes, before) : builtIn(bytes, before)
}
