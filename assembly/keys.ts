// Keys of a fold table out of columns: the parts of a key as 32-bit words, rows apart by the words of a key; prefixes and time bins, a column at a time.

// @ts-ignore: decorator
@inline
function pack<T>(src: usize, rows: u32, dst: usize, step: usize): void {
  for (let i: usize = 0; i < rows; i++, dst += step) store<u32>(dst, load<T>(src + i * sizeof<T>()))
}

/** Unsigned values of 1, 2 or 4 bytes into words that are `width` words apart. */
export function packWords(src: usize, bytes: u32, rows: u32, dst: usize, width: u32): void {
  const step = <usize>width << 2
  if (bytes == 1) pack<u8>(src, rows, dst, step)
  else if (bytes == 2) pack<u16>(src, rows, dst, step)
  else pack<u32>(src, rows, dst, step)
}

// @ts-ignore: decorator
@inline
function masked<T>(src: usize, mask: u32, rows: u32, dst: usize, step: usize): void {
  for (let i: usize = 0; i < rows; i++, dst += step) store<u32>(dst, <u32>load<T>(src + i * sizeof<T>()) & mask)
}

/** `packWords` with only the bits of `mask` left. */
export function packMasked(src: usize, bytes: u32, mask: u32, rows: u32, dst: usize, width: u32): void {
  const step = <usize>width << 2
  if (bytes == 1) masked<u8>(src, mask, rows, dst, step)
  else if (bytes == 2) masked<u16>(src, mask, rows, dst, step)
  else masked<u32>(src, mask, rows, dst, step)
}

/** IPv4 prefixes into two words each: the bits of an address that `mask` leaves, and how many `bits` these are. Values and keys have slack behind. */
export function packPrefixes(src: usize, mask: u32, bits: u32, rows: u32, dst: usize, width: u32): void {
  if (width == 2) {
    const kept = i32x4.splat(mask)
    const lengths = i32x4.splat(bits)
    for (const end = src + (<usize>rows << 2); src < end; src += 16, dst += 32) {
      const nets = v128.and(v128.load(src), kept)
      v128.store(dst, v128.shuffle<u32>(nets, lengths, 0, 4, 1, 5))
      v128.store(dst, v128.shuffle<u32>(nets, lengths, 2, 6, 3, 7), 16)
    }
    return
  }
  const step = <usize>width << 2
  for (let i: usize = 0; i < rows; i++, dst += step) {
    store<u32>(dst, load<u32>(src + (i << 2)) & mask)
    store<u32>(dst, bits, 4)
  }
}

/** Whole numbers in doubles, of at most 53 bits and a sign, into two words each: the high one, `flip` flipped, and the low one. */
export function packDoubles(src: usize, flip: u32, rows: u32, dst: usize, width: u32): void {
  const step = <usize>width << 2
  const mask = <u64>flip
  for (let i: usize = 0; i < rows; i++, dst += step) {
    const value = <u64><i64>load<f64>(src + (i << 3))
    store<u64>(dst, ((value >> 32) ^ mask) | (value << 32))
  }
}

/** 64-bit integers into two words each, as `packDoubles`. */
export function packLongs(src: usize, flip: u32, rows: u32, dst: usize, width: u32): void {
  const step = <usize>width << 2
  const mask = <u64>flip
  for (let i: usize = 0; i < rows; i++, dst += step) {
    const value = load<u64>(src + (i << 3))
    store<u64>(dst, ((value >> 32) ^ mask) | (value << 32))
  }
}

/**
 * Addresses into five words each: the family, and the bytes in four words, most significant first; of IPv4 (4) there is one such word, of no address (0) none. `v4` are words, `v6` 16 bytes a row.
 */
export function packAddresses(family: usize, v4: usize, v6: usize, rows: u32, dst: usize, width: u32): void {
  const step = <usize>width << 2
  for (let i: usize = 0; i < rows; i++, dst += step) {
    const kind = load<u8>(family + i)
    store<u32>(dst, kind)
    if (kind == 6) {
      const bytes = v128.load(v6 + (i << 4))
      v128.store(dst, v128.shuffle<u8>(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12), 4)
    } else {
      store<u64>(dst, kind == 4 ? <u64>load<u32>(v4 + (i << 2)) : 0, 4)
      store<u64>(dst, 0, 12)
    }
  }
}

/** Words with only the bits of `mask` left. `dst` has slack behind. */
export function maskWords(src: usize, mask: u32, rows: u32, dst: usize): void {
  const kept = i32x4.splat(mask)
  for (let at: usize = 0; at < <usize>rows << 2; at += 16) v128.store(dst + at, v128.and(v128.load(src + at), kept))
}

/** The start of the bin of `size` milliseconds that each time lies in. `dst` has slack behind. */
export function timeBins(src: usize, size: f64, rows: u32, dst: usize): void {
  const sizes = f64x2.splat(size)
  let bin = f64x2.splat(NaN)
  let end = bin
  for (let at: usize = 0; at < <usize>rows << 3; at += 16) {
    const times = v128.load(src + at)
    // Most times lie in the bin of those before them: blocks are in order of time, more or less.
    if (!i64x2.all_true(v128.and(f64x2.ge(times, bin), f64x2.lt(times, end)))) {
      bin = f64x2.mul(f64x2.floor(f64x2.div(times, sizes)), sizes)
      end = f64x2.add(bin, sizes)
    }
    v128.store(dst + at, bin)
  }
}

/** The words of a time's bin: those of `packDoubles` over `timeBins`. */
export function packBins(src: usize, size: f64, flip: u32, rows: u32, dst: usize, width: u32): void {
  const step = <usize>width << 2
  const mask = <u64>flip
  let bin: f64 = NaN
  let end: f64 = NaN
  let words: u64 = 0
  for (let i: usize = 0; i < rows; i++, dst += step) {
    const time = load<f64>(src + (i << 3))
    if (!(time >= bin && time < end)) {
      bin = floor(time / size) * size
      end = bin + size
      const value = <u64><i64>bin
      words = ((value >> 32) ^ mask) | (value << 32)
    }
    store<u64>(dst, words)
  }
}

/** Whether times, of which there is at least one, all lie in the same bin. */
export function isOneBin(src: usize, size: f64, rows: u32): bool {
  let low = f64x2.splat(load<f64>(src))
  let high = low
  const end = src + (<usize>rows << 3)
  let at = src
  for (; at + 16 <= end; at += 16) {
    const times = v128.load(at)
    low = f64x2.pmin(low, times)
    high = f64x2.pmax(high, times)
  }
  let first = min(f64x2.extract_lane(low, 0), f64x2.extract_lane(low, 1))
  let last = max(f64x2.extract_lane(high, 0), f64x2.extract_lane(high, 1))
  if (at < end) {
    first = min(first, load<f64>(at))
    last = max(last, load<f64>(at))
  }
  return floor(first / size) == floor(last / size)
}
