// Hash aggregation in place, in a table (table.ts) whose entries hold key, count and sums. Sums are doubles: the caller keeps the sum of all values of a table below 2^53, where
// every partial sum is exact. How rows are counted is one of three: not at all, by a double before the sums, or in the last sum, which is a 64-bit integer then: its high bits count, so that an entry is smaller.

import {
  AHEAD,
  baseOf,
  closeTable,
  findAhead,
  findEntry,
  hashWords,
  isEmpty,
  keyBytesOf,
  lookAhead,
  maskOf,
  numbersOf,
  openTable,
  slotsOf,
  strideOf,
  touch,
} from './table'

/** How rows are counted; 0 is not at all. */
const COUNTED: u32 = 1
const PACKED: u32 = 2

/** Bits of a packed sum. */
const SUM_BITS: u64 = 40
/** Added to a double below 2^52, the number stands in the low bits of what is then its exponent and fraction. */
const WHOLE: f64 = 4503599627370496
/** What the bits of a value with `WHOLE` added lack of a row with that value. */
const ROW: u64 = ((<u64>1) << SUM_BITS) - 0x4330000000000000

// @ts-ignore: decorator
@inline
export function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value)
}

// @ts-ignore: decorator
@inline
function addPacked(at: usize, value: f64): void {
  store<u64>(at, load<u64>(at) + reinterpret<u64>(value + WHOLE) + ROW)
}

// @ts-ignore: decorator
@inline
function valueOf(values: usize, sum: u32, row: u32): f64 {
  return load<f64>(<usize>load<u32>(values + (<usize>sum << 2)) + (<usize>row << 3))
}

/** Adds row `i` to the numbers of an entry. `S`: u8 for 1 sum, u16 for 2, the values of which are at `first` and `second`, u32 for any other number. */
// @ts-ignore: decorator
@inline
function addTo<S>(numbers: usize, i: u32, first: usize, second: usize, values: usize, sums: u32, counts: u32): void {
  let at = numbers
  if (counts == COUNTED) {
    add(at, 1)
    at += 8
  }
  if (sizeof<S>() == 1) {
    const value = load<f64>(first + (<usize>i << 3))
    if (counts == PACKED) addPacked(at, value)
    else add(at, value)
  } else if (sizeof<S>() == 2) {
    add(at, load<f64>(first + (<usize>i << 3)))
    const value = load<f64>(second + (<usize>i << 3))
    if (counts == PACKED) addPacked(at + 8, value)
    else add(at + 8, value)
  } else addRow(at, values, sums, i, counts)
}

/** The loop for keys of `W` words (u8: 1, u16: 2, u32: any other number) and `S` sums, a function for each: V8 takes twice the time to optimise all of them as one, of which a job needs one alone. */
function loop<W, S>(keys: usize, from: u32, to: u32, skipped: usize, table: usize, values: usize, sums: u32, counts: u32): void {
  const slots = slotsOf(table)
  const mask = maskOf(table)
  const base = baseOf(table)
  const stride = strideOf(table)
  const keyBytes = keyBytesOf(table)
  const step: usize = sizeof<W>() <= 2 ? sizeof<W>() << 2 : keyBytes
  const numbers: usize = sizeof<W>() <= 2 ? 8 : numbersOf(table)
  const first = sums > 0 ? <usize>load<u32>(values) : 0
  const second = sums > 1 ? <usize>load<u32>(values, 4) : 0
  for (let i = from; i < to; i++) {
    if (skipped && load<u8>(skipped + i)) continue
    const key = keys + <usize>i * step
    const entry = findAhead<W>(i - from, key, keyBytes, slots, mask, base, stride)
    addTo<S>(entry + numbers, i, first, second, values, sums, counts)
  }
}

function addAll<S>(places: usize, from: u32, to: u32, values: usize, sums: u32, counts: u32): void {
  const first = sums > 0 ? <usize>load<u32>(values) : 0
  const second = sums > 1 ? <usize>load<u32>(values, 4) : 0
  for (let i = from, place = places; i < to; i++, place += 4) addTo<S>(load<u32>(place), i, first, second, values, sums, counts)
}

