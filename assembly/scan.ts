// The pages of a row group from packed bytes to the entries of a table by one call: what `RowSelector`, a grouper and `FoldTable` (src/runtime) do a page at a time, which are the twin of
// this, and to whom every page is left that is not plain: one that cannot be read, addresses other than of IPv4, sums or keys for which there may be no room.

import { foldDirect, foldPacked } from './direct'
import { foldRows, foldRun, sumDoubles } from './fold'
import { gather16, gather32, gather64, gather8 } from './gather'
import { groupsAppend } from './groups'
import { joinMarks, markedRows, markRange } from './marks'
import { foldKnown, isKnowing } from './memo'
import { COLUMN_BYTES, PAGE_ROWS, readPages } from './pages'
import { countBytes } from './parquet'
import { isOneKey, placeKeys } from './parts'
import { slicesAdd } from './slices'

// A scan: 32-bit words, then doubles. Words of a key (0: the table is direct); bytes of a key, packed places (or 0) and counts of a direct table; the table; its sums; how it counts; room for the keys
// of a slice; parts of a key and how many there are; room for the addresses of values; the addresses of the summed columns; steps of a filter and how many; marks; room for row numbers; what is
// gathered of the chosen rows and how many arrays that are; families and how many; rows for which there is room where rows are gathered; entries for which the table has room; the sum that
// has a limit of its own; a word to leave; then what is counted: rows added, rows not chosen, new keys of a direct table. Behind them what is left: rows, bounds, and the limited sum.
// Then where rows go that are not added up: slices (slices.ts; 0: they are added up), room for the entries of a slice of rows, bytes of an entry, those before its numbers, what writes its key, and steps of that.
// Last a memo of the table (memo.ts), or 0.
const WIDTH: usize = 0
const KEY_BYTES: usize = 4
const PACKED: usize = 8
const COUNTS: usize = 12
const TABLE: usize = 16
const SUMS: usize = 20
const COUNTING: usize = 24
const KEYS: usize = 28
const PARTS: usize = 32
const PART_COUNT: usize = 36
const VALUES: usize = 40
const SOURCES: usize = 44
const STEPS: usize = 48
const STEP_COUNT: usize = 52
const MARKS: usize = 56
const ROWS: usize = 60
const GATHERS: usize = 64
const GATHER_COUNT: usize = 68
const FAMILIES: usize = 72
const FAMILY_COUNT: usize = 76
const CAPACITY: usize = 80
const MOST_ENTRIES: usize = 84
const LIMITED: usize = 88
const FAILED: usize = 92
const MAPPED: usize = 96
const UNMATCHED: usize = 100
const FRESH: usize = 104
const ROWS_LEFT: usize = 112
const BOUND_LEFT: usize = 120
const SUM_LEFT: usize = 128
const SLICES: usize = 136
const MADE: usize = 140
const STRIDE: usize = 144
const NUMBERS: usize = 148
const PROGRAM: usize = 152
const PROGRAM_STEPS: usize = 156
const MEMO: usize = 160

/** Rows whose keys are laid out at once: they stay in the fastest cache. */
const SLICE: u32 = 4096
/** Marks of a page and slack. */
const MARK_BYTES: usize = 2080

// A step of a filter, 32 bytes: how marks are joined (RANGE: it makes some), address and bytes of its values, low and high end.
const STEP_BYTES: usize = 32
const RANGE: u32 = 3
const NOT: u32 = 2

/** Of a table: how many entries it has (table.ts). */
const LENGTH: usize = 12
const EPSILON: f64 = 2.220446049250313e-16

/** The rows of a page that a filter takes. */
function choose(scan: usize, rows: u32): u32 {
  const marks = <usize>load<u32>(scan, MARKS)
  let step = <usize>load<u32>(scan, STEPS)
  const end = step + <usize>load<u32>(scan, STEP_COUNT) * STEP_BYTES
  let next = marks
  for (; step < end; step += STEP_BYTES) {
    const join = load<u32>(step)
    if (join == RANGE) {
      markRange(load<u32>(step, 4), load<u32>(step, 8), load<f64>(step, 16), load<f64>(step, 24), rows, next)
      next += MARK_BYTES
    } else {
      if (join != NOT) next -= MARK_BYTES
      joinMarks(next - MARK_BYTES, next, join, rows)
    }
  }
  return markedRows(marks, rows, load<u32>(scan, ROWS))
}

