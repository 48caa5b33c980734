// Pages of several columns into their arrays, one call for a page of all of them; the twin is src/kernels/pages.ts. As in snappy.ts the caller leaves SLACK
// bytes behind input and output.

import { BAD_ENCODING, BAD_LENGTH, OUTPUT_TOO_SMALL, TRUNCATED } from './codes'
import { delta16, delta32, delta64, delta8 } from './delta'
import {
  BODY,
  DATA,
  DATA_V2,
  ENTRY_BYTES,
  IS_PACKED,
  LEVEL_BYTES,
  PACKED_BYTES,
  PAGE_ENCODING,
  PLAIN_BYTES,
  TYPE,
  VALUES,
} from './page-headers'
import {
  countBytes,
  dictionary128,
  dictionary16,
  dictionary32,
  dictionary64,
  dictionary8,
  plain128,
  plain16,
  plain4,
  plain64,
  plain8,
  spread128,
} from './parquet'
import { snappyDecompress } from './snappy'

// A column, 32-bit words: the entries of its data pages and how many there are, codec, bytes of a value, where values go, the dictionary and its entries, how values
// lie in a page, whether they have levels, where the families of sparse values stand, the most plain bytes of a page, whether the array is all zero.
export const PAGES: usize = 0
export const COUNT: usize = 4
export const CODEC: usize = 8
export const BYTES: usize = 12
const TARGET: usize = 16
export const DICTIONARY_AT: usize = 20
export const DICTIONARY_ENTRIES: usize = 24
export const LAYOUT: usize = 28
const OPTIONAL: usize = 32
const FAMILY: usize = 36
const ROOM: usize = 40
const IS_ZERO: usize = 44
export const COLUMN_BYTES: usize = 48

const DENSE: u32 = 0
const SPARSE: u32 = 1
export const NULLABLE: u32 = 2

const UNCOMPRESSED: u32 = 0
const SNAPPY: u32 = 1

const PLAIN: u32 = 0
const DELTA_BINARY_PACKED: u32 = 5
const RLE_DICTIONARY: u32 = 8

/** Rows of a whole page. */
export const PAGE_ROWS: u32 = 16384

/** Where `unpack` left the plain bytes. */
export let plainAt: usize = 0

/** The plain bytes of a page, at `plainAt`: where they are when they are not packed, else at `to`, which has `room`. Returns how many, or a code. */
export function unpack(column: usize, page: usize, to: usize, room: u32): i32 {
  const codec = load<u32>(column, CODEC)
  if (codec > SNAPPY) return BAD_ENCODING
  if (load<u32>(page, TYPE) == DATA_V2) return unpackV2(column, page, to, room)
  plainAt = load<u32>(page, BODY)
  if (codec == UNCOMPRESSED) return load<u32>(page, PACKED_BYTES)
  const plainBytes = load<u32>(page, PLAIN_BYTES)
  if (plainBytes > room) return OUTPUT_TOO_SMALL
  const length = snappyDecompress(plainAt, load<u32>(page, PACKED_BYTES), to, plainBytes)
  plainAt = to
  return length
}

/** A data page V2 as one of V1: the levels, when there are any, behind their length, then the values. */
function unpackV2(column: usize, page: usize, to: usize, room: u32): i32 {
  const body = <usize>load<u32>(page, BODY)
  const levels = load<u32>(page, LEVEL_BYTES)
  const optional = load<u32>(column, OPTIONAL) != 0
  if (levels > min<u32>(load<u32>(page, PACKED_BYTES), load<u32>(page, PLAIN_BYTES)) || (levels > 0 && !optional)) return BAD_LENGTH
  const packed = load<u32>(page, PACKED_BYTES) - levels
  const plain = load<u32>(page, PLAIN_BYTES) - levels
  const head = optional ? 4 + levels : 0
  if (<u64>head + <u64>plain > <u64>room) return OUTPUT_TOO_SMALL
  if (head > 0) {
    store<u32>(to, levels)
    memory.copy(to + 4, body, levels)
  }
  plainAt = to
  if (load<u32>(page, IS_PACKED) != 0 && load<u32>(column, CODEC) == SNAPPY) {
    const length = snappyDecompress(body + levels, packed, to + head, plain)
    return length < 0 ? length : <i32>head + length
  }
  if (packed != plain) return BAD_LENGTH
  memory.copy(to + head, body + levels, plain)
  return head + plain
}

/** `unpack` for a caller outside, who finds at `out` where the bytes are. */
export function unpackPage(column: usize, page: usize, to: usize, room: u32, out: usize): i32 {
  const length = unpack(column, page, to, room)
  store<u32>(out, <u32>plainAt)
  return length
}

