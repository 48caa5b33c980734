import { finishHash, mixWord } from '../../kernels/fold.ts'

/**
 * Hashes of keys. Tables and partitioning use different seeds: with one seed, all keys of a partition would share the high bits of their hash and crowd
 * into a few slots of every table that holds one partition (bigslice).
 */
export const TABLE_SEED = 0x9e37_79b9
const PARTITION_SEED = 0x7f4a_7c15

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
