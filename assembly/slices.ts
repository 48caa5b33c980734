// Entries (groups.ts) given to the slices of a run file by hash of their keys, as they come, in frames: a frame has entries of one slice and eight bytes in front of them for whoever writes it. Each time the frame
// of a slice is full, it takes the next that is free.
//
// Slices are given as the address of six words (how many there are, where frames lie, bytes from one to the next, how many are taken, where two bytes for each frame will say which slice has it, and a sketch (sketch.ts) of all entries or 0), behind which
// stand for each slice where its next entry goes, where its frame ends (both 0 before the first), and the sum of all numbers of its entries, a double.

import { BYTE, U16, U32, U64, writtenBytes } from './groups-write'
import { heavyAbove, sketchAdd } from './sketch'

const PARTITION_SEED: u32 = 0x7f4a7c15
/** Bytes before the entries of a frame. */
const PREFIX: usize = 8

/** Entries whose keys are hashed together, step by step of a program. */
const TOGETHER: u32 = 64
/** Their hashes, and the bytes of each that have not been hashed yet, low. */
const HASHES: usize = memory.data(256)
const BYTES: usize = memory.data(512)

// @ts-ignore: decorator
@inline
function pushBytes<T>(entry: usize, rows: usize, stride: usize, flip: u64): void {
  for (let i: usize = 0; i < rows; i++, entry += stride)
    store<u64>(BYTES + (i << 3), (load<u64>(BYTES + (i << 3)) << (sizeof<T>() << 3)) | <u64>(load<T>(entry) ^ <T>flip))
}

function pushByte(byte: u64, rows: usize): void {
  const bytes = i64x2.splat(byte)
  for (let at = BYTES; at < BYTES + (rows << 3); at += 16) v128.store(at, v128.or(i64x2.shl(v128.load(at), 8), bytes))
}

// @ts-ignore: decorator
@inline
function mixAll(hashes: v128, words: v128): v128 {
  const mixed = i32x4.mul(v128.xor(hashes, words), i32x4.splat(0x85ebca6b))
  return v128.xor(mixed, i32x4.shr_u(mixed, 15))
}

// @ts-ignore: decorator
@inline
function finishAll(hashes: v128): v128 {
  let mixed = i32x4.mul(hashes, i32x4.splat(0xc2b2ae35))
  mixed = i32x4.mul(v128.xor(mixed, i32x4.shr_u(mixed, 13)), i32x4.splat(0x27d4eb2f))
  return v128.xor(mixed, i32x4.shr_u(mixed, 16))
}

/** The bytes of keys `i` to `i + 3` that wait, without the last `bits` bits, as words. */
// @ts-ignore: decorator
@inline
function waiting(i: usize, bits: u32): v128 {
  const first = i64x2.shr_u(v128.load(BYTES + (i << 3)), bits)
  const second = i64x2.shr_u(v128.load(BYTES + (i << 3), 16), bits)
  return v128.shuffle<u32>(first, second, 0, 2, 4, 6)
}

/** Hashes four bytes, behind which `bits` bits wait. */
function hashBytes(rows: usize, bits: u32): void {
  for (let i: usize = 0; i < rows; i += 4) v128.store(HASHES + (i << 2), mixAll(v128.load(HASHES + (i << 2)), waiting(i, bits)))
}

/**
 * Leaves the hashes of the keys that a program writes (groups-write.ts): `hashBytes` of src/runtime/aggregate/hash.ts. All keys of a program have as many bytes, so that each of its steps is one
 * loop over the entries, and nothing is stored only to be loaded in other pieces.
 */
