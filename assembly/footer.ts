// The row groups of a Parquet footer (apache/parquet-format, parquet.thrift). The twin is `readFooter` (src/storage/parquet/read-metadata.ts), which also reads the schema and tells what is wrong.

import { BAD_LENGTH, TRUNCATED } from './codes'
import { ABSENT, at, begin, enter, fail, fault, id, integer, leave, next, skipField, STRUCT, structs, type } from './thrift'

// Of a row group, doubles: its rows, and then of each column chunk codec, values, plain bytes, packed bytes, where its data pages begin and where its dictionary, NaN when it has none.
const ROWS_BYTES: usize = 8
const CHUNK_BYTES: usize = 48
const RANGE_BYTES: usize = 24
/** No row group of a flow block comes near so many plain bytes (`MAX_MEMORY`, src/storage/parquet/footer.ts). */
const MOST_PLAIN: f64 = 1073741824

// @ts-ignore: decorator
@inline
function put(place: usize, value: i64): void {
  if (value == ABSENT) fail(TRUNCATED)
  store<f64>(place, <f64>value)
}

/** The metadata of a column chunk. */
function readColumn(entry: usize): void {
  if (type != STRUCT) return fail(BAD_LENGTH)
  const outer = enter()
  let codec = ABSENT
  let values = ABSENT
  let plainBytes = ABSENT
  let sizeBytes = ABSENT
  let dataOffset = ABSENT
  let dictionaryOffset = ABSENT
  while (next()) {
    if (id == 4) codec = integer()
    else if (id == 5) values = integer()
    else if (id == 6) plainBytes = integer()
    else if (id == 7) sizeBytes = integer()
    else if (id == 9) dataOffset = integer()
    else if (id == 11) dictionaryOffset = integer()
    else skipField(4)
  }
  leave(outer)
  put(entry, codec)
  put(entry + 8, values)
  put(entry + 16, plainBytes)
  put(entry + 24, sizeBytes)
  put(entry + 32, dataOffset)
  store<f64>(entry, dictionaryOffset == ABSENT ? NaN : <f64>dictionaryOffset, 40)
}

/** A column chunk, of which only the metadata counts. */
function readChunk(entry: usize): void {
  const outer = enter()
  let isRead = false
  while (next()) {
    if (id == 3) {
      readColumn(entry)
      isRead = true
    } else skipField(3)
  }
  leave(outer)
  if (!isRead) fail(TRUNCATED)
}

function readGroup(entry: usize, columns: u32): void {
  const outer = enter()
  let rows = ABSENT
  let read: u32 = 0
  while (next()) {
    if (id == 1) {
      const count = structs()
      for (let i: u32 = 0; i < count && fault == 0; i++, read++) {
        if (read == columns) return fail(BAD_LENGTH)
        readChunk(entry + ROWS_BYTES + <usize>read * CHUNK_BYTES)
      }
    } else if (id == 3) rows = integer()
    else skipField(2)
  }
  leave(outer)
  put(entry, rows)
  if (read != columns) fail(BAD_LENGTH)
}

/** Whether a row group has the rows, and its column chunks lie in the part of the block, that a range says: doubles, where it begins, its bytes, its rows. */
function isWithin(entry: usize, columns: u32, range: usize): bool {
  const start = load<f64>(range)
  const end = start + load<f64>(range, 8)
  if (load<f64>(entry) != load<f64>(range, 16)) return false
  let chunk = entry + ROWS_BYTES
  for (let i: u32 = 0; i < columns; i++, chunk += CHUNK_BYTES) {
    const plainBytes = load<f64>(chunk, 16)
    const sizeBytes = load<f64>(chunk, 24)
    const dictionary = load<f64>(chunk, 40)
    const offset = isNaN(dictionary) ? load<f64>(chunk, 32) : dictionary
    if (offset < start || sizeBytes < 0 || offset + sizeBytes > end || plainBytes < 0 || plainBytes >= MOST_PLAIN) return false
  }
  return true
}

/**
 * Reads the row groups of a footer in [from, to), of `columns` column chunks each, to `entries`; where the schema begins and ends is left in two words at `schema`. Returns how many there are, or a code, also when
 * they are more than `most`, have other chunks, or are not what `ranges` says of each.
 */
export function footerGroups(from: usize, to: usize, columns: u32, most: u32, entries: usize, schema: usize, ranges: usize): i32 {
  begin(from, to)
  let read: u32 = 0
  let hasGroups = false
  store<u64>(schema, 0)
  while (next()) {
    if (id == 2) {
      store<u32>(schema, <u32>at)
      skipField(1)
      store<u32>(schema, <u32>at, 4)
    } else if (id == 4) {
      hasGroups = true
      const count = structs()
      for (let i: u32 = 0; i < count && fault == 0; i++, read++) {
        if (read == most) return BAD_LENGTH
        const entry = entries + <usize>read * (ROWS_BYTES + <usize>columns * CHUNK_BYTES)
        readGroup(entry, columns)
        if (fault == 0 && !isWithin(entry, columns, ranges + <usize>read * RANGE_BYTES)) return BAD_LENGTH
      }
    } else skipField(1)
  }
  if (fault != 0) return fault
  return hasGroups ? <i32>read : TRUNCATED
}
