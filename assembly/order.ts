// The rows of a column of times in order of time, those of one time in their old order; the twin is src/kernels/time-order.ts.
// A radix sort of the distance from the earliest time, at most 12 bits a pass, over words that hold 32 bits of it and the row. Most files span less than 49 days, so that 32
// bits are all, and most blocks less than 4.6 hours, so that two passes are enough.

const MOST_BITS: u64 = 12
const PLACES_BYTES: usize = 4 << 12
const ROW: u64 = 0xffffffff

/** Sorts `count` words by the bits [32, 32 + bits); returns which of the two buffers they are in then. `places` has room for the digits. */
function sortWords(words: usize, spare: usize, count: u32, bits: u64, places: usize): usize {
  const passes = (bits + MOST_BITS - 1) / MOST_BITS
  if (passes == 0) return words
  const digitBits = (bits + passes - 1) / passes
  const digits: usize = (<usize>1) << <usize>digitBits
  for (let shift: u64 = 32; shift < 32 + bits; shift += digitBits) {
    memory.fill(places, 0, digits << 2)
    for (let i: usize = 0; i < <usize>count; i++) {
      const place = places + ((<usize>(load<u64>(words + (i << 3)) >> shift) & (digits - 1)) << 2)
      store<u32>(place, load<u32>(place) + 1)
    }
    let start: u32 = 0
    for (let d: usize = 0; d < digits; d++) {
      const size = load<u32>(places + (d << 2))
      store<u32>(places + (d << 2), start)
      start += size
    }
    for (let i: usize = 0; i < <usize>count; i++) {
      const word = load<u64>(words + (i << 3))
      const place = places + ((<usize>(word >> shift) & (digits - 1)) << 2)
      const at = load<u32>(place)
      store<u32>(place, at + 1)
      store<u64>(spare + (<usize>at << 3), word)
    }
    const other = words
    words = spare
    spare = other
  }
  return words
}

/** Writes the row numbers `0 .. count` in order of their times (whole doubles) to `rows`; `scratch` has 16 KB and 16 bytes for each row. */
export function timeOrder(times: usize, count: u32, rows: usize, scratch: usize): void {
  if (count == 0) return
  let least = <i64>load<f64>(times)
  let most = least
  for (let i: usize = 1; i < <usize>count; i++) {
    const time = <i64>load<f64>(times + (i << 3))
    least = min<i64>(least, time)
    most = max<i64>(most, time)
  }
  const distance = <u64>(most - least)
  const words = scratch + PLACES_BYTES
  const spare = words + (<usize>count << 3)
  for (let i: usize = 0; i < <usize>count; i++)
    store<u64>(words + (i << 3), (<u64>(<i64>load<f64>(times + (i << 3)) - least) << 32) | <u64>i)
  let sorted = sortWords(words, spare, count, min<u64>(64 - clz(distance), 32), scratch)
  if (distance >> 32) {
    for (let i: usize = 0; i < <usize>count; i++) {
      const row = load<u64>(sorted + (i << 3)) & ROW
      const high = <u64>(<i64>load<f64>(times + (<usize>row << 3)) - least) >> 32
      store<u64>(sorted + (i << 3), (high << 32) | row)
    }
    sorted = sortWords(sorted, sorted == words ? spare : words, count, 32 - clz(distance), scratch)
  }
  for (let i: usize = 0; i < <usize>count; i++) store<u32>(rows + (i << 2), load<u32>(sorted + (i << 3)))
}
