import type { TableArrays } from './table.ts'

/** TypeScript twins of what adds entries to a sketch; see assembly/sketch.ts for its layout. */

/** The words of a sketch. */
export const SKETCH = { shift: 0, number: 1, heavy: 2, length: 3, room: 4 } as const
/** Its doubles, counted from its start. */
export const SKETCH_DOUBLES = { times: 3, rows: 4, total: 5, counters: 6 } as const

export const countersShift = ({ words }: TableArrays, sketch: number): number => words[sketch / 4 + SKETCH.shift]!

export const numberOf = ({ words }: TableArrays, sketch: number): number => words[sketch / 4 + SKETCH.number]!

export function heavyAbove(
  { words, doubles }: TableArrays,
  sketch: number,
  entries: number,
  count: number,
  stride: number,
): number {
  const at = sketch / 8
  const number = words[sketch / 4 + SKETCH.number]!
  for (let i = 0; i < count; i++) doubles[at + SKETCH_DOUBLES.total]! += doubles[(entries + i * stride + number) / 8]!
  doubles[at + SKETCH_DOUBLES.rows]! += count
  const [times = 0, rows = 0, total = 0] = doubles.subarray(at + SKETCH_DOUBLES.times, at + SKETCH_DOUBLES.counters)
  return (times * total) / Math.max(1, rows)
}

export function addToCounter({ doubles }: TableArrays, sketch: number, counter: number, value: number): void {
  doubles[sketch / 8 + SKETCH_DOUBLES.counters + counter]! += value
}

export function addHeavy(
  { bytes, words, doubles }: TableArrays,
  sketch: number,
  entry: number,
  stride: number,
  above: number,
): number {
  const [, number = 0, heavy = 0, length = 0, room = 0] = words.subarray(sketch / 4, sketch / 4 + 5)
  const valueAt = (at: number): number => doubles[(at + number) / 8]!
  let least = above
  let places = Array.from({ length }, (_, i) => heavy + i * stride)
  while (places.length === room) {
    doubles[sketch / 8 + SKETCH_DOUBLES.times]! *= 2
    least *= 2
    places = places.filter((at) => valueAt(at) > least)
  }
  if (valueAt(entry) > least) places.push(entry)
  for (const [i, at] of places.entries()) bytes.copyWithin(heavy + i * stride, at, at + stride)
  words[sketch / 4 + SKETCH.length] = places.length
  return least
}
