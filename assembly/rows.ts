// Rows of a result: merges sorted records of run files (src/runtime/shuffle/run-file.ts) and writes the rows that they hold as Avro, in one pass. A record is
// `[length of key][length of row][key][row]`, the lengths below 128, key and row in canonical encoding (src/flow/canonical-types.ts).
//
// The merge is a loser tree: each step replays one path of log2(k) matches, most of which the first eight bytes of the keys decide. The caller leaves SLACK bytes behind all
// records and behind the output.

import { BAD_LENGTH, OUT_OF_RANGE } from './codes'
import { putVarint } from './avro-encode'

/** How a column is written: a word each. */
const BYTE: u32 = 1
const U16: u32 = 2
const U32: u32 = 3
const U53: u32 = 4
const I53: u32 = 5
const U64: u32 = 6
const I64: u32 = 7
const BOOLEAN: u32 = 8
const ADDRESS: u32 = 9
const PREFIX: u32 = 10

const SAFE: u64 = (1 << 53) - 1
const SIGN: u64 = 1 << 63

/** Where the cursors and the tree of the merge at hand lie: a cursor is `[start][end]` of what is left of it, then the start of its key. */
let cursors: usize = 0
let tree: usize = 0
const CURSOR: usize = 16

// @ts-ignore: decorator
@inline
function headOf(cursor: u32): usize {
  return cursors + <usize>cursor * CURSOR
}

/** Looks at the record at hand of a cursor; false when its lengths are none. */
// @ts-ignore: decorator
@inline
function look(cursor: u32): bool {
  const head = headOf(cursor)
  const record = <usize>load<u32>(head)
  const lengths = load<u16>(record)
  if (lengths & 0x8080 || record + 2 + (lengths & 0xff) + (lengths >> 8) > <usize>load<u32>(head, 4)) return false
  store<u64>(head, bswap(load<u64>(record, 2)), 8)
  return true
}

// @ts-ignore: decorator
@inline
function isBefore(a: u32, b: u32): bool {
  const left = load<u64>(headOf(a), 8)
  const right = load<u64>(headOf(b), 8)
  return left != right ? left < right : isRestBefore(a, b)
}

/** Keys are no beginnings of one another, so what lies behind them decides nothing but the order of equal records. */
function isRestBefore(a: u32, b: u32): bool {
  const left = <usize>load<u32>(headOf(a))
  const right = <usize>load<u32>(headOf(b))
  const length = <usize>load<u8>(left)
  for (let at: usize = 8; at < length; at += 8) {
    const x = bswap(load<u64>(left + at, 2))
    const y = bswap(load<u64>(right + at, 2))
    if (x != y) return x < y
  }
  return a < b
}

/** Plays a cursor against the losers on its way to the top. */
// @ts-ignore: decorator
@inline
function replay(cursor: u32, count: u32): void {
  let winner = cursor
  for (let node = (cursor + count) >> 1; node > 0; node >>= 1) {
    const place = tree + (<usize>node << 2)
    const other = load<u32>(place)
    if (!isBefore(other, winner)) continue
    store<u32>(place, winner)
    winner = other
  }
  store<u32>(tree, winner)
}

/** Plays all matches below a node; returns the winner and leaves the losers. */
function play(node: u32, count: u32): u32 {
  if (node >= count) return node - count
  const left = play(node << 1, count)
  const right = play((node << 1) + 1, count)
  const isLeft = isBefore(left, right)
  store<u32>(tree + (<usize>node << 2), isLeft ? right : left)
  return isLeft ? left : right
}

let fault: i32 = 0

/** Writes an address, and with `extra` the length of its prefix behind it; returns the end of what was read in the low, of what was written in the high half. */
// @ts-ignore: decorator
@inline
function writeAddress(from: usize, to: usize, extra: usize): u64 {
  const family = load<u8>(from)
  const length: usize = family == 4 ? 4 : family == 6 ? 16 : 0
  if (length == 0) {
    store<u8>(to, 0)
    return <u64>(from + 1 + extra) | (<u64>(to + 1) << 32)
  }
  store<u8>(to, (length + extra) << 1)
  v128.store(to + 1, v128.load(from + 1))
  if (extra) store<u8>(to + 1 + length, load<u8>(from + 1 + length))
  return <u64>(from + 1 + length + extra) | (<u64>(to + 1 + length + extra) << 32)
}

/** Writes one row as Avro, as the words of `program` say; returns the end. */
// @ts-ignore: decorator
@inline
function writeRow(row: usize, program: usize, columns: u32, dst: usize): usize {
  let from = row
  let to = dst
  const end = program + (<usize>columns << 2)
  for (let step = program; step < end; step += 4) {
    const code = load<u32>(step)
    if (code >= U53 && code <= I64) {
      const bits = bswap(load<u64>(from))
      from += 8
      if (code == U53 || code == U64) {
        if (bits > (code == U53 ? SAFE : SIGN - 1)) fault = OUT_OF_RANGE
        to = putVarint(to, bits << 1)
      } else {
        const value = <i64>(bits ^ SIGN)
        if (code == I53 && <u64>(value < 0 ? -value : value) > SAFE) fault = OUT_OF_RANGE
        to = putVarint(to, <u64>((value << 1) ^ (value >> 63)))
      }
    } else if (code == ADDRESS || code == PREFIX) {
      const ends = writeAddress(from, to, code == PREFIX ? 1 : 0)
      from = <usize>(ends & 0xffffffff)
      to = <usize>(ends >> 32)
    } else if (code == U32) {
      to = putVarint(to, <u64>bswap(load<u32>(from)) << 1)
      from += 4
    } else if (code == U16) {
      to = putVarint(to, <u64>bswap(load<u16>(from)) << 1)
      from += 2
    } else if (code == BYTE) {
      to = putVarint(to, <u64>load<u8>(from) << 1)
      from += 1
    } else {
      store<u8>(to, load<u8>(from) != 0)
      from += 1
      to += 1
    }
  }
  return to
}

/**
 * Merges up to `rows` records of `count` cursors, none of which is empty, and writes their rows to `dst`; stops when a cursor has nothing left. `heads` has 16 bytes for each cursor, that
 * start with the addresses where it starts and ends, and are left so; `nodes` is as many words of scratch. Returns how many rows were merged, or a code below 0; the word at `end` gets
 * the end of what was written.
 */
export function rowsMerge(heads: usize, count: u32, nodes: usize, program: usize, columns: u32, rows: u32, dst: usize, end: usize): i32 {
  cursors = heads
  tree = nodes
  fault = 0
  for (let cursor: u32 = 0; cursor < count; cursor++) if (!look(cursor)) return BAD_LENGTH
  store<u32>(tree, count == 1 ? 0 : play(1, count))
  let to = dst
  let merged: u32 = 0
  while (merged < rows) {
    const winner = load<u32>(tree)
    const head = headOf(winner)
    const record = <usize>load<u32>(head)
    const row = record + 2 + load<u8>(record)
    to = writeRow(row, program, columns, to)
    merged++
    const next = row + load<u8>(record, 1)
    store<u32>(head, next)
    if (next == <usize>load<u32>(head, 4)) break
    if (!look(winner)) return BAD_LENGTH
    replay(winner, count)
  }
  store<u32>(end, to)
  return fault ? fault : <i32>merged
}
