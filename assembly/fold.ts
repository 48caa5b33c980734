// Hash aggregation in place: an open-addressing table whose entries hold key, row count and sums side by side, so that a row costs one
// cache line. An entry is `[key words, padded to 8 bytes][count f64][sums f64 ...]`; it is free while its count is 0.
// Sums are doubles: the caller keeps the sum of all values of a table below 2^53, where every partial sum is exact.
// A popular key makes row after row wait for the same entry, so count and sums are added in one loop, where their waits overlap.

// @ts-ignore: decorator
@inline
export function mix(hash: u32, word: u32): u32 {
  const mixed = (hash ^ word) * 0x85ebca6b
  return mixed ^ (mixed >> 15)
}

// @ts-ignore: decorator
@inline
export function finish(hash: u32): u32 {
  let mixed = hash * 0xc2b2ae35
  mixed ^= mixed >> 13
  mixed *= 0x27d4eb2f
  return mixed ^ (mixed >> 16)
}

const SEED: u32 = 0x9e3779b9

/** New keys of the batch at hand. */
let made: u32 = 0

/** The entry of a key of one word, which gets the key when it is free. */
// @ts-ignore: decorator
@inline
function findSingle(row: u32, keys: usize, table: usize, mask: u32, stride: u32): usize {
  const key = load<u32>(keys + (<usize>row << 2))
  let slot = finish(mix(SEED, key)) & mask
  let entry = table + <usize>(slot * stride)
  let count = load<f64>(entry, 8)
  while (count != 0 && load<u32>(entry) != key) {
    slot = (slot + 1) & mask
    entry = table + <usize>(slot * stride)
    count = load<f64>(entry, 8)
  }
  if (count == 0) {
    store<u32>(entry, key)
    made++
  }
  return entry
}

// @ts-ignore: decorator
@inline
function findPair(row: u32, keys: usize, table: usize, mask: u32, stride: u32): usize {
  const key = load<u64>(keys + (<usize>row << 3))
  let slot = finish(mix(mix(SEED, <u32>key), <u32>(key >> 32))) & mask
  let entry = table + <usize>(slot * stride)
  let count = load<f64>(entry, 8)
  while (count != 0 && load<u64>(entry) != key) {
    slot = (slot + 1) & mask
    entry = table + <usize>(slot * stride)
    count = load<f64>(entry, 8)
  }
  if (count == 0) {
    store<u64>(entry, key)
    made++
  }
  return entry
}

// @ts-ignore: decorator
@inline
export function hashWords(key: usize, bytes: usize): u32 {
  let hash = SEED
  for (let w: usize = 0; w < bytes; w += 4) hash = mix(hash, load<u32>(key + w))
  return finish(hash)
}

/** Rows whose places in a table are looked at before they are needed. */
export const AHEAD: u32 = 64
/** Tables up to this size stay in the fast caches. */
const CACHED: u32 = 1 << 18

// @ts-ignore: decorator
@inline
export function isCached(mask: u32, stride: u32): bool {
  return (mask + 1) * stride <= CACHED
}

/** What has been touched; nobody reads it. */
let touched: u32 = 0

/** Loads the places of keys that are `step` bytes apart, so that the memory is asked for all of them at once and not for one after the other. */
export function touch(keys: usize, step: u32, width: u32, rows: u32, table: usize, mask: u32, stride: u32): void {
  const end = keys + <usize>rows * step
  let seen: u32 = 0
  for (let key = keys; key < end; key += step)
    seen |= load<u32>(table + <usize>((hashWords(key, <usize>width << 2) & mask) * stride))
  touched = seen
}

function findWords(row: u32, keys: usize, width: u32, table: usize, mask: u32, stride: u32): usize {
  const bytes = <usize>width << 2
  const countAt = (bytes + 7) & ~7
  const key = keys + <usize>row * bytes
  let slot = hashWords(key, bytes) & mask
  let entry = table + <usize>(slot * stride)
  while (load<f64>(entry + countAt) != 0) {
    let w: usize = 0
    while (w < bytes && load<u32>(entry + w) == load<u32>(key + w)) w += 4
    if (w == bytes) return entry
    slot = (slot + 1) & mask
    entry = table + <usize>(slot * stride)
  }
  for (let w: usize = 0; w < bytes; w += 4) store<u32>(entry + w, load<u32>(key + w))
  made++
  return entry
}

// @ts-ignore: decorator
@inline
export function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value)
}

/** The loop for keys of `W` words (3: any other number) and `S` sums (3: any number), compiled once for each. */
// @ts-ignore: decorator
@inline
function loop<W, S>(keys: usize, width: u32, from: u32, to: u32, skipped: usize, table: usize, mask: u32, stride: u32, values: usize, sums: u32): void {
  const first = sums > 0 ? <usize>load<u32>(values) : 0
  const second = sums > 1 ? <usize>load<u32>(values, 4) : 0
  for (let i = from; i < to; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    const entry = sizeof<W>() == 1
      ? findSingle(i, keys, table, mask, stride)
      : sizeof<W>() == 2
        ? findPair(i, keys, table, mask, stride)
        : findWords(i, keys, width, table, mask, stride)
    const count = entry + (sizeof<W>() <= 2 ? 8 : ((<usize>width << 2) + 7) & ~7)
    add(count, 1)
    if (sizeof<S>() == 1) add(count + 8, load<f64>(first + (<usize>i << 3)))
    else if (sizeof<S>() == 2) {
      const pair = v128.load64_lane(second + (<usize>i << 3), v128.load64_zero(first + (<usize>i << 3)), 1)
      v128.store(count, f64x2.add(v128.load(count, 8), pair), 8)
    } else {
      for (let s: u32 = 0; s < sums; s++)
        add(count + 8 + <usize>(s << 3), load<f64>(<usize>load<u32>(values + (s << 2)) + (<usize>i << 3)))
    }
  }
}