/** Puts the chosen rows of a page behind `pending` others. An entry is bytes of a value, where they are, where they go. */
function gather(scan: usize, chosen: u32, pending: u32): void {
  const rows = <usize>load<u32>(scan, ROWS)
  let entry = <usize>load<u32>(scan, GATHERS)
  const end = entry + (<usize>load<u32>(scan, GATHER_COUNT) << 4)
  for (; entry < end; entry += 16) {
    const bytes = load<u32>(entry)
    const from = <usize>load<u32>(entry, 4)
    const to = <usize>load<u32>(entry, 8) + <usize>(pending * bytes)
    if (bytes == 1) gather8(from, rows, chosen, to)
    else if (bytes == 2) gather16(from, rows, chosen, to)
    else if (bytes == 4) gather32(from, rows, chosen, to)
    else gather64(from, rows, chosen, to)
  }
}

/** Whether the addresses of `rows` rows from `from` on are all of IPv4. */
function isPlain(scan: usize, from: u32, rows: u32): bool {
  const families = <usize>load<u32>(scan, FAMILIES)
  for (let i: usize = 0; i < <usize>load<u32>(scan, FAMILY_COUNT); i++)
    if (<u32>countBytes(<usize>load<u32>(families + (i << 2)) + from, rows, 4) != rows) return false
  return true
}

/** Whether limits allow for some rows; what is left of them is noted. */
function mayAdd(scan: usize, rows: u32): bool {
  if (load<u32>(scan, WIDTH) != 0 && load<u32>(load<u32>(scan, TABLE), LENGTH) + rows > load<u32>(scan, MOST_ENTRIES)) return false
  const sources = <usize>load<u32>(scan, SOURCES)
  const rounding = 1 + EPSILON * <f64>rows
  let bound: f64 = 0
  let limited: f64 = 0
  for (let s: u32 = 0; s < load<u32>(scan, SUMS); s++) {
    const sum = ceil(sumDoubles(load<u32>(sources + (<usize>s << 2)), rows) * rounding)
    bound = max(bound, sum)
    if (s == load<u32>(scan, LIMITED)) limited = sum
  }
  const rowsLeft = load<f64>(scan, ROWS_LEFT) - <f64>rows
  const boundLeft = load<f64>(scan, BOUND_LEFT) - bound
  const sumLeft = load<f64>(scan, SUM_LEFT) - limited
  if (rowsLeft < 0 || boundLeft < 0 || sumLeft < 0) return false
  store<f64>(scan, rowsLeft, ROWS_LEFT)
  store<f64>(scan, boundLeft, BOUND_LEFT)
  store<f64>(scan, sumLeft, SUM_LEFT)
  return true
}

/** The keys of `rows` rows. */
function keysFrom(scan: usize, from: u32, rows: u32): usize {
  return placeKeys(load<u32>(scan, PARTS), load<u32>(scan, PART_COUNT), load<u32>(scan, WIDTH), from, rows, load<u32>(scan, KEYS))
}

/** Where the values of rows from `from` on lie. */
function placeValues(scan: usize, from: u32): usize {
  const values = <usize>load<u32>(scan, VALUES)
  const sources = <usize>load<u32>(scan, SOURCES)
  for (let s: usize = 0; s < <usize>load<u32>(scan, SUMS); s++)
    store<u32>(values + (s << 2), load<u32>(sources + (s << 2)) + (from << 3))
  return values
}

/** Makes an entry of each row, and gives them to their slices. */
function append(scan: usize, keys: usize, rows: u32, values: usize, sums: u32): void {
  const made = <usize>load<u32>(scan, MADE)
  const stride = load<u32>(scan, STRIDE)
  const count = groupsAppend(keys, load<u32>(scan, WIDTH), rows, 0, values, sums, stride, made)
  slicesAdd(made, count, stride, load<u32>(scan, NUMBERS), load<u32>(scan, PROGRAM), load<u32>(scan, PROGRAM_STEPS), load<u32>(scan, SLICES))
}

