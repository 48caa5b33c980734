// The page headers of a column chunk (apache/parquet-format, parquet.thrift) in Thrift's compact protocol, as entries that pages.ts reads. The twin is
// `readPageHeader` (src/storage/parquet/read-metadata.ts), which also tells what is wrong. Bytes that are not what is read make every later read end at once, so loops end too.

import { BAD_ENCODING, BAD_LENGTH, TRUNCATED } from './codes'
import { readVarint, varintValue } from './varint'

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

// Types of Thrift's compact protocol.
const TRUE: u32 = 1
const FALSE: u32 = 2
const BYTE: u32 = 3
const I16: u32 = 4
const I64: u32 = 6
const DOUBLE: u32 = 7
const BINARY: u32 = 8
const LIST: u32 = 9
const SET: u32 = 10
const STRUCT: u32 = 12

/** Nesting that no page header needs. */
const MAX_DEPTH: u32 = 16
/** The largest integer before zigzag that is a number of 53 bits behind it. */
const MAX_RAW: u64 = 0x3ffffffffffffe
/** What a field holds that has not been read. */
const ABSENT: i64 = i64.MIN_VALUE

let at: usize = 0
let end: usize = 0
let fault: i32 = 0
/** The field that `next` came to, and its type. */
let id: i64 = 0
let type: u32 = 0

function fail(code: i32): void {
  if (fault == 0) fault = code
  at = end
}

function byte(): u32 {
  if (at >= end) {
    fail(TRUNCATED)
    return 0
  }
  return load<u8>(at++)
}

function varint(): u64 {
  const next = readVarint(at, end)
  if (next == 0 || varintValue > MAX_RAW) {
    fail(TRUNCATED)
    return 0
  }
  at = next
  return varintValue
}

function zigzag(): i64 {
  const raw = varint()
  return <i64>(raw >> 1) ^ -(<i64>(raw & 1))
}

function pass(length: u64): void {
  if (length > <u64>(end - at)) fail(TRUNCATED)
  else at += <usize>length
}

/** Comes to the next field of a struct; false at its end. */
function next(): bool {
  const header = byte()
  if (header == 0) return false
  id = header >> 4 ? id + <i64>(header >> 4) : zigzag()
  type = header & 15
  return true
}

/** The integer of the field; one of another type is a fault. */
function integer(): i64 {
  if (type < BYTE || type > I64) {
    fail(BAD_ENCODING)
    return 0
  }
  return type == BYTE ? <i64>byte() : zigzag()
}

/** Steps over the value of a field; a boolean has none. */
function skipField(depth: u32): void {
  if (type > FALSE) skip(type, depth)
}

function skip(kind: u32, depth: u32): void {
  if (kind >= TRUE && kind <= BYTE) pass(1)
  else if (kind >= I16 && kind <= I64) varint()
  else if (kind == DOUBLE) pass(8)
  else if (kind == BINARY) pass(varint())
  else if (kind == LIST || kind == SET) skipList(depth + 1)
  else if (kind == STRUCT) skipStruct(depth + 1)
  else fail(BAD_ENCODING)
}

function skipStruct(depth: u32): void {
  if (depth > MAX_DEPTH) return fail(BAD_ENCODING)
  const outer = id
  id = 0
  while (next()) skipField(depth)
  id = outer
}

function skipList(depth: u32): void {
  if (depth > MAX_DEPTH) return fail(BAD_ENCODING)
  const header = byte()
  const count = header >> 4 == 15 ? varint() : <u64>(header >> 4)
  if (count > <u64>(end - at)) return fail(TRUNCATED)
  const kind = header & 15
  for (let i: u64 = 0; i < count && fault == 0; i++) skip(kind, depth)
}

let values: i64 = 0
let encoding: i64 = 0
let levelBytes: i64 = 0
let isPacked: bool = true

/** The values of a page; those of a data page V2 have levels in front that are never packed. */
function readValues(isV2: bool): void {
  if (type != STRUCT) return fail(BAD_ENCODING)
  const outer = id
  id = 0
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
  id = outer
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
  id = 0
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
  at = from
  end = to
  fault = 0
  let count: u32 = 0
  while (at < end) {
    if (count == most) return BAD_LENGTH
    readHeader(entries + <usize>count * ENTRY_BYTES)
    if (fault != 0) return fault
    count++
  }
  return <i32>count
}
