/**
 * TypeScript twin of the kernel `timeOrder`.
 * The row numbers `0 .. count` ordered by time, rows of one time in their old order: a radix sort of 16 bits a pass over the distance from
 * the earliest time, so a day of milliseconds takes two passes. Times are whole numbers of magnitude up to 2^53.
 */
export function timeOrder(times: Float64Array, count: number): Uint32Array {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const time = times[i]!
    if (time < least) least = time
    if (time > most) most = time
  }
  let rows = new Uint32Array(count)
  for (let i = 0; i < count; i++) rows[i] = i
  let spare = new Uint32Array(count)
  const ends = new Uint32Array(65_536)
  for (let scale = 1; (most - least) / scale >= 1; scale *= 65_536) {
    ends.fill(0)
    for (let i = 0; i < count; i++) ends[digit(times[i]! - least, scale)]!++
    let end = 0
    for (let d = 0; d < ends.length; d++) {
      end += ends[d]!
      ends[d] = end
    }
    for (let i = count - 1; i >= 0; i--) {
      const row = rows[i]!
      const at = --ends[digit(times[row]! - least, scale)]!
      spare[at] = row
    }
    ;[rows, spare] = [spare, rows]
  }
  return rows
}

const digit = (distance: number, scale: number): number => Math.floor(distance / scale) % 65_536

/** Scratch of the kernel: places for 12 bits, and two words for each row. */
export const orderScratchBytes = (count: number): number => 16_384 + count * 16
