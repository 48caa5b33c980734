// Thrift's compact protocol (apache/thrift, thrift-compact-protocol.md) as far as Parquet's metadata needs it: structs are read field by field, and what nobody asks for is stepped over. The twin is
// `ThriftReader` (src/storage/parquet/thrift.ts), which also tells what is wrong. Bytes that are not what is read make every later read end at once, so loops end too.

import { BAD_ENCODING, TRUNCATED } from './codes'
import { readVarint, varintValue } from './varint'

// Types of Thrift's compact protocol.
export const TRUE: u32 = 1
export const FALSE: u32 = 2
const BYTE: u32 = 3
const I16: u32 = 4
const I64: u32 = 6
const DOUBLE: u32 = 7
const BINARY: u32 = 8
const LIST: u32 = 9
const SET: u32 = 10
export const STRUCT: u32 = 12

/** Nesting that no page header needs. */
const MAX_DEPTH: u32 = 16
/** The largest integer before zigzag that is a number of 53 bits behind it. */
const MAX_RAW: u64 = 0x3ffffffffffffe
/** What a field holds that has not been read. */
export const ABSENT: i64 = i64.MIN_VALUE

/** Where the next byte is read. */
export let at: usize = 0
let end: usize = 0
/** What is wrong, a code. */
export let fault: i32 = 0
/** The field that `next` came to, and its type. */
export let id: i64 = 0
export let type: u32 = 0

/** Begins to read [from, to). */
export function begin(from: usize, to: usize): void {
  at = from
  end = to
  fault = 0
  id = 0
}

/** Begins the struct of the field, or the next in a list. Gives what `leave` needs. */
export function enter(): i64 {
  const outer = id
  id = 0
  return outer
}

/** Goes on in what is around a struct; a list is one of structs. */
export function leave(outer: i64): void {
  id = outer
  type = STRUCT
}

/** Begins a list of structs. Returns how many there are. */
export function structs(): u32 {
  if (type != LIST) {
    fail(BAD_ENCODING)
    return 0
  }
  const header = byte()
  const count = header >> 4 == 15 ? varint() : <u64>(header >> 4)
  if (count > <u64>(end - at)) fail(TRUNCATED)
  else if (count > 0 && (header & 15) != STRUCT) fail(BAD_ENCODING)
  if (fault != 0) return 0
  type = STRUCT
  return <u32>count
}

export function fail(code: i32): void {
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

export function pass(length: u64): void {
  if (length > <u64>(end - at)) fail(TRUNCATED)
  else at += <usize>length
}

/** Comes to the next field of a struct; false at its end. */
export function next(): bool {
  const header = byte()
  if (header == 0) return false
  id = header >> 4 ? id + <i64>(header >> 4) : zigzag()
  type = header & 15
  return true
}

/** The integer of the field; one of another type is a fault. */
export function integer(): i64 {
  if (type < BYTE || type > I64) {
    fail(BAD_ENCODING)
    return 0
  }
  return type == BYTE ? <i64>byte() : zigzag()
}

/** Steps over the value of a field; a boolean has none. */
export function skipField(depth: u32): void {
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