/** `loop` for keys of one word or two, and one sum or two, most of them that of the row before: what neighbours have in common is added up before it is stored. */
// @ts-ignore: decorator
@inline
function runs<W, S>(keys: usize, from: u32, to: u32, skipped: usize, table: usize, mask: u32, stride: u32, values: usize): void {
  const first = <usize>load<u32>(values)
  const second = sizeof<S>() == 2 ? <usize>load<u32>(values, 4) : 0
  let entry: usize = 0
  let known: u64 = 0
  let count: f64 = 0
  let sums = f64x2.splat(0)
  for (let i = from; i < to; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    const key = sizeof<W>() == 1 ? <u64>load<u32>(keys + (<usize>i << 2)) : load<u64>(keys + (<usize>i << 3))
    if (key != known || entry == 0) {
      if (entry) addRun<S>(entry, count, sums)
      entry = sizeof<W>() == 1 ? findSingle(i, keys, table, mask, stride) : findPair(i, keys, table, mask, stride)
      known = key
      count = 0
      sums = f64x2.splat(0)
    }
    count += 1
    const value = v128.load64_zero(first + (<usize>i << 3))
    sums = f64x2.add(sums, sizeof<S>() == 1 ? value : v128.load64_lane(second + (<usize>i << 3), value, 1))
  }
  if (entry) addRun<S>(entry, count, sums)
}

// @ts-ignore: decorator
@inline
function addRun<S>(entry: usize, count: f64, sums: v128): void {
  add(entry + 8, count)
  if (sizeof<S>() == 1) add(entry + 16, f64x2.extract_lane(sums, 0))
  else v128.store(entry, f64x2.add(v128.load(entry, 16), sums), 16)
}

/** Whether the rows seem to have one key, as they do where keys are times and blocks in order of time. */
// @ts-ignore: decorator
@inline
function isRun(keys: usize, width: u32, from: u32, to: u32): bool {
  if (width == 1) return load<u32>(keys + (<usize>from << 2)) == load<u32>(keys + (<usize>(to - 1) << 2))
  return width == 2 && load<u64>(keys + (<usize>from << 3)) == load<u64>(keys + (<usize>(to - 1) << 3))
}

/**
 * Adds `rows` rows to a table of `mask + 1` entries that has room for all: key `i` is `width` words at `keys`, its value of sum `s` the double at
 * `values[s] + 8 * i`, `values` being addresses. Rows whose byte in `skipped` (when not 0) is not 0 are passed over. Returns how many keys are new.
 */
export function foldRows(
  keys: usize,
  width: u32,
  rows: u32,
  skipped: usize,
  table: usize,
  mask: u32,
  stride: u32,
  values: usize,
  sums: u32,
): u32 {
  made = 0
  const cached = isCached(mask, stride)
  for (let from: u32 = 0; from < rows; from += AHEAD) {
    const to = min(rows, from + AHEAD)
    if (sums - 1 < 2 && isRun(keys, width, from, to)) {
      if (width == 1 && sums == 1) runs<u8, u8>(keys, from, to, skipped, table, mask, stride, values)
      else if (width == 1) runs<u8, u16>(keys, from, to, skipped, table, mask, stride, values)
      else if (sums == 1) runs<u16, u8>(keys, from, to, skipped, table, mask, stride, values)
      else runs<u16, u16>(keys, from, to, skipped, table, mask, stride, values)
      continue
    }
    if (!cached) touch(keys + <usize>(from * width << 2), width << 2, width, to - from, table, mask, stride)
    if (width == 1) {
      if (sums == 1) loop<u8, u8>(keys, width, from, to, skipped, table, mask, stride, values, sums)
      else if (sums == 2) loop<u8, u16>(keys, width, from, to, skipped, table, mask, stride, values, sums)
      else loop<u8, u32>(keys, width, from, to, skipped, table, mask, stride, values, sums)
    } else if (width == 2) {
      if (sums == 1) loop<u16, u8>(keys, width, from, to, skipped, table, mask, stride, values, sums)
      else if (sums == 2) loop<u16, u16>(keys, width, from, to, skipped, table, mask, stride, values, sums)
      else loop<u16, u32>(keys, width, from, to, skipped, table, mask, stride, values, sums)
    } else loop<u32, u32>(keys, width, from, to, skipped, table, mask, stride, values, sums)
  }
  return made
}

/** Sum of `rows` doubles, each partial sum rounded: a bound, not a result. */
export function sumDoubles(values: usize, rows: u32): f64 {
  let sums = f64x2.splat(0)
  let i: u32 = 0
  for (; i + 2 <= rows; i += 2) sums = f64x2.add(sums, v128.load(values + (<usize>i << 3)))
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
  if (i < rows) sum += load<f64>(values + (<usize>i << 3))
  return sum
}

/** Moves the entries of a table into a larger, empty one. */
export function foldRehash(width: u32, from: usize, fromMask: u32, to: usize, toMask: u32, stride: u32): void {
  const bytes = <usize>width << 2
  const countAt = (bytes + 7) & ~7
  const end = from + (<usize>fromMask + 1) * stride
  for (let entry = from; entry < end; entry += stride) {
    if (load<f64>(entry + countAt) == 0) continue
    let slot = hashWords(entry, bytes) & toMask
    while (load<f64>(to + <usize>(slot * stride) + countAt) != 0) slot = (slot + 1) & toMask
    const free = to + <usize>(slot * stride)
    for (let at: usize = 0; at < <usize>stride; at += 8) store<u64>(free + at, load<u64>(entry + at))
  }
}