/** Adds rows to the table, all or, when that is for somebody else to do, none. */
function fold(scan: usize, rows: u32): bool {
  if (rows == 0) return true
  if (!mayAdd(scan, rows)) return false
  store<u32>(scan, load<u32>(scan, MAPPED) + rows, MAPPED)
  const table = <usize>load<u32>(scan, TABLE)
  const sums = load<u32>(scan, SUMS)
  if (load<u32>(scan, WIDTH) == 0) {
    const keys = <usize>load<u32>(load<u32>(scan, PARTS), 4)
    const bytes = load<u32>(scan, KEY_BYTES)
    const packed = <usize>load<u32>(scan, PACKED)
    const values = placeValues(scan, 0)
    if (packed) foldPacked(keys, bytes, rows, 0, packed, values)
    else {
      const fresh = foldDirect(keys, bytes, rows, 0, load<u32>(scan, COUNTS), table, values, sums)
      store<u32>(scan, load<u32>(scan, FRESH) + fresh, FRESH)
    }
    return true
  }
  const counting = load<u32>(scan, COUNTING)
  const memo = <usize>load<u32>(scan, MEMO)
  if (memo && isKnowing(memo)) {
    const room = <usize>load<u32>(scan, KEYS)
    foldKnown(memo, load<u32>(scan, PARTS), load<u32>(scan, PART_COUNT), rows, room, table, placeValues(scan, 0), sums, counting)
    return true
  }
  for (let from: u32 = 0; from < rows; from += SLICE) {
    const count = min(SLICE, rows - from)
    const values = placeValues(scan, from)
    if (load<u32>(scan, SLICES)) append(scan, keysFrom(scan, from, count), count, values, sums)
    else if (isOneKey(load<u32>(scan, PARTS), load<u32>(scan, PART_COUNT), from, count))
      foldRun(keysFrom(scan, from, 1), count, table, values, sums, counting)
    else foldRows(keysFrom(scan, from, count), count, 0, table, values, sums, counting)
  }
  return true
}

/**
 * Reads the pages of a row group of `rows` rows from page `from` on, chooses rows where there is a filter, and adds them to the table of the scan. `columns`, `first` of which are read before rows are chosen
 * and `count` in all, `scratch` and `dense` are as `readPages` takes them. Returns the number of the page before which it stopped: the pages before that are added and counted, it and those behind are not.
 */
export function scanPages(scan: usize, columns: usize, first: u32, count: u32, from: u32, rows: u32, scratch: usize, dense: usize): u32 {
  const failed = scan + FAILED
  const filters = load<u32>(scan, STEP_COUNT) != 0
  const rest = columns + <usize>first * COLUMN_BYTES
  const capacity = load<u32>(scan, CAPACITY)
  let done = from
  let page = from
  let pending: u32 = 0
  let unmatched: u32 = 0
  for (let row = from * PAGE_ROWS; row < rows; row += PAGE_ROWS) {
    const length = min(PAGE_ROWS, rows - row)
    if (readPages(columns, first, page, length, scratch, dense, failed) < 0) break
    if (!filters) {
      if (!isPlain(scan, 0, length) || !fold(scan, length)) break
      done = ++page
      continue
    }
    const chosen = choose(scan, length)
    if (chosen > 0) {
      if (readPages(rest, count - first, page, length, scratch, dense, failed) < 0) break
      if (pending + chosen > capacity) {
        if (!fold(scan, pending)) return done
        store<u32>(scan, load<u32>(scan, UNMATCHED) + unmatched, UNMATCHED)
        done = page
        pending = 0
        unmatched = 0
      }
      gather(scan, chosen, pending)
      if (!isPlain(scan, pending, chosen)) break
      pending += chosen
    }
    unmatched += length - chosen
    page++
  }
  if (page == done || !fold(scan, pending)) return done
  store<u32>(scan, load<u32>(scan, UNMATCHED) + unmatched, UNMATCHED)
  return page
}

/** Adds the rows of columns that are decoded, all of them or, when that is for somebody else to do, none. */
export function scanRows(scan: usize, rows: u32): bool {
  return isPlain(scan, 0, rows) && fold(scan, rows)
}
