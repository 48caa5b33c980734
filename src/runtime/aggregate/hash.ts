/**
 * Hashes of keys. Tables and partitioning use different seeds: with one seed, all keys of a partition would share the high bits of their hash and crowd
 * into a few slots of every table that holds one partition (bigslice).
 */
export const TABLE_SEED = 0x9e37_79b9
export const PARTITION_SEED = 0x7f4a_7c15

/** Mixes a 32-bit word into a hash. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85eb_ca6b)
  return mixed ^ (mixed >>> 15)
}

/** Spreads a mixed hash over all 32 bits. */
export function finishHash(hash: number): number {
  let mixed = Math.imul(hash, 0xc2b2_ae35)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0x27d4_eb2f)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Hash of a byte range. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4)
    hash = mixWord(hash, (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)
  let rest = 0
  for (; at < end; at++) rest = (rest << 8) | bytes[at]!
  return finishHash(mixWord(hash, rest))
}

/** The partition of a key in canonical encoding, 0 .. partitions - 1. */
export function partitionOf(key: Uint8Array, start: number, end: number, partitions: number): number {
  if (partitions === 1) return 0
  return Math.floor((hashBytes(key, start, end, PARTITION_SEED) * partitions) / 0x1_0000_0000)
}
