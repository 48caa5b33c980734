import { finishHash, mixWord } from './fold.ts'
import { writeEntry } from './groups.ts'
import { addHeavy, addToCounter, countersShift, heavyAbove, numberOf } from './sketch.ts'
import type { TableArrays } from './table.ts'

/** TypeScript twin of the kernel that gives entries to slices; see assembly/slices.ts for the layout. */

/** Words that describe slices, before what stands for each. */
export const SLICES_WORDS = 6
/** Bytes before the entries of a frame. */
const PREFIX = 8

/** Where it stands what is known of a slice of those described at `slices`. */
export const sliceAt = (slices: number, slice: number): number => slices + SLICES_WORDS * 4 + slice * 16

const PARTITION_SEED = 0x7f4a_7c15

/** The part of `parts` that a key belongs to by its hash. */
function partOf(key: Uint8Array, end: number, parts: number): number {
  let hash = PARTITION_SEED ^ end
  let at = 0
  for (; at + 4 <= end; at += 4)
    hash = mixWord(hash, (key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!)
  let rest = 0
  for (; at < end; at++) rest = (rest << 8) | key[at]!
  return Math.floor((finishHash(mixWord(hash, rest)) * parts) / 0x1_0000_0000)
}

/** Twin of `slicesAdd`. */
export function slicesAdd(
  arrays: TableArrays,
  entries: number,
  count: number,
  stride: number,
  numbers: number,
  program: number,
  steps: number,
  slices: number,
): void {
  const { bytes, words, doubles } = arrays
  const key = new Uint8Array(1024)
  const sketch = words[slices / 4 + 5]!
  const counters = sketch ? 2 ** countersShift(arrays, sketch) : 1
  let heavy = sketch ? heavyAbove(arrays, sketch, entries, count, stride) : 0
  for (let entry = entries; entry < entries + count * stride; entry += stride) {
    const counter = partOf(key, writeEntry(arrays, entry, program, steps, key, 0), words[slices / 4]! * counters)
    const slice = Math.floor(counter / counters)
    if (sketch) {
      const value = doubles[(entry + numberOf(arrays, sketch)) / 8]!
      addToCounter(arrays, sketch, counter, value)
      if (value > heavy) heavy = addHeavy(arrays, sketch, entry, stride, heavy)
    }
    const state = sliceAt(slices, slice)
    if (words[state / 4] === words[state / 4 + 1]) takeFrame(arrays, slices, slice, state)
    bytes.copyWithin(words[state / 4]!, entry, entry + stride)
    words[state / 4]! += stride
    for (let at = numbers; at < stride; at += 8) doubles[state / 8 + 1]! += doubles[(entry + at) / 8]!
  }
}

function takeFrame({ bytes, words }: TableArrays, slices: number, slice: number, state: number): void {
  const [framesAt = 0, frameBytes = 0, taken = 0, owners = 0] = words.subarray(slices / 4 + 1, slices / 4 + 5)
  new DataView(bytes.buffer).setUint16(owners + taken * 2, slice, true)
  words[slices / 4 + 3] = taken + 1
  const frame = framesAt + taken * frameBytes
  words[state / 4] = frame + PREFIX
  words[state / 4 + 1] = frame + frameBytes
}
