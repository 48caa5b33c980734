import { KERNEL_CODES } from './codes.ts'

/** TypeScript twin of the kernel `snappyDecompress`: Snappy block format from `src` into `dst`; bytes written, or a code below 0. */
export function snappyDecompress(src: Uint8Array, dst: Uint8Array): number {
  const header = announcedLength(src)
  if (header.code < 0) return header.code
  const { length: announced } = header
  if (announced > dst.length) return KERNEL_CODES.outputTooSmall
  let p = header.next
  let o = 0
  while (p < src.length) {
    const tag = src[p++] as number
    if ((tag & 3) === 0) {
      let length = tag >>> 2
      if (length >= 60) {
        const width = length - 59
        if (src.length - p < width) return KERNEL_CODES.truncated
        length = littleEndian(src, p, width)
        p += width
        if (length === 0xffffffff) return KERNEL_CODES.badLength
      }
      length++
      if (src.length - p < length) return KERNEL_CODES.truncated
      if (announced - o < length) return KERNEL_CODES.badLength
      dst.set(src.subarray(p, p + length), o)
      p += length
      o += length
      continue
    }
    const width = (tag & 3) === 3 ? 4 : tag & 3
    const length = width === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    if (src.length - p < width) return KERNEL_CODES.truncated
    const offset = littleEndian(src, p, width) + (width === 1 ? (tag >>> 5) << 8 : 0)
    p += width
    if (offset === 0 || offset > o) return KERNEL_CODES.badOffset
    if (announced - o < length) return KERNEL_CODES.badLength
    for (const end = o + length; o < end; o++) dst[o] = dst[o - offset] as number
  }
  return o === announced ? announced : KERNEL_CODES.badLength
}

/** The varint in front: the length of the plain bytes, and where the first element starts. */
function announcedLength(src: Uint8Array): { code: number; length: number; next: number } {
  let length = 0
  for (let p = 0, scale = 1; ; p++, scale *= 128) {
    const byte = src[p]
    if (byte === undefined) return { code: KERNEL_CODES.truncated, length, next: p }
    if (p === 4 && byte > 15) return { code: KERNEL_CODES.badLength, length, next: p }
    length += (byte & 0x7f) * scale
    if (byte < 0x80) return { code: 0, length, next: p + 1 }
  }
}

function littleEndian(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let i = width - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] as number)
  return value
}
