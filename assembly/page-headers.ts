// The page headers of a column chunk (apache/parquet-format, parquet.thrift) in Thrift's compact protocol, as entries that pages.ts reads. The twin is
// `readPageHeader` (src/storage/parquet/read-metadata.ts), which also tells what is wrong.

import { BAD_ENCODING, BAD_LENGTH, TRUNCATED } from './codes'
import { ABSENT, at, begin, enter, FALSE, fail, fault, id, integer, leave, next, pass, STRUCT, skipField, TRUE, type } from './thrift'

// An entry, 32-bit words: type of the page, where its packed bytes stand, how many they are, how many when plain, values, encoding, CRC-32, bytes of
// levels that are not packed, and whether values may be packed.
export const TYPE: usize = 0
export const BODY: usize = 4
export const PACKED_BYTES: usize = 8
export const PLAIN_BYTES: usize = 12
export const VALUES: usize = 16
export const PAGE_ENCODING: usize = 20
export const CRC32: usize = 24
export const LEVEL_BYTES: usize = 28
export const IS_PACKED: usize = 32
export const ENTRY_BYTES: usize = 36

/** Types of pages. */
export const DATA: u32 = 0
export const DICTIONARY: u32 = 2
export const DATA_V2: u32 = 3

let values: i64 = 0
let encoding: i64 = 0
let levelBytes: i64 = 0
let isPacked: bool = true

/** The values of a page; those of a data page V2 have levels in front that are never packed. */
function readValues(isV2: bool): void {
  if (type != STRUCT) return fail(BAD_ENCODING)
  const outer = enter()
  values = ABSENT
  encoding = ABSENT
  isPacked = true
  let definitions = isV2 ? ABSENT : 0
  let repetitions = isV2 ? ABSENT : 0
  const encodingId = isV2 ? 4 : 2
  while (next()) {
    if (id == 1) values = integer()
    else if (id == encodingId) encoding = integer()
    else if (isV2 && id == 5) definitions = integer()
    else if (isV2 && id == 6) repetitions = integer()
    else if (isV2 && id == 7) {
      if (type != TRUE && type != FALSE) fail(BAD_ENCODING)
      isPacked = type == TRUE
    } else skipField(2)
  }
  leave(outer)
  if (values == ABSENT || encoding == ABSENT || definitions == ABSENT || repetitions == ABSENT) fail(TRUNCATED)
  levelBytes = definitions + repetitions
}

/** Whether a count of bytes or values is one that a page can have. */
// @ts-ignore: decorator
@inline
function isCount(value: i64): bool {
  return value >= 0 && value <= i32.MAX_VALUE
}

/** Reads one header to an entry; `at` is behind the packed bytes then. */
function readHeader(entry: usize): void {
  enter()
  let pageType = ABSENT
  let plainBytes = ABSENT
  let packedBytes = ABSENT
  let crc = ABSENT
  // Bit n is set when the values of a page of type n have been read; the last struct of a type counts.
  let read: u32 = 0
  while (next()) {
    if (id == 1) pageType = integer()
    else if (id == 2) plainBytes = integer()
    else if (id == 3) packedBytes = integer()
    else if (id == 4) crc = integer()
    else if (id == 5 || id == 7 || id == 8) {
      const kind = id == 5 ? DATA : id == 7 ? DICTIONARY : DATA_V2
      readValues(kind == DATA_V2)
      read |= 1 << kind
      putValues(entry + ENTRY_BYTES * <usize>kind)
    } else skipField(1)
  }
  const kind = pageType == DICTIONARY || pageType == DATA_V2 ? <u32>pageType : DATA
  if (!((read >> kind) & 1)) fail(TRUNCATED)
  if (pageType == ABSENT || plainBytes == ABSENT || packedBytes == ABSENT || crc == ABSENT) fail(TRUNCATED)
  if (fault != 0) return
  memory.copy(entry, entry + ENTRY_BYTES * <usize>kind, ENTRY_BYTES)
  if (!isCount(pageType) || !isCount(plainBytes) || !isCount(packedBytes)) return fail(BAD_LENGTH)
  if (<i32>load<u32>(entry, VALUES) < 0 || <i32>load<u32>(entry, LEVEL_BYTES) < 0) return fail(BAD_LENGTH)
  store<u32>(entry, <u32>pageType, TYPE)
  store<u32>(entry, <u32>at, BODY)
  store<u32>(entry, <u32>packedBytes, PACKED_BYTES)
  store<u32>(entry, <u32>plainBytes, PLAIN_BYTES)
  store<u32>(entry, <u32>crc, CRC32)
  pass(<u64>packedBytes)
}

/** What no page can have is -1. */
function putValues(place: usize): void {
  store<i32>(place, isCount(values) ? <i32>values : -1, VALUES)
  store<i32>(place, isCount(encoding) ? <i32>encoding : -1, PAGE_ENCODING)
  store<i32>(place, isCount(levelBytes) ? <i32>levelBytes : -1, LEVEL_BYTES)
  store<u32>(place, isPacked ? 1 : 0, IS_PACKED)
}

/**
 * Reads the headers of the pages in [from, to), each followed by its packed bytes. Returns how many there are, or a code when there are more than `most`, or one is not what the format
 * says or reaches beyond `to`. `entries` has room for three more than `most`.
 */
export function pageHeaders(from: usize, to: usize, entries: usize, most: u32): i32 {
  begin(from, to)
  let count: u32 = 0
  while (at < to) {
    if (count == most) return BAD_LENGTH
    readHeader(entries + <usize>count * ENTRY_BYTES)
    if (fault != 0) return fault
    count++
  }
  return <i32>count
}
