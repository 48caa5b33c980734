// The pages of a column chunk from their bodies: compressed where that is worth it, and behind their headers (apache/parquet-format, parquet.thrift). The twins are `snappyCompress` and `writePageHeader`
// (src/storage/parquet/metadata.ts). Checksums are the caller's, between the two. Nothing here is static: several threads may run it over one memory.

import { putVarint } from './avro-encode'
import { snappyCompress } from './snappy-compress'

// A page in the list: where its plain body stands, the length of that, its values, where what is stored of it stands, the length and the checksum of that, and its end in the chunk.
const PAGE: usize = 32
const LENGTH: usize = 4
const VALUES: usize = 8
const STORED_AT: usize = 12
const STORED_LENGTH: usize = 16
const CRC: usize = 20
const END: usize = 24

// Types of pages, and an encoding, by the specification's numbers.
const DATA: i32 = 0
const DICTIONARY: i32 = 2
const RLE: i32 = 3

// Field headers of Thrift's compact protocol: an i32 behind the field before, a struct so many ids behind the fourth.
const NEXT_I32: u32 = 0x15
const DATA_HEADER: u32 = 0x1c
const DICTIONARY_HEADER: u32 = 0x3c

// @ts-ignore: decorator
@inline
function putI32(to: usize, value: i32): usize {
  store<u8>(to, NEXT_I32)
  return putVarint(to + 1, <u64>(<u32>((value << 1) ^ (value >> 31))))
}

/**
 * Compresses the bodies of `count` pages to `dst`, one behind the other, with `table` as `snappyCompress` wants it. As soon as they have `worth` bytes or more it stops, and the bodies are stored as
 * they are. Returns the bytes of what is stored, and 1 in the sign when that is compressed: a number below 0.
 */
export function packBodies(pages: usize, count: u32, worth: f64, dst: usize, table: usize): i32 {
  const end = pages + <usize>count * PAGE
  let total: u32 = 0
  for (let page = pages; page < end; page += PAGE) {
    const at = dst + total
    const length = <u32>snappyCompress(load<u32>(page), load<u32>(page, LENGTH), at, table)
    total += length
    if (<f64>total >= worth) return keepBodies(pages, end)
    store<u32>(page, <u32>at, STORED_AT)
    store<u32>(page, length, STORED_LENGTH)
  }
  return -(<i32>total)
}

function keepBodies(pages: usize, end: usize): i32 {
  let total: u32 = 0
  for (let page = pages; page < end; page += PAGE) {
    store<u32>(page, load<u32>(page), STORED_AT)
    store<u32>(page, load<u32>(page, LENGTH), STORED_LENGTH)
    total += load<u32>(page, LENGTH)
  }
  return <i32>total
}

/** Puts `count` pages behind their headers at `dst`, the first of which is a dictionary when `hasDictionary`; `encoding` is that of the others. Returns the bytes written, and notes where each ends. */
export function putPages(pages: usize, count: u32, hasDictionary: bool, encoding: i32, dst: usize): i32 {
  let to = dst
  for (let i: u32 = 0; i < count; i++) {
    const page = pages + <usize>i * PAGE
    const isDictionary = hasDictionary && i == 0
    const length = load<u32>(page, STORED_LENGTH)
    to = putI32(to, isDictionary ? DICTIONARY : DATA)
    to = putI32(to, load<i32>(page, LENGTH))
    to = putI32(to, length)
    to = putI32(to, load<i32>(page, CRC))
    store<u8>(to++, isDictionary ? DICTIONARY_HEADER : DATA_HEADER)
    to = putI32(to, load<i32>(page, VALUES))
    to = putI32(to, isDictionary ? 0 : encoding)
    if (!isDictionary) to = putI32(putI32(to, RLE), RLE)
    // Each struct ends with a zero.
    store<u16>(to, 0)
    to += 2
    memory.copy(to, load<u32>(page, STORED_AT), length)
    to += length
    store<u32>(page, <u32>(to - dst), END)
  }
  return <i32>(to - dst)
}