function hashKeys(entries: usize, rows: usize, stride: usize, program: usize, steps: u32): void {
  const seed = i32x4.splat(PARTITION_SEED ^ writtenBytes(program, steps))
  for (let at = HASHES; at < HASHES + (rows << 2); at += 16) v128.store(at, seed)
  memory.fill(BYTES, 0, rows << 3)
  let bits: u32 = 0
  for (let step = program; step < program + (<usize>steps << 2); step += 4) {
    const code = load<u32>(step)
    const kind = code >> 24
    const flip = <u64>0 - <u64>((code >> 16) & 1)
    const operand = <usize>(code & 0xffff)
    const from = entries + operand
    if (kind == U64) {
      pushBytes<u32>(from + 4, rows, stride, flip)
      hashBytes(rows, bits)
    }
    if (kind >= U32) pushBytes<u32>(from, rows, stride, flip)
    else if (kind == U16) pushBytes<u16>(from, rows, stride, flip)
    else if (kind == BYTE) pushByte(<u64>(<u8>operand ^ <u8>flip), rows)
    else pushBytes<u8>(from, rows, stride, flip)
    bits += kind >= U32 ? 32 : kind == U16 ? 16 : 8
    if (bits < 32) continue
    bits -= 32
    hashBytes(rows, bits)
  }
  const rest = i32x4.splat((1 << bits) - 1)
  for (let i: usize = 0; i < rows; i += 4) {
    const at = HASHES + (i << 2)
    v128.store(at, finishAll(mixAll(v128.load(at), v128.and(waiting(i, 0), rest))))
  }
}

/** Takes the next frame for a slice, and returns where its entries begin. */
function takeFrame(slices: usize, slice: u32, state: usize, stride: usize): usize {
  const frames = load<u32>(slices, 12)
  const frameBytes = <usize>load<u32>(slices, 8)
  store<u32>(slices, frames + 1, 12)
  store<u16>(<usize>load<u32>(slices, 16) + (<usize>frames << 1), slice)
  const frame = <usize>load<u32>(slices, 4) + <usize>frames * frameBytes
  store<u32>(state, frame + frameBytes, 4)
  return frame + PREFIX
}

/** The loop for entries of `S` bytes (u16: 16, u32: any number) with their numbers from `numbers` on. */
// @ts-ignore: decorator
@inline
function addAll<S>(entries: usize, count: u32, stride: usize, numbers: usize, program: usize, steps: u32, slices: usize): void {
  const sketch = <usize>load<u32>(slices, 20)
  let heavy = sketch ? heavyAbove(sketch, entries, count, stride) : 0
  const length = <u64>load<u32>(slices)
  const states = slices + 24
  let entry = entries
  for (let first: u32 = 0; first < count; first += TOGETHER) {
    const rows = min(TOGETHER, count - first)
    hashKeys(entry, rows, stride, program, steps)
    if (sketch) heavy = sketchAdd(sketch, entry, rows, stride, HASHES, <u32>length, heavy)
    for (let hash = HASHES; hash < HASHES + (<usize>rows << 2); hash += 4, entry += stride) {
      const slice = <u32>((<u64>load<u32>(hash) * length) >> 32)
      const state = states + (<usize>slice << 4)
      let at = <usize>load<u32>(state)
      if (at == <usize>load<u32>(state, 4)) at = takeFrame(slices, slice, state, stride)
      store<u32>(state, at + stride)
      let total = load<f64>(state, 8)
      if (sizeof<S>() == 2) {
        v128.store(at, v128.load(entry))
        for (let number = numbers; number < 16; number += 8) total += load<f64>(entry + number)
      } else {
        for (let byte: usize = 0; byte < stride; byte += 8) store<u64>(at + byte, load<u64>(entry + byte))
        for (let number = numbers; number < stride; number += 8) total += load<f64>(entry + number)
      }
      store<f64>(state, total, 8)
    }
  }
}

/** Adds entries to their slices, for which there are frames enough; `program` writes the canonical encoding of a key. */
export function slicesAdd(entries: usize, count: u32, stride: u32, numbers: u32, program: usize, steps: u32, slices: usize): void {
  if (stride == 16) addAll<u16>(entries, count, 16, numbers, program, steps, slices)
  else addAll<u32>(entries, count, stride, numbers, program, steps, slices)
}