/** Adds rows [from, to) to the numbers whose addresses are at `places`. Their memory is asked for first. */
export function addPlaces(places: usize, from: u32, to: u32, values: usize, sums: u32, counts: u32): void {
  touch(places, places + (<usize>(to - from) << 2), 4)
  if (sums == 1) addAll<u8>(places, from, to, values, sums, counts)
  else if (sums == 2) addAll<u16>(places, from, to, values, sums, counts)
  else addAll<u32>(places, from, to, values, sums, counts)
}

function addRow(entry: usize, values: usize, sums: u32, row: u32, counts: u32): void {
  let at = entry
  const plain = counts == PACKED ? sums - 1 : sums
  for (let s: u32 = 0; s < plain; s++, at += 8) add(at, valueOf(values, s, row))
  if (counts == PACKED) addPacked(at, valueOf(values, plain, row))
}

// @ts-ignore: decorator
@inline
function isSame(a: usize, b: usize, bytes: usize): bool {
  let at: usize = 0
  while (at < bytes && load<u32>(a + at) == load<u32>(b + at)) at += 4
  return at == bytes
}

/** Sum of some values, each below 2^52, exact as long as it is below 2^53. */
function sumRows(values: usize, from: u32, to: u32, skipped: usize): f64 {
  if (!skipped) return sumDoubles(values + (<usize>from << 3), to - from)
  let sum: f64 = 0
  for (let i = from; i < to; i++) if (!load<u8>(skipped + i)) sum += load<f64>(values + (<usize>i << 3))
  return sum
}

/** Where the run of rows with the key of row `from` ends, before `to`. */
// @ts-ignore: decorator
@inline
function endOfRun(keys: usize, from: u32, to: u32, keyBytes: usize): u32 {
  const key = keys + <usize>from * keyBytes
  let end = from + 1
  if (keyBytes == 8) {
    const two = v128.load64_splat(key)
    while (end + 2 <= to && i64x2.all_true(i64x2.eq(v128.load(keys + (<usize>end << 3)), two))) end += 2
  }
  while (end < to && isSame(key, keys + <usize>end * keyBytes, keyBytes)) end++
  return end
}

/** The entry of a key of which nothing is known yet. */
function entryOf(key: usize, keyBytes: usize, table: usize): usize {
  return findEntry<u32>(key, keyBytes, hashWords(key, keyBytes), slotsOf(table), maskOf(table), baseOf(table), strideOf(table))
}

/** Adds rows [from, to), which all have `key`; what they have in common is added up before it is stored. */
function addRun(key: usize, from: u32, to: u32, skipped: usize, table: usize, values: usize, sums: u32, counts: u32): void {
  const keyBytes = keyBytesOf(table)
  let rows = to - from
  if (skipped) for (let row = from; row < to; row++) rows -= <u32>(load<u8>(skipped + row) != 0)
  if (rows == 0) return
  let at = entryOf(key, keyBytes, table) + numbersOf(table)
  if (counts == COUNTED) {
    add(at, <f64>rows)
    at += 8
  }
  for (let s: u32 = 0; s < sums; s++, at += 8) {
    const sum = sumRows(<usize>load<u32>(values + (<usize>s << 2)), from, to, skipped)
    if (counts == PACKED && s == sums - 1) store<u64>(at, load<u64>(at) + <u64>sum + (<u64>rows << SUM_BITS))
    else add(at, sum)
  }
}

/** `loop` for rows most of which have the key of the row before. */
function runs(keys: usize, from: u32, to: u32, skipped: usize, table: usize, values: usize, sums: u32, counts: u32): void {
  const keyBytes = keyBytesOf(table)
  for (let i = from, end = from; i < to; i = end) {
    end = endOfRun(keys, i, to, keyBytes)
    addRun(keys + <usize>i * keyBytes, i, end, skipped, table, values, sums, counts)
  }
}

