// Aggregation by keys of 8 or 16 bits, in a table that has a place for every key there can be, in order. Counts (u32) and sums (doubles, those of a key
// side by side) stand in two arrays: with both in one entry the table of 65,536 ports and two sums had twice the bytes, and a row took 5 times as long.

import { add } from './fold'

/** The loop for keys of type `K` and `S` sums (3: any number). Two sums are added as one vector. */
// @ts-ignore: decorator
@inline
function direct<K, S>(keys: usize, rows: u32, skipped: usize, counts: usize, table: usize, values: usize, sums: u32): u32 {
  const first = sums > 0 ? <usize>load<u32>(values) : 0
  const second = sums > 1 ? <usize>load<u32>(values, 4) : 0
  let fresh: u32 = 0
  for (let i: u32 = 0; i < rows; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    const key = <usize>load<K>(keys + <usize>i * sizeof<K>())
    const counter = counts + (key << 2)
    const count = load<u32>(counter)
    fresh += <u32>(count == 0)
    store<u32>(counter, count + 1)
    if (sizeof<S>() == 1) add(table + (key << 3), load<f64>(first + (<usize>i << 3)))
    else if (sizeof<S>() == 2) {
      const at = table + (key << 4)
      const pair = v128.load64_lane(second + (<usize>i << 3), v128.load64_zero(first + (<usize>i << 3)), 1)
      v128.store(at, f64x2.add(v128.load(at), pair))
    } else {
      const at = table + ((key * sums) << 3)
      for (let s: u32 = 0; s < sums; s++)
        add(at + <usize>(s << 3), load<f64>(<usize>load<u32>(values + (s << 2)) + (<usize>i << 3)))
    }
  }
  return fresh
}

/**
 * Adds `rows` rows: key `i` is `keyBytes` (1 or 2) bytes at `keys`, its value of sum `s` the double at `values[s] + 8 * i`, `values` being addresses. Rows whose byte in
 * `skipped` (when not 0) is not 0 are passed over. Returns how many keys are new. No count may pass 2^32 - 1.
 */
export function foldDirect(
  keys: usize,
  keyBytes: u32,
  rows: u32,
  skipped: usize,
  counts: usize,
  table: usize,
  values: usize,
  sums: u32,
): u32 {
  if (keyBytes == 1) {
    if (sums == 1) return direct<u8, u8>(keys, rows, skipped, counts, table, values, sums)
    if (sums == 2) return direct<u8, u16>(keys, rows, skipped, counts, table, values, sums)
    return direct<u8, u32>(keys, rows, skipped, counts, table, values, sums)
  }
  if (sums == 1) return direct<u16, u8>(keys, rows, skipped, counts, table, values, sums)
  if (sums == 2) return direct<u16, u16>(keys, rows, skipped, counts, table, values, sums)
  return direct<u16, u32>(keys, rows, skipped, counts, table, values, sums)
}

/** What a row adds to the second sum of a packed place: sums below 2^32 and up to 2^21 rows fit a double together. */
const ROW: f64 = 4294967296

/** The place of row `i`. */
// @ts-ignore: decorator
@inline
function placeOf<K>(table: usize, keys: usize, i: usize): usize {
  return table + (<usize>load<K>(keys + i * sizeof<K>()) << 4)
}

// @ts-ignore: decorator
@inline
function packed<K>(keys: usize, rows: u32, skipped: usize, table: usize, first: usize, second: usize): void {
  const row = f64x2.splat(ROW)
  const count = <usize>rows
  let i: usize = 0
  // Two rows at a time: their values come as vectors and are turned around.
  for (; !skipped && i + 2 <= count; i += 2) {
    const at = placeOf<K>(table, keys, i)
    const next = placeOf<K>(table, keys, i + 1)
    const firsts = v128.load(first + (i << 3))
    const seconds = f64x2.add(v128.load(second + (i << 3)), row)
    v128.store(at, f64x2.add(v128.load(at), v128.shuffle<u64>(firsts, seconds, 0, 2)))
    // Loaded now and not before, for it may be the same place.
    v128.store(next, f64x2.add(v128.load(next), v128.shuffle<u64>(firsts, seconds, 1, 3)))
  }
  for (; i < count; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    const at = placeOf<K>(table, keys, i)
    add(at, load<f64>(first + (i << 3)))
    add(at + 8, load<f64>(second + (i << 3)) + ROW)
  }
}

/**
 * `foldDirect` for two sums, into places of 16 bytes that hold the second sum and the count in one double: one line of the cache a row. `settleDirect` must follow before
 * the second sums of all rows together reach 2^32, or the rows 2^21.
 */
export function foldPacked(keys: usize, keyBytes: u32, rows: u32, skipped: usize, table: usize, values: usize): void {
  const first = <usize>load<u32>(values)
  const second = <usize>load<u32>(values, 4)
  if (keyBytes == 1) packed<u8>(keys, rows, skipped, table, first, second)
  else packed<u16>(keys, rows, skipped, table, first, second)
}

/** Moves what packed places hold to the counts and sums of `foldDirect`, leaving them zero. Returns how many keys are new. */
export function settleDirect(from: usize, capacity: u32, counts: usize, table: usize): u32 {
  let fresh: u32 = 0
  for (let key: usize = 0; key < capacity; key++) {
    const at = from + (key << 4)
    const both = load<f64>(at, 8)
    if (both == 0) continue
    const rows = <u32>(<u64>both >> 32)
    const counter = counts + (key << 2)
    const count = load<u32>(counter)
    fresh += <u32>(count == 0)
    store<u32>(counter, count + rows)
    const sums = v128.replace_lane<f64>(v128.load(at), 1, both - <f64>rows * ROW)
    v128.store(table + (key << 4), f64x2.add(v128.load(table + (key << 4)), sums))
    v128.store(at, f64x2.splat(0))
  }
  return fresh
}

/** Writes the keys that have rows, in order, as entries `[key u32, padding][count f64][sums f64 ...]` of `stride` bytes, without a count where those have no room for one. Returns how many there are. */
export function directEntries(counts: usize, table: usize, capacity: u32, sums: u32, stride: u32, dst: usize): u32 {
  const bytes = <usize>sums << 3
  const sumsAt = <usize>stride - bytes
  let entry = dst
  for (let key: u32 = 0; key < capacity; key++) {
    const count = load<u32>(counts + (<usize>key << 2))
    if (count == 0) continue
    store<u64>(entry, key)
    if (sumsAt > 8) store<f64>(entry, count, 8)
    memory.copy(entry + sumsAt, table + <usize>key * bytes, bytes)
    entry += stride
  }
  return <u32>((entry - dst) / stride)
}
