/** Blocks: keys under here have `factor` copies, on volumes that their placement names. Every other key is on every volume. */
export const BLOCKS_PREFIX = 'data/'

/** True for a key of which only `factor` volumes have a copy. */
export function isPlaced(key: string): boolean {
  return key.startsWith(BLOCKS_PREFIX)
}

/**
 * Slots in the order in which they are to hold a key, by rendezvous hashing (Thaler and Ravishankar, 1998): every slot has a weight for the key and the
 * heaviest come first. A set that grows moves only what the new slot is to hold.
 */
export function placementOrder(key: string, slots: number): number[] {
  const weights = Array.from({ length: slots }, (_, slot) => weightOf(key, slot))
  return weights.map((_, slot) => slot).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b)
}

/** FNV-1a over slot and key, mixed at the end so that keys that differ in the last byte part. */
function weightOf(key: string, slot: number): number {
  let hash = Math.imul(0x811c9dc5 ^ (slot + 1), 0x01000193)
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
