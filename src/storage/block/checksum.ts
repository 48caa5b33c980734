import { crc32 } from '../crc32.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { ObjectStore } from '../store.ts'

const PIECE_BYTES = 8 << 20

/** CRC-32 of a whole block as a store has it. */
export async function checksumOf(
  store: Pick<ObjectStore, 'read'>,
  { key, sizeBytes }: Pick<BlockInfo, 'key' | 'sizeBytes'>,
): Promise<number> {
  let checksum = 0
  for (let offset = 0; offset < sizeBytes; offset += PIECE_BYTES) {
    checksum = crc32(await store.read(key, { offset, length: Math.min(PIECE_BYTES, sizeBytes - offset) }), checksum)
  }
  return checksum
}
