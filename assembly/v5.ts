// Writes NetFlow v5 records as Avro rows of the flow record, without columns between: the kernel of src/ingest/encode/row-packer.ts. What src/ingest/decode/v5.ts
// and the encoder of columns make of the same records is its oracle. One loop over the fields of both layouts, by hand, because it is the hottest of ingest; it is longer
// than other functions because a call per field would cost more than the field.
//
// The caller leaves SLACK bytes behind input and output.

import { putVarint } from './avro-encode'

/** A datagram: a head, laid out by src/ingest/decode/v5-records.ts, then its records. The end of the head is room for `putOrigin`. */
export const HEAD: usize = 112
const ORIGIN: usize = 80
export const RECORD: usize = 48

/** Bits of the column `flags`. */
const END_BEFORE_START: u32 = 32
const TIME_AFTER_EXPORT: u32 = 64

/** The varint of twice a number of 16 bits, without a branch: the sizes of ports cannot be foretold. */
// @ts-ignore: decorator
@inline
function putU16(p: usize, value: u32): usize {
  const twice = value << 1
  const longer = <u32>(twice > 0x7f)
  const longest = <u32>(twice > 0x3fff)
  const bits = (twice & 0x7f) | ((twice & 0x3f80) << 1) | ((twice & 0x1fc000) << 2)
  store<u32>(p, bits | (longer << 7) | (longest << 15))
  return p + 1 + longer + longest
}

// @ts-ignore: decorator
@inline
export function read16(p: usize, offset: usize): u32 {
  return <u32>bswap(load<u16>(p + offset))
}

// @ts-ignore: decorator
@inline
export function read32(p: usize, offset: usize): u32 {
  return bswap(load<u32>(p + offset))
}

// @ts-ignore: decorator
@inline
function putTime(p: usize, ms: i64): usize {
  return putVarint(p, <u64>((ms << 1) ^ (ms >> 63)))
}

/** Writes an IPv4 address, as it stands in a record. */
// @ts-ignore: decorator
@inline
function putAddress(p: usize, from: usize): usize {
  store<u8>(p, 8)
  store<u32>(p, load<u32>(from), 1)
  return p + 5
}

/** Writes arrival, exporter and domain, which all rows of a datagram share, at `at`; leaves the length of the first in its head and returns that of all. */
function putOrigin(at: usize, head: usize): usize {
  let p = putTime(at, <i64>load<f64>(head, 16))
  store<u32>(head, <u32>(p - at), 60)
  if (load<u32>(head, 52) == 4) {
    store<u8>(p, 8)
    store<u32>(p, bswap(load<u32>(head, 56)), 1)
    p += 5
  } else {
    store<u8>(p, 32)
    v128.store(p, v128.load(head, 64), 1)
    p += 17
  }
  return putVarint(p, <u64>load<u32>(head, 44) << 1) - at
}

/**
 * Writes the records of the datagrams in `[from, end)` as rows to `dst`; returns the number of bytes. Where rows begin goes to `starts`, relative to `origin`, where
 * matches may begin in them to `marks`: both as `avroEncode` notes them of columns. The smallest and largest start and the smallest and largest end are
 * left as doubles at `span`.
 */
export function v5Rows(
  from: usize,
  end: usize,
  dst: usize,
  origin: usize,
  starts: usize,
  marks: usize,
  span: usize,
): i32 {
  let p = dst
  let minStart = i64.MAX_VALUE
  let maxStart = i64.MIN_VALUE
  let minEnd = i64.MAX_VALUE
  let maxEnd = i64.MIN_VALUE
  let head = from
  while (head < end) {
    const sysUptime = load<u32>(head, 4)
    const exportMs = <i64>load<f64>(head, 8)
    const sampleSize = <u64>load<f64>(head, 24)
    const samplePopulation = <u64>load<f64>(head, 32)
    const always = load<u32>(head, 48)
    const source = head + ORIGIN
    const sourceLength = putOrigin(source, head)
    const receivedLength = load<u32>(head, 60)
    let record = head + HEAD
    const last = record + <usize>load<u32>(head) * RECORD
    for (; record < last; record += RECORD) {
      const row = p
      store<u32>(starts, <u32>(row - origin))
      starts += 4
      // The signed 32-bit difference to sysUptime holds across a wrap of either clock.
      const sinceFirst = <i32>(sysUptime - read32(record, 24))
      const sinceLast = <i32>(sysUptime - read32(record, 28))
      const startMs = exportMs - <i64>sinceFirst
      const endMs = exportMs - <i64>sinceLast
      minStart = min(minStart, startMs)
      maxStart = max(maxStart, startMs)
      minEnd = min(minEnd, endMs)
      maxEnd = max(maxEnd, endMs)
      p = putTime(p, startMs)
      p = putTime(p, endMs)
      store<u16>(marks, <u32>(p - row) + 2)
      store<u16>(marks, <u32>(p - row) + receivedLength, 2)
      v128.store(p, v128.load(source))
      v128.store(p + 16, v128.load(source, 16))
      p += sourceLength
      store<u16>(marks, <u32>(p - row), 4)
      p = putAddress(p, record)
      store<u16>(marks, <u32>(p - row), 6)
      p = putAddress(p, record + 4)
      // No match begins with the next hop.
      store<u16>(marks, 0, 8)
      p = putAddress(p, record + 8)
      p = putU16(p, read16(record, 32))
      p = putU16(p, read16(record, 34))
      p = putU16(p, load<u8>(record, 38))
      p = putU16(p, load<u8>(record, 37))
      p = putU16(p, load<u8>(record, 39))
      p = putVarint(p, <u64>read32(record, 20) << 1)
      p = putVarint(p, <u64>read32(record, 16) << 1)
      store<u16>(marks, <u32>(p - row), 10)
      p = putVarint(p, sampleSize << 1)
      p = putVarint(p, samplePopulation << 1)
      p = putU16(p, read16(record, 12))
      p = putU16(p, read16(record, 14))
      p = putU16(p, read16(record, 40))
      store<u16>(marks, <u32>(p - row), 12)
      p = putU16(p, read16(record, 42))
      p = putU16(p, load<u8>(record, 44))
      p = putU16(p, load<u8>(record, 45))
      // No VLAN, and 255 for no direction.
      store<u32>(p, 0x03fe00)
      const flags =
        always |
        (sinceFirst < sinceLast ? END_BEFORE_START : 0) |
        (sinceFirst < 0 || sinceLast < 0 ? TIME_AFTER_EXPORT : 0)
      p = putVarint(p + 3, <u64>flags << 1)
      marks += 14
    }
    head = last
  }
  store<f64>(span, <f64>minStart)
  store<f64>(span, <f64>maxStart, 8)
  store<f64>(span, <f64>minEnd, 16)
  store<f64>(span, <f64>maxEnd, 24)
  return <i32>(p - dst)
}
