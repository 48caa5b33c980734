// A sketch of entries (groups.ts): what is known of the sums of their keys without adding them up. Counters that keys share by hash, so many for each slice (slices.ts), say how much no key has more of; the heavy
// entries, those with many times the mean, say of some keys what they have at least.
//
// A sketch is given as the address of six words (which power of two counters of a slice are, where in an entry the number stands that they add up, where heavy entries go, how many there are and for how many there is room, and one
// of no use) and three doubles (how many times the mean is heavy, how many entries there were, and what they had together), behind which the counters stand, doubles too. All numbers are from 0 on, and their sum is exact.

const NUMBER: usize = 4
const HEAVY: usize = 8
const LENGTH: usize = 12
const ROOM: usize = 16
const TIMES: usize = 24
const ROWS: usize = 32
const TOTAL: usize = 40
const COUNTERS: usize = 48

// @ts-ignore: decorator
@inline
function numberOf(sketch: usize): usize {
  return load<u32>(sketch, NUMBER)
}

/** Leaves the heavy entries that have more than that, and returns how many they are. */
function sift(sketch: usize, stride: usize, above: f64): u32 {
  const start = <usize>load<u32>(sketch, HEAVY)
  const end = start + <usize>load<u32>(sketch, LENGTH) * stride
  let to = start
  for (let entry = start; entry < end; entry += stride) {
    if (load<f64>(entry + numberOf(sketch)) <= above) continue
    memory.copy(to, entry, stride)
    to += stride
  }
  return <u32>((to - start) / stride)
}

/** Adds an entry with more than `above`, above 0, to the heavy ones. When there is no room, twice as much is heavy from now on. Returns above what an entry is heavy. */
function addHeavy(sketch: usize, entry: usize, stride: usize, above: f64): f64 {
  let least = above
  while (load<u32>(sketch, LENGTH) == load<u32>(sketch, ROOM)) {
    store<f64>(sketch, load<f64>(sketch, TIMES) * 2, TIMES)
    least *= 2
    store<u32>(sketch, sift(sketch, stride, least), LENGTH)
  }
  if (load<f64>(entry + numberOf(sketch)) <= least) return least
  const length = load<u32>(sketch, LENGTH)
  memory.copy(<usize>load<u32>(sketch, HEAVY) + <usize>length * stride, entry, stride)
  store<u32>(sketch, length + 1, LENGTH)
  return least
}

/** Takes entries into the mean, and returns above what an entry is heavy. */
export function heavyAbove(sketch: usize, entries: usize, count: u32, stride: usize): f64 {
  let total = load<f64>(sketch, TOTAL)
  const end = entries + <usize>count * stride
  for (let at = entries + numberOf(sketch); at < end; at += stride) total += load<f64>(at)
  const rows = load<f64>(sketch, ROWS) + <f64>count
  store<f64>(sketch, total, TOTAL)
  store<f64>(sketch, rows, ROWS)
  return (load<f64>(sketch, TIMES) * total) / max(1, rows)
}

/** Adds entries, whose hashes are words at `hashes`, to the counters of `slices` slices; those with more than `above` are heavy. Returns above what others are. */
export function sketchAdd(sketch: usize, entries: usize, rows: u32, stride: usize, hashes: usize, slices: u32, above: f64): f64 {
  const counters = sketch + COUNTERS
  const length = <u64>slices << load<u32>(sketch)
  const number = numberOf(sketch)
  let least = above
  let entry = entries
  for (let hash = hashes; hash < hashes + (<usize>rows << 2); hash += 4, entry += stride) {
    const counter = counters + (<usize>((<u64>load<u32>(hash) * length) >> 32) << 3)
    const value = load<f64>(entry + number)
    store<f64>(counter, load<f64>(counter) + value)
    if (value > least) least = addHeavy(sketch, entry, stride, least)
  }
  return least
}