function dictionary(column: usize, bytes: u32, src: usize, length: u32, count: u32, dst: usize): i32 {
  const at = <usize>load<u32>(column, DICTIONARY_AT)
  const entries = load<u32>(column, DICTIONARY_ENTRIES)
  if (bytes == 1) return dictionary8(src, length, count, at, entries, dst)
  if (bytes == 2) return dictionary16(src, length, count, at, entries, dst)
  if (bytes == 4) return dictionary32(src, length, count, at, entries, dst)
  if (bytes == 8) return dictionary64(src, length, count, at, entries, dst)
  return dictionary128(src, length, count, at, entries, dst)
}

function delta(bytes: u32, src: usize, length: u32, count: u32, dst: usize): i32 {
  if (bytes == 1) return delta8(src, length, count, dst)
  if (bytes == 2) return delta16(src, length, count, dst)
  if (bytes == 4) return delta32(src, length, count, dst)
  return bytes == 8 ? delta64(src, length, count, dst) : BAD_ENCODING
}

export function plain(bytes: u32, src: usize, length: u32, count: u32, dst: usize): i32 {
  if (bytes == 1) return plain8(src, length, count, dst)
  if (bytes == 2) return plain16(src, length, count, dst)
  if (bytes == 4) return plain4(src, length, count, dst)
  if (bytes == 8) return plain64(src, length, count, dst)
  return plain128(src, length, count, dst)
}

function decode(column: usize, page: usize, src: usize, length: u32, count: u32, dst: usize): i32 {
  const encoding = load<u32>(page, PAGE_ENCODING)
  const bytes = load<u32>(column, BYTES)
  if (encoding == RLE_DICTIONARY) return dictionary(column, bytes, src, length, count, dst)
  if (encoding == DELTA_BINARY_PACKED) return delta(bytes, src, length, count, dst)
  return encoding == PLAIN ? plain(bytes, src, length, count, dst) : BAD_ENCODING
}

/** The IPv6 addresses of a page: the families, decoded before, say which rows have one. */
function readSparse(column: usize, page: usize, rows: u32, scratch: usize, dense: usize): i32 {
  const family = <usize>load<u32>(column, FAMILY)
  const target = <usize>load<u32>(column, TARGET)
  const count = countBytes(family, rows, 6)
  if (count == 0) {
    if (load<u32>(column, IS_ZERO) == 0) memory.fill(target, 0, <usize>PAGE_ROWS << 4)
    store<u32>(column, 1, IS_ZERO)
    return 0
  }
  store<u32>(column, 0, IS_ZERO)
  const length = unpack(column, page, scratch, load<u32>(column, ROOM))
  if (length < 0) return length
  const levels = length < 4 ? <u64>length : <u64>load<u32>(plainAt) + 4
  if (levels > <u64>length) return TRUNCATED
  const code = decode(column, page, plainAt + <usize>levels, length - <u32>levels, count, dense)
  if (code < 0) return code
  const used = spread128(family, rows, dense, count, target)
  return used < 0 ? used : 0
}

function readColumn(column: usize, number: u32, rows: u32, scratch: usize, dense: usize): i32 {
  if (number >= load<u32>(column, COUNT)) return TRUNCATED
  const page = <usize>load<u32>(column, PAGES) + <usize>number * ENTRY_BYTES
  const type = load<u32>(page, TYPE)
  if ((type != DATA && type != DATA_V2) || load<u32>(page, VALUES) != rows) return BAD_LENGTH
  const layout = load<u32>(column, LAYOUT)
  if (layout == SPARSE) return readSparse(column, page, rows, scratch, dense)
  if (layout != DENSE) return 0
  const length = unpack(column, page, scratch, load<u32>(column, ROOM))
  if (length < 0) return length
  return decode(column, page, plainAt, length, rows, load<u32>(column, TARGET))
}

/**
 * Decodes page `number` of `count` columns, `rows` rows, into their arrays; the columns of configured elements are only looked at. `scratch` has room for the plain bytes of a page, `dense` for the addresses of
 * one. Returns 0, or a code; then the number of the column stands at `failed`.
 */
export function readPages(columns: usize, count: u32, number: u32, rows: u32, scratch: usize, dense: usize, failed: usize): i32 {
  for (let i: u32 = 0; i < count; i++) {
    const code = readColumn(columns + <usize>i * COLUMN_BYTES, number, rows, scratch, dense)
    if (code >= 0) continue
    store<u32>(failed, i)
    return code
  }
  return 0
}
