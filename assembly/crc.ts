// CRC-32 (ISO/HDLC, reflected) of pages that is not computed from their bytes but from the checksums in their headers: the CRC of bytes followed by others comes from those of both
// (Mark Adler, crc32_combine of zlib). So a library has to look once at all pages that lie together, and not at each.

import { BODY, CRC32, ENTRY_BYTES, PACKED_BYTES } from './page-headers'

const POLYNOMIAL: u32 = 0xedb88320
/** CRC of each value of four bits. */
const NIBBLES: usize = memory.data<u32>([
  0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0,
  0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
])
/** x^(2^n) modulo the polynomial, for n below 32; from there on they repeat. */
const POWERS: usize = memory.data<u32>([
  0x40000000, 0x20000000, 0x08000000, 0x00800000, 0x00008000, 0xedb88320, 0xb1e6b092, 0xa06a2517, 0xed627dae, 0x88d14467, 0xd7bbfe6a, 0xec447f11, 0x8e7ea170,
  0x6427800e, 0x4d47bae0, 0x09fe548f, 0x83852d0f, 0x30362f1a, 0x7b5a9cc3, 0x31fec169, 0x9fec022a, 0x6c8dedc4, 0x15d6874d, 0x5fde7a4e, 0xbad90e37, 0x2e4e5eef,
  0x4eaba214, 0xa8a472c0, 0x429a969e, 0x148d302a, 0xc40ba6d0, 0xc4e22c3c,
])

/** The product of two polynomials modulo that of the CRC, the highest power of x in the lowest bit. */
function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0
  for (; a != 0; a <<= 1) {
    if (a >> 31) product ^= b
    b = (b >> 1) ^ (POLYNOMIAL & (0 - (b & 1)))
  }
  return product
}

/** The CRC of `length` bytes, of which only the CRC is known, behind bytes whose CRC is `before`. */
function join(before: u32, crc: u32, length: u32): u32 {
  let shifted = before
  for (let bit = 3, left = length; left != 0; left >>= 1, bit++) {
    if (left & 1) shifted = multiply(load<u32>(POWERS + (<usize>(bit & 31) << 2)), shifted)
  }
  return shifted ^ crc
}

/** The CRC of bytes [from, to) behind bytes whose CRC is `before`. */
function go(before: u32, from: usize, to: usize): u32 {
  let crc = ~before
  for (let at = from; at < to; at++) {
    crc ^= load<u8>(at)
    crc = (crc >> 4) ^ load<u32>(NIBBLES + (<usize>(crc & 15) << 2))
    crc = (crc >> 4) ^ load<u32>(NIBBLES + (<usize>(crc & 15) << 2))
  }
  return ~crc
}

/**
 * The CRC that a column chunk has if each of its `count` pages has the one in its header: `entries` are those of `pageHeaders`, which has read all bytes from `from` on. `before` is the CRC
 * of what lies in front of it.
 */
export function chunkCrc(from: usize, entries: usize, count: u32, before: u32): u32 {
  let crc = before
  let at = from
  const end = entries + <usize>count * ENTRY_BYTES
  for (let entry = entries; entry < end; entry += ENTRY_BYTES) {
    const body = <usize>load<u32>(entry, BODY)
    const length = load<u32>(entry, PACKED_BYTES)
    crc = join(go(crc, at, body), load<u32>(entry, CRC32), length)
    at = body + length
  }
  return crc
}
