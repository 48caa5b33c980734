// Programs that say how the bytes of an entry (groups.ts) are written: the canonical encoding of its key, or a row of a result.

export const BYTE: u32 = 0
const U8: u32 = 1
export const U16: u32 = 2
export const U32: u32 = 4
export const U64: u32 = 8

/** Bytes that a program writes. */
export function writtenBytes(program: usize, steps: u32): u32 {
  let bytes: u32 = 0
  for (let i: u32 = 0; i < steps; i++) bytes += max(1, load<u32>(program + (<usize>i << 2)) >> 24)
  return bytes
}

/**
 * Writes bytes of one entry as a program says, and returns their end. A step is a word: bits 24-31 what is written (a byte that is given; the low one or two bytes, the four
 * or the eight bytes of the little-endian number at an offset, big-endian), bit 16 whether its bits are flipped, bits 0-15 the byte or the offset.
 */
// @ts-ignore: decorator
@inline
export function write(entry: usize, program: usize, steps: u32, dst: usize): usize {
  let at = dst
  const end = program + <usize>(steps << 2)
  for (let step = program; step < end; step += 4) {
    const code = load<u32>(step)
    const kind = code >> 24
    const flip = <u64>0 - <u64>((code >> 16) & 1)
    const operand = <usize>(code & 0xffff)
    if (kind == BYTE) {
      store<u8>(at, <u8>(<u64>operand ^ flip))
      at += 1
    } else if (kind == U32) {
      store<u32>(at, bswap<u32>(load<u32>(entry + operand) ^ <u32>flip))
      at += 4
    } else if (kind == U8) {
      store<u8>(at, load<u8>(entry + operand) ^ <u8>flip)
      at += 1
    } else if (kind == U16) {
      store<u16>(at, bswap<u16>(load<u16>(entry + operand) ^ <u16>flip))
      at += 2
    } else {
      store<u64>(at, bswap<u64>(load<u64>(entry + operand) ^ flip))
      at += 8
    }
  }
  return at
}

/** Writes the bytes of entries, one after the other, as a program says (see `write`). Returns their end. */
export function groupsWrite(entries: usize, count: u32, stride: u32, program: usize, steps: u32, dst: usize): usize {
  let at = dst
  const end = entries + <usize>count * stride
  for (let entry = entries; entry < end; entry += stride) at = write(entry, program, steps, at)
  return at
}
