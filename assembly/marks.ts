// Filters as marks, a bit a row: each comparison marks the rows of a page that it takes, many rows at a time, and marks are joined. Bits behind the last row mean nothing.

// @ts-ignore: decorator
@inline
function bits8(values: v128, low: v128, span: v128): u32 {
  return <u32>i8x16.bitmask(i8x16.le_u(i8x16.sub(values, low), span))
}

// @ts-ignore: decorator
@inline
function bits16(values: v128, low: v128, span: v128): u32 {
  return <u32>i16x8.bitmask(i16x8.le_u(i16x8.sub(values, low), span))
}

// @ts-ignore: decorator
@inline
function bits32(values: v128, low: v128, span: v128): u32 {
  return <u32>i32x4.bitmask(i32x4.le_u(i32x4.sub(values, low), span))
}

// @ts-ignore: decorator
@inline
function bits64(values: v128, low: v128, high: v128): u32 {
  return <u32>i64x2.bitmask(v128.and(f64x2.ge(values, low), f64x2.le(values, high)))
}

/**
 * Marks the rows whose value lies in [low, high]: unsigned values of 1, 2 or 4 bytes, the ends within their range, or doubles (8). Values and marks have slack behind.
 */
export function markRange(values: usize, bytes: u32, low: f64, high: f64, rows: u32, marks: usize): void {
  const end = marks + ((<usize>rows + 7) >> 3)
  if (bytes == 1) {
    const lows = i8x16.splat(<u8>low)
    const spans = i8x16.splat(<u8>(high - low))
    for (let to = marks; to < end; to += 2, values += 16) store<u16>(to, bits8(v128.load(values), lows, spans))
  } else if (bytes == 2) {
    const lows = i16x8.splat(<u16>low)
    const spans = i16x8.splat(<u16>(high - low))
    for (let to = marks; to < end; to++, values += 16) store<u8>(to, bits16(v128.load(values), lows, spans))
  } else if (bytes == 4) {
    const lows = i32x4.splat(<u32>low)
    const spans = i32x4.splat(<u32>(high - low))
    for (let to = marks; to < end; to++, values += 32)
      store<u8>(to, bits32(v128.load(values), lows, spans) | (bits32(v128.load(values, 16), lows, spans) << 4))
  } else {
    const lows = f64x2.splat(low)
    const highs = f64x2.splat(high)
    for (let to = marks; to < end; to++, values += 64) {
      const first = bits64(v128.load(values), lows, highs) | (bits64(v128.load(values, 16), lows, highs) << 2)
      const last = bits64(v128.load(values, 32), lows, highs) | (bits64(v128.load(values, 48), lows, highs) << 2)
      store<u8>(to, first | (last << 4))
    }
  }
}

/** Joins the marks of `rows` rows into the first: 0 both, 1 either; 2 turns the first around. */
export function joinMarks(first: usize, second: usize, how: u32, rows: u32): void {
  for (let at: usize = 0; at < (<usize>rows + 7) >> 3; at += 16) {
    const mine = v128.load(first + at)
    const joined = how == 0 ? v128.and(mine, v128.load(second + at)) : how == 1 ? v128.or(mine, v128.load(second + at)) : v128.not(mine)
    v128.store(first + at, joined)
  }
}

/** Writes the numbers of the marked rows, ascending. Returns how many there are. */
export function markedRows(marks: usize, rows: u32, dst: usize): u32 {
  let to = dst
  for (let first: u32 = 0; first < rows; first += 32) {
    let left = load<u32>(marks + (<usize>first >> 3))
    if (rows - first < 32) left &= (1 << (rows - first)) - 1
    for (; left != 0; left &= left - 1, to += 4) store<u32>(to, first + ctz(left))
  }
  return <u32>((to - dst) >> 2)
}
