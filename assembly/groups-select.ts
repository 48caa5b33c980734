// Entries (groups.ts) that may be among the first rows of a result that is ordered by one of their numbers, the largest first, found without adding up what has the same key.

import { hashWords } from './table'

/** Counters that keys share by hash. */
const COUNTERS: u32 = 1 << 13

// @ts-ignore: decorator
@inline
function counterOf(entry: usize, keyBytes: usize, counters: usize): usize {
  return counters + (<usize>(hashWords(entry, keyBytes) & (COUNTERS - 1)) << 3)
}

/**
 * Keeps the entries whose key could have a sum of at least `least` in the number at `number`: those whose counter, which adds up that number of all keys of its hash, has as much. Moves them together and returns how many there
 * are. Numbers are doubles from 0 on whose sum is exact; `counters` has room for 64 KB.
 */
export function groupsAtLeast(entries: usize, count: u32, width: u32, stride: u32, number: u32, least: f64, counters: usize): u32 {
  memory.fill(counters, 0, <usize>COUNTERS << 3)
  const keyBytes = <usize>width << 2
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride) {
    const counter = counterOf(entry, keyBytes, counters)
    store<f64>(counter, load<f64>(counter) + load<f64>(entry + number))
  }
  let to = entries
  for (let entry = entries; entry < end; entry += stride) {
    if (load<f64>(counterOf(entry, keyBytes, counters)) < least) continue
    if (entry != to) for (let at: usize = 0; at < <usize>stride; at += 8) store<u64>(to + at, load<u64>(entry + at))
    to += stride
  }
  return <u32>((to - entries) / stride)
}
