// Rows of a column in another order, and what pages of sparse addresses need. The twins are `gatherColumn` (src/flow/gather.ts) and those in test/kernels/gather.test.ts.

function gather<T>(from: usize, rows: usize, count: u32, to: usize): void {
  for (let i: usize = 0; i < <usize>count; i++)
    store<T>(to + i * sizeof<T>(), load<T>(from + <usize>load<u32>(rows + (i << 2)) * sizeof<T>()))
}

export function gather8(from: usize, rows: usize, count: u32, to: usize): void {
  gather<u8>(from, rows, count, to)
}
export function gather16(from: usize, rows: usize, count: u32, to: usize): void {
  gather<u16>(from, rows, count, to)
}
export function gather32(from: usize, rows: usize, count: u32, to: usize): void {
  gather<u32>(from, rows, count, to)
}
export function gather64(from: usize, rows: usize, count: u32, to: usize): void {
  gather<u64>(from, rows, count, to)
}
export function gather128(from: usize, rows: usize, count: u32, to: usize): void {
  for (let i: usize = 0; i < <usize>count; i++)
    v128.store(to + (i << 4), v128.load(from + (<usize>load<u32>(rows + (i << 2)) << 4)))
}

export function copyBytes(from: usize, length: u32, to: usize): void {
  memory.copy(to, from, length)
}

/** The 16-byte values of the rows whose family is 6, back to back. Returns how many. */
export function pick128(family: usize, rows: u32, values: usize, dst: usize): i32 {
  let to = dst
  for (let i: usize = 0; i < <usize>rows; i++) {
    if (load<u8>(family + i) != 6) continue
    v128.store(to, v128.load(values + (i << 4)))
    to += 16
  }
  return <i32>((to - dst) >> 4)
}

/** A bit for each byte, lowest first: 1 where it is `value`. The last byte is filled up with zeroes. Returns how many bytes were written. */
export function equalBits(at: usize, count: u32, value: u32, dst: usize): i32 {
  const wanted = i8x16.splat(<i8>value)
  const bytes = (count + 7) >> 3
  let i: u32 = 0
  for (; i + 16 <= count; i += 16) store<u16>(dst + (i >> 3), <u16>i8x16.bitmask(i8x16.eq(v128.load(at + i), wanted)))
  if (i == count) return bytes
  const rest = <u32>i8x16.bitmask(i8x16.eq(v128.load(at + i), wanted)) & ((<u32>1 << (count - i)) - 1)
  store<u16>(dst + (i >> 3), <u16>rest)
  return bytes
}

/** The 16-byte values of rows whose family is 6, in another order; zero for the others. */
export function gatherSparse(family: usize, from: usize, rows: usize, count: u32, to: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const row = <usize>load<u32>(rows + (i << 2))
    v128.store(to + (i << 4), load<u8>(family + row) == 6 ? v128.load(from + (row << 4)) : i32x4.splat(0))
  }
}
