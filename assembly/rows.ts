// Rows of a result: merges sorted records of run files (src/runtime/shuffle/run-file.ts) and writes the rows that they hold as Avro, in one pass. A record is
// `[length of key][length of payload][key][payload]`, the lengths below 128, both in canonical encoding (src/flow/canonical-types.ts): the key is what orders the row, with the bits of descending columns
// flipped, the payload what the key lacks of it (src/runtime/row-form.ts).
//
// The merge is a loser tree: each step replays one path of log2(k) matches, most of which the first eight bytes of the keys decide. The caller leaves SLACK bytes behind all
// records and behind the output.

import { BAD_LENGTH, OUT_OF_RANGE } from './codes'
import { putVarint } from './avro-encode'

/** What a column is. */
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

/** In a word of a program: what a column is, whether its bits are flipped, and from `PART_SHIFT` on the number of the part of the record that it is; of a part, how many bytes it has, unless it has an address. */
const CODE: u32 = 0xff
const FLIPPED: u32 = 0x100
const PART_SHIFT: u32 = 16
const WIDTH_SHIFT: u32 = 24

/** Where the parts of the record at hand begin. */
const PLACES: usize = memory.data(1024)

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

/** The bits that are flipped in each 64 bits of a column. */
// @ts-ignore: decorator
@inline
function flipOf(word: u32): u64 {
  return word & FLIPPED ? ~(<u64>0) : 0
}

/** Bytes of an address, its family included. */
// @ts-ignore: decorator
@inline
function addressBytes(from: usize, flip: u64): usize {
  const family = <u32>(load<u8>(from) ^ <u8>flip)
  return family == 4 ? 5 : family == 6 ? 17 : 1
}

/** Finds the parts of a record: those of its key, then those of its payload. */
// @ts-ignore: decorator
@inline
function findParts(record: usize, program: usize, parts: u32): void {
  let from = record + 2
  let place = PLACES
  const end = program + (<usize>parts << 2)
  for (let step = program; step < end; step += 4, place += 4) {
    const word = load<u32>(step)
    const width = <usize>(word >> WIDTH_SHIFT)
    store<u32>(place, <u32>from)
    from += width ? width : addressBytes(from, flipOf(word)) + <usize>((word & CODE) == PREFIX)
  }
}

/** Writes an address, and with `extra` the length of its prefix behind it; returns the end of what was written. */
// @ts-ignore: decorator
@inline
function writeAddress(from: usize, to: usize, extra: usize, flip: u64): usize {
  const length = addressBytes(from, flip) - 1
  if (length == 0) {
    store<u8>(to, 0)
    return to + 1
  }
  store<u8>(to, (length + extra) << 1)
  v128.store(to + 1, v128.xor(v128.load(from + 1), i64x2.splat(flip)))
  if (extra) store<u8>(to + 1 + length, load<u8>(from + 1 + length) ^ <u8>flip)
  return to + 1 + length + extra
}

/** Writes the row of the record whose parts were found as Avro, as the words of `columns` columns from `program` on say; returns the end. */
// @ts-ignore: decorator
@inline
function writeRow(program: usize, columns: u32, dst: usize): usize {
  let to = dst
  const end = program + (<usize>columns << 2)
  for (let step = program; step < end; step += 4) {
    const word = load<u32>(step)
    const code = word & CODE
    const flip = flipOf(word)
    const from = <usize>load<u32>(PLACES + (<usize>(word >> PART_SHIFT) << 2))
    if (code >= U53 && code <= I64) {
      const bits = bswap(load<u64>(from)) ^ flip
      if (code == U53 || code == U64) {
        if (bits > (code == U53 ? SAFE : SIGN - 1)) fault = OUT_OF_RANGE
        to = putVarint(to, bits << 1)
      } else {
        const value = <i64>(bits ^ SIGN)
        if (code == I53 && <u64>(value < 0 ? -value : value) > SAFE) fault = OUT_OF_RANGE
        to = putVarint(to, <u64>((value << 1) ^ (value >> 63)))
      }
    } else if (code == ADDRESS || code == PREFIX) {
      to = writeAddress(from, to, code == PREFIX ? 1 : 0, flip)
    } else if (code == U32) {
      to = putVarint(to, <u64>(bswap(load<u32>(from)) ^ <u32>flip) << 1)
    } else if (code == U16) {
      to = putVarint(to, <u64>(bswap(load<u16>(from)) ^ <u16>flip) << 1)
    } else if (code == BYTE) {
      to = putVarint(to, <u64>(load<u8>(from) ^ <u8>flip) << 1)
    } else {
      store<u8>(to, (load<u8>(from) ^ <u8>flip) != 0)
      to += 1
    }
  }
  return to
}

/**
 * Merges up to `rows` records of `count` cursors, none of which is empty, and writes their rows to `dst`; stops when a cursor has nothing left. `heads` has 16 bytes for each cursor, that
 * start with the addresses where it starts and ends, and are left so; `nodes` is as many words of scratch. `program` has a word for each of `parts` parts of a record, then one for each of `columns` columns of a row. Returns how many rows were merged, or a code below 0; the word at `end` gets
 * the end of what was written.
 */
export function rowsMerge(heads: usize, count: u32, nodes: usize, program: usize, parts: u32, columns: u32, rows: u32, dst: usize, end: usize): i32 {
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
    findParts(record, program, parts)
    to = writeRow(program + (<usize>parts << 2), columns, to)
    merged++
    const next = record + 2 + load<u8>(record) + load<u8>(record, 1)
    store<u32>(head, next)
    if (next == <usize>load<u32>(head, 4)) break
    if (!look(winner)) return BAD_LENGTH
    replay(winner, count)
  }
  store<u32>(end, to)
  return fault ? fault : <i32>merged
}
