// Proration: flows spread over bins of time, a column at a time. What a share is stands at `prorate` (src/vocabulary/prorate.ts), which is the twin of this together with `Spreader`
// (src/runtime/compile/spread.ts); both do the same arithmetic on doubles. Most flows lie in one bin, and go two at a time.

const MAX_SPREAD_MS: f64 = 31 * 86400000
const MAX_SPREAD_BINS: f64 = 100000
const MAX_SAFE: f64 = 9007199254740991

/** floor(count * elapsed / duration), exactly, for 0 <= elapsed <= duration < 2^32 and count below 2^53. */
function partOf(count: f64, elapsed: f64, duration: f64): f64 {
  if (elapsed >= duration) return count
  const product = count * elapsed
  if (product <= MAX_SAFE) return floor(product / duration)
  const whole = <u64>count / <u64>duration
  const rest = <u64>count - whole * <u64>duration
  return <f64>(whole * <u64>elapsed + (rest * <u64>elapsed) / <u64>duration)
}

// @ts-ignore: decorator
@inline
function place(places: usize, index: u32): usize {
  return <usize>load<u32>(places + (<usize>index << 2))
}

/** Stores a share in row `row` of the three columns from `places[group]` on. */
// @ts-ignore: decorator
@inline
function put(places: usize, group: u32, row: usize, bin: f64, bytes: f64, packets: f64): void {
  const offset = row << 3
  store<f64>(place(places, group) + offset, bin)
  store<f64>(place(places, group + 1) + offset, bytes)
  store<f64>(place(places, group + 2) + offset, packets)
}

/** The shares of a flow that does not lie in one bin and in the period. False, with nothing done but its first row written, when there is no room for them. */
function divide(places: usize, row: usize, size: f64, periodFrom: f64, periodTo: f64, capacity: u32, counts: usize): bool {
  const offset = row << 3
  const start = load<f64>(place(places, 0) + offset)
  const full = load<f64>(place(places, 1) + offset) - start
  const firstBin = load<f64>(place(places, 4) + offset)
  const most = min(MAX_SPREAD_MS, firstBin + MAX_SPREAD_BINS * size - start)
  const duration = full > most ? most : max(full, 1)
  const from = max(start, periodFrom)
  const to = min(start + duration, periodTo)
  let bin = from == start ? firstBin : floor(from / size) * size
  let count = load<u32>(counts)
  if (ceil((to - bin) / size) - 1 > <f64>(capacity - count)) return false
  if (full > most) store<u32>(counts, load<u32>(counts, 8) + 1, 8)
  if (from >= to) {
    put(places, 4, row, NaN, 0, 0)
    store<u32>(counts, load<u32>(counts, 4) + 1, 4)
    return true
  }
  const bytes = load<f64>(place(places, 2) + offset)
  const packets = load<f64>(place(places, 3) + offset)
  let bytesBefore = partOf(bytes, from - start, duration)
  let packetsBefore = partOf(packets, from - start, duration)
  for (let isFirst = true; bin < to; bin += size, isFirst = false) {
    const elapsed = min(bin + size, to) - start
    const bytesUntil = partOf(bytes, elapsed, duration)
    const packetsUntil = partOf(packets, elapsed, duration)
    if (!isFirst) store<u32>(place(places, 10) + (<usize>count << 2), <u32>row)
    put(places, isFirst ? 4 : 7, isFirst ? row : <usize>(count++), bin, bytesUntil - bytesBefore, packetsUntil - packetsBefore)
    bytesBefore = bytesUntil
    packetsBefore = packetsUntil
  }
  store<u32>(counts, count)
  return true
}

/**
 * Spreads the flows of rows [from, rows) over bins of `size` milliseconds, cut at the period. `places` are the addresses of columns: start, end, bytes and packets of the flows; start
 * of the bin, bytes and packets of the first share of each, in its row; the same of `capacity` further shares, and the row of each. A flow without a share has NaN for its bin. A counter
 * that flows lack is its own first share, all zero.
 * Adds to `counts`: further shares, flows without any, flows that were capped. Returns the row before which it stopped for want of room, or `rows`.
 */
export function spreadRows(
  places: usize,
  from: u32,
  rows: u32,
  size: f64,
  periodFrom: f64,
  periodTo: f64,
  capacity: u32,
  counts: usize,
): u32 {
  const starts = place(places, 0)
  const ends = place(places, 1)
  const bins = place(places, 4)
  const first = <usize>from << 3
  const length = (<usize>rows << 3) - first
  for (let counter: u32 = 0; counter < 2; counter++) {
    const source = place(places, 2 + counter)
    const target = place(places, 5 + counter)
    if (source != target) memory.copy(target + first, source + first, length)
  }
  const one = f64x2.splat(1)
  const longest = f64x2.splat(MAX_SPREAD_MS)
  let bin = f64x2.splat(NaN)
  let low = bin
  let high = bin
  for (let row: u32 = from; row < rows; ) {
    const offset = <usize>row << 3
    const start = v128.load(starts + offset)
    const end = f64x2.max(v128.load(ends + offset), f64x2.add(start, one))
    const isInside = v128.and(f64x2.ge(start, low), f64x2.le(end, high))
    const isShort = f64x2.le(f64x2.sub(end, start), longest)
    if (row + 2 <= rows && i64x2.all_true(v128.and(isInside, isShort))) {
      v128.store(bins + offset, bin)
      row += 2
      continue
    }
    const at = f64x2.extract_lane(start, 0)
    const own = floor(at / size) * size
    store<f64>(bins + offset, own)
    bin = f64x2.splat(own)
    low = f64x2.splat(max(own, periodFrom))
    high = f64x2.splat(min(own + size, periodTo))
    const until = f64x2.extract_lane(end, 0)
    const isWhole = at >= periodFrom && until <= f64x2.extract_lane(high, 0) && until - at <= MAX_SPREAD_MS
    if (!isWhole && !divide(places, row, size, periodFrom, periodTo, capacity, counts)) return row
    row++
  }
  return rows
}
