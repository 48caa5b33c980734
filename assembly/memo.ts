// A memo: which entries of a table (table.ts) the keys have that came last, for keys that have codes (parts.ts). Mixed by a multiplication that loses nothing, a code is a place, its high half, and what is compared
// there, the low one, which stands in four bytes beside the number of an entry: keys that come often are found by one look at a quarter of a megabyte, without a branch, and without their words. What is missed is
// looked up in the table, and takes the place of what was there.
//
// A memo is `[rows looked up u32][rows missed u32][u64 unused]`, 65,536 places, all zero at first, and room for some rows: codes, addresses of numbers of their entries, rows missed, the codes of those.

import { addPlaces } from './fold'
import { keysOfCodes, placeCodes } from './parts'
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
} from './table'

/** Rows that are looked up at once: what is noted of them stays in the fastest cache. */
const ROWS: u32 = 2048
const ROOM_BYTES: usize = 2048 * 4 + 16

const MISSED: usize = 4
const PLACES: usize = 16
const CODES: usize = PLACES + 65536 * 4
const ENTRIES: usize = CODES + ROOM_BYTES
const MISSED_ROWS: usize = ENTRIES + ROOM_BYTES
const MISSED_CODES: usize = MISSED_ROWS + ROOM_BYTES

/** A memo is judged when so many rows were looked up; if more than half of them were missed it is of no use. */
const ENOUGH: u32 = 1 << 16
/** The largest number of an entry that a place has room for. */
const MOST: u32 = 0xffff

/** Mixes the bits of a code. */
// @ts-ignore: decorator
@inline
function mix(code: u32): u32 {
  return code * 0x9e3779b1
}

/** Whether a memo knows enough keys to be asked. */
export function isKnowing(memo: usize): bool {
  const rows = load<u32>(memo)
  return rows < ENOUGH || load<u32>(memo, MISSED) < rows >> 1
}

/** Notes for each code where the numbers of its entry are, and which rows were missed, for which that is not true. Returns how many those are. */
function recall(codes: usize, rows: u32, memo: usize, table: usize): u32 {
  const places = memo + PLACES
  const entries = memo + ENTRIES
  const missed = memo + MISSED_ROWS
  const numbers = baseOf(table) + numbersOf(table)
  const stride = strideOf(table)
  let next = missed
  for (let i: usize = 0; i < <usize>rows; i++) {
    const mixed = mix(load<u32>(codes + (i << 2)))
    // The number of its entry, or 0 or more than there may be.
    const number = load<u32>(places + (<usize>(mixed >> 16) << 2)) ^ (mixed << 16)
    store<u32>(entries + (i << 2), <u32>(numbers + <usize>number * stride))
    store<u32>(next, <u32>i)
    next += <usize>(number - 1 >= MOST) << 2
  }
  return <u32>(next - missed) >> 2
}

/** Looks `count` missed rows up, whose keys are at `keys`, as `hasKey` of table.ts takes `W`. */
// @ts-ignore: decorator
@inline
function learn<W>(keys: usize, count: u32, memo: usize, table: usize): void {
  const slots = slotsOf(table)
  const mask = maskOf(table)
  const base = baseOf(table)
  const stride = strideOf(table)
  const keyBytes = keyBytesOf(table)
  const numbers = numbersOf(table)
  openTable(table)
  if (isEmpty()) findEntry<W>(keys, keyBytes, hashWords(keys, keyBytes), slots, mask, base, stride)
  for (let from: u32 = 0; from < count; from += AHEAD) {
    const ahead = min(AHEAD, count - from)
    lookAhead(keys + <usize>from * keyBytes, keyBytes, ahead, table)
    for (let i: u32 = 0; i < ahead; i++) {
      const at = <usize>(from + i) << 2
      const entry = findAhead<W>(i, keys + <usize>(from + i) * keyBytes, keyBytes, slots, mask, base, stride)
      store<u32>(memo + ENTRIES + (<usize>load<u32>(memo + at, MISSED_ROWS) << 2), <u32>(entry + numbers))
      const number = <u32>((entry - base) / stride)
      const mixed = mix(load<u32>(memo + at, MISSED_CODES))
      if (number <= MOST) store<u32>(memo + (<usize>(mixed >> 16) << 2), (mixed << 16) | number, PLACES)
    }
  }
  closeTable(table)
}

/** `foldRows` for rows of a scan whose keys have codes: `parts` are `partCount` parts of their keys, `keys` is room for the words of some of them. */
export function foldKnown(
  memo: usize,
  parts: usize,
  partCount: u32,
  rows: u32,
  keys: usize,
  table: usize,
  values: usize,
  sums: u32,
  counts: u32,
): void {
  const keyBytes = keyBytesOf(table)
  for (let from: u32 = 0; from < rows; from += ROWS) {
    const length = min(ROWS, rows - from)
    const codes = placeCodes(parts, partCount, from, length, memo + CODES)
    const missed = recall(codes, length, memo, table)
    for (let at: usize = 0; at < <usize>missed << 2; at += 4)
      store<u32>(memo + at, load<u32>(codes + (<usize>load<u32>(memo + at, MISSED_ROWS) << 2)), MISSED_CODES)
    if (missed > 0) {
      keysOfCodes(memo + MISSED_CODES, missed, parts, partCount, <u32>keyBytes >> 2, keys)
      if (keyBytes == 4) learn<u8>(keys, missed, memo, table)
      else if (keyBytes == 8) learn<u16>(keys, missed, memo, table)
      else learn<u32>(keys, missed, memo, table)
    }
    addPlaces(memo + ENTRIES, from, from + length, values, sums, counts)
    store<u32>(memo, load<u32>(memo) + length)
    store<u32>(memo, load<u32>(memo, MISSED) + missed, MISSED)
  }
}