/**
 * Adds `rows` rows to a table that has room for all: key `i` is the words of a key at `keys`, back to back, its value of sum `s` the double at `values[s] + 8 * i`, `values` being
 * addresses. Rows whose byte in `skipped` (when not 0) is not 0 are passed over. Packed sums must stay below 2^40, and their rows below 2^24. Returns how many entries the table has.
 */
export function foldRows(keys: usize, rows: u32, skipped: usize, table: usize, values: usize, sums: u32, counts: u32): u32 {
  const keyBytes = keyBytesOf(table)
  openTable(table)
  if (isEmpty()) {
    let row: u32 = 0
    while (row < rows && skipped && load<u8>(skipped + row)) row++
    if (row < rows) entryOf(keys + <usize>row * keyBytes, keyBytes, table)
  }
  for (let from: u32 = 0; from < rows; from += AHEAD) {
    const to = min(rows, from + AHEAD)
    const first = keys + <usize>from * keyBytes
    // As where keys are times and blocks in order of time.
    if (isSame(first, keys + <usize>(to - 1) * keyBytes, keyBytes)) {
      runs(keys, from, to, skipped, table, values, sums, counts)
      continue
    }
    lookAhead(first, keyBytes, to - from, table)
    if (keyBytes == 4) {
      if (sums == 1) loop<u8, u8>(keys, from, to, skipped, table, values, sums, counts)
      else if (sums == 2) loop<u8, u16>(keys, from, to, skipped, table, values, sums, counts)
      else loop<u8, u32>(keys, from, to, skipped, table, values, sums, counts)
    } else if (keyBytes == 8) {
      if (sums == 1) loop<u16, u8>(keys, from, to, skipped, table, values, sums, counts)
      else if (sums == 2) loop<u16, u16>(keys, from, to, skipped, table, values, sums, counts)
      else loop<u16, u32>(keys, from, to, skipped, table, values, sums, counts)
    } else loop<u32, u32>(keys, from, to, skipped, table, values, sums, counts)
  }
  return closeTable(table)
}

/** `foldRows` for rows that all have the key at `key`. */
export function foldRun(key: usize, rows: u32, table: usize, values: usize, sums: u32, counts: u32): void {
  openTable(table)
  addRun(key, 0, rows, 0, table, values, sums, counts)
  closeTable(table)
}

/** Gives entries that count in their last sum, of `stride` bytes, a count before their sums: each becomes 8 bytes longer. `numbers` is where sums begin. */
export function foldUnpack(entries: usize, count: u32, stride: u32, numbers: u32): void {
  for (let i = count; i-- > 0; ) {
    const from = entries + <usize>i * stride
    const to = entries + <usize>i * (stride + 8)
    const packed = load<u64>(from + stride - 8)
    store<f64>(to + stride, <f64>(packed & (((<u64>1) << SUM_BITS) - 1)))
    for (let at: usize = stride - 8; at > <usize>numbers; at -= 8) store<u64>(to + at, load<u64>(from + at - 8))
    store<f64>(to + numbers, <f64>(packed >> SUM_BITS))
    for (let at: usize = numbers; at > 0; at -= 8) store<u64>(to + at - 8, load<u64>(from + at - 8))
  }
}

/** Sum of `rows` doubles, each partial sum rounded: a bound, or a result where none is. Four sums at once, as one has to wait for itself. */
export function sumDoubles(values: usize, rows: u32): f64 {
  let first = f64x2.splat(0)
  let second = first
  let third = first
  let fourth = first
  let at = values
  const end = values + (<usize>rows << 3)
  for (; at + 64 <= end; at += 64) {
    first = f64x2.add(first, v128.load(at))
    second = f64x2.add(second, v128.load(at, 16))
    third = f64x2.add(third, v128.load(at, 32))
    fourth = f64x2.add(fourth, v128.load(at, 48))
  }
  const sums = f64x2.add(f64x2.add(first, second), f64x2.add(third, fourth))
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
  for (; at < end; at += 8) sum += load<f64>(at)
  return sum
}
