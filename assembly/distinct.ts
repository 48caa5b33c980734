// The distinct values of a column chunk, which make its dictionary, and of every row which of them it has.

/** Above this many entries a dictionary no longer fits the fast caches of a reader. */
export const MAX_ENTRIES: u32 = 1 << 15
/** When more than `MANY` of the first `FEW` values are distinct, the rest of the row group will not be better. */
const FEW: u32 = 8192
const MANY: u32 = 5461
/** No dictionary. */
export const NONE: u32 = 0xffffffff
const FIRST_MASK: u32 = 1023
/** Room for the places of a table, and for the distinct values. */
export const TABLE_BYTES: usize = 2 << 18
export const DISTINCT_BYTES: usize = 16 << 15
/** Values this close together have a place each. */
const NEAR: f64 = 262144.0

// @ts-ignore: decorator
@inline
export function sizeOf<T>(): usize {
  return isVector<T>() ? 16 : sizeof<T>()
}

// @ts-ignore: decorator
@inline
function isSame<T>(a: usize, b: usize): bool {
  if (isVector<T>()) return ((load<u64>(a) ^ load<u64>(b)) | (load<u64>(a, 8) ^ load<u64>(b, 8))) == 0
  if (sizeof<T>() == 8) return load<u64>(a) == load<u64>(b)
  return load<u32>(a) == load<u32>(b)
}

// @ts-ignore: decorator
@inline
function hash<T>(at: usize): u32 {
  if (isVector<T>()) return <u32>((((load<u64>(at) * 0x9e3779b97f4a7c15) ^ load<u64>(at, 8)) * 0xbf58476d1ce4e5b9) >> 32)
  if (sizeof<T>() == 8) {
    // Doubles of small numbers differ in their high bits alone.
    const value = load<u64>(at)
    return <u32>(((value ^ (value >> 32)) * 0x9e3779b97f4a7c15) >> 32)
  }
  return (load<u32>(at) * 0x9e3779b1) >> 11
}

// @ts-ignore: decorator
@inline
function copyValue<T>(to: usize, from: usize): void {
  if (isVector<T>()) v128.store(to, v128.load(from))
  else store<T>(to, load<T>(from))
}

/** Distinct values of 8 or 16 bits in order of appearance, and of every row which it has; how many, or `NONE` when there are more than `most`. */
function distinctSmall<T>(values: usize, count: u32, table: usize, distinct: usize, indices: usize, most: u32): u32 {
  memory.fill(table, 0, <usize>2 << (sizeof<T>() << 3))
  let entries: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const value = load<T>(values + <usize>i * sizeof<T>())
    const place = table + (<usize>value << 1)
    let entry: u32 = load<u16>(place)
    if (entry == 0) {
      if (entries >= most) return NONE
      store<T>(distinct + <usize>entries * sizeof<T>(), value)
      entry = ++entries
      store<u16>(place, entry)
    }
    store<u16>(indices + (<usize>i << 1), entry - 1)
  }
  return entries
}

/** The same for numbers that lie close together, as times do, which a sorted block has in places side by side; `bounds` has the least and the largest as doubles. */
function distinctNear<T>(
  values: usize,
  count: u32,
  bounds: usize,
  table: usize,
  distinct: usize,
  indices: usize,
  most: u32,
): u32 {
  const least = <i64>load<f64>(bounds)
  memory.fill(table, 0, <usize>(<i64>load<f64>(bounds, 8) - least + 1) << 1)
  let entries: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    if (i == FEW && entries > MANY) return NONE
    const at = values + <usize>i * sizeof<T>()
    const place = table + (<usize>(<i64>load<T>(at) - least) << 1)
    let entry: u32 = load<u16>(place)
    if (entry == 0) {
      if (entries >= most) return NONE
      copyValue<T>(distinct + <usize>entries * sizeof<T>(), at)
      entry = ++entries
      store<u16>(place, entry)
    }
    store<u16>(indices + (<usize>i << 1), entry - 1)
  }
  return entries
}

/** The place of a value in the table, or the free one where it would go. */
// @ts-ignore: decorator
@inline
function placeOf<T>(at: usize, table: usize, mask: u32, distinct: usize): usize {
  let slot = hash<T>(at) & mask
  let entry: u32 = load<u16>(table + (<usize>slot << 1))
  while (entry != 0 && !isSame<T>(at, distinct + <usize>(entry - 1) * sizeOf<T>())) {
    slot = (slot + 1) & mask
    entry = load<u16>(table + (<usize>slot << 1))
  }
  return table + (<usize>slot << 1)
}

/** The same for wider values, by open addressing in a table that grows with them, so that few values stay in the fastest cache. */
function distinctWide<T>(values: usize, count: u32, table: usize, distinct: usize, indices: usize, most: u32): u32 {
  let mask = FIRST_MASK
  memory.fill(table, 0, <usize>(mask + 1) << 1)
  let entries: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    if (i == FEW && entries > MANY) return NONE
    const at = values + <usize>i * sizeOf<T>()
    let place = placeOf<T>(at, table, mask, distinct)
    let entry: u32 = load<u16>(place)
    if (entry == 0) {
      if (entries >= most) return NONE
      if (entries << 1 > mask) {
        mask = (mask << 1) | 1
        memory.fill(table, 0, <usize>(mask + 1) << 1)
        for (let e: u32 = 0; e < entries; e++)
          store<u16>(placeOf<T>(distinct + <usize>e * sizeOf<T>(), table, mask, distinct), e + 1)
        place = placeOf<T>(at, table, mask, distinct)
      }
      copyValue<T>(distinct + <usize>entries * sizeOf<T>(), at)
      entry = ++entries
      store<u16>(place, entry)
    }
    store<u16>(indices + (<usize>i << 1), entry - 1)
  }
  return entries
}

/**
 * The distinct values in order of appearance, and of every row which of them it has; how many, or `NONE` when there are more than `most`. `bounds` has the least
 * and the largest as doubles, but for 16-byte values.
 */
export function findDistinct<T>(
  values: usize,
  count: u32,
  bounds: usize,
  table: usize,
  distinct: usize,
  indices: usize,
  most: u32,
): u32 {
  if (count == 0) return 0
  if (isVector<T>()) return distinctWide<T>(values, count, table, distinct, indices, most)
  const span = load<f64>(bounds, 8) - load<f64>(bounds)
  if (span == 0) {
    copyValue<T>(distinct, values)
    return 1
  }
  if (sizeof<T>() < 4) return distinctSmall<T>(values, count, table, distinct, indices, most)
  if (span < NEAR) return distinctNear<T>(values, count, bounds, table, distinct, indices, most)
  return distinctWide<T>(values, count, table, distinct, indices, most)
}
