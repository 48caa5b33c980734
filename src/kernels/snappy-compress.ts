/** Scratch of the kernel: a place of 16 bits for each hash. */
export const COMPRESS_TABLE_BYTES = 2 << 13

/** The most bytes that `length` bytes can take compressed. */
export const maxCompressedBytes = (length: number): number => 32 + length + Math.ceil(length / 6)

const MIN_MATCH = 6
const MARGIN = 15

/** TypeScript twin of the kernel `snappyCompress`: Snappy block format from `src`, the same bytes as the kernel's. */
export function snappyCompress(src: Uint8Array): Uint8Array {
  const out: number[] = varint(src.length)
  const table = new Uint16Array(COMPRESS_TABLE_BYTES / 2)
  const limit = src.length - MARGIN
  let next = 0
  let skip = 32
  for (let p = 1; p < limit; ) {
    const slot = hash(src, p)
    const distance = (p - (table[slot] as number)) & 0xffff
    table[slot] = p
    if (distance === 0 || distance > p || equalBytes(src, p - distance, p, p + MIN_MATCH) < MIN_MATCH) {
      p += skip++ >>> 5
      continue
    }
    skip = 32
    const size = equalBytes(src, p - distance, p, src.length)
    if (p > next) putLiteral(out, src, next, p)
    putCopy(out, distance, size)
    p += size
    next = p
    if (p < limit) table[hash(src, p - 1)] = p - 1
  }
  if (next < src.length) putLiteral(out, src, next, src.length)
  return Uint8Array.from(out)
}

function hash(src: Uint8Array, p: number): number {
  let six = 0n
  for (let i = 5; i >= 0; i--) six = (six << 8n) | BigInt(src[p + i] as number)
  return Number(BigInt.asUintN(64, (six << 16n) * 0x9e3779b185ebca87n) >> 51n)
}

/** How many bytes at `a` and `b` are equal, `b` going up to `end`. */
function equalBytes(src: Uint8Array, a: number, b: number, end: number): number {
  let length = 0
  while (b + length < end && src[a + length] === src[b + length]) length++
  return length
}

function putLiteral(out: number[], src: Uint8Array, from: number, to: number): void {
  const n = to - from - 1
  if (n < 60) out.push(n << 2)
  else if (n < 0x100) out.push(60 << 2, n)
  else if (n < 0x10000) out.push(61 << 2, n & 0xff, n >>> 8)
  else out.push(63 << 2, n & 0xff, (n >>> 8) & 0xff, (n >>> 16) & 0xff, n >>> 24)
  for (let i = from; i < to; i++) out.push(src[i] as number)
}

function putCopy(out: number[], offset: number, size: number): void {
  let length = size
  for (; length >= 68; length -= 64) out.push(0xfe, offset & 0xff, offset >>> 8)
  if (length > 64) {
    out.push(0xee, offset & 0xff, offset >>> 8)
    length -= 60
  }
  if (length < 12 && offset < 2048) out.push(1 | ((length - 4) << 2) | ((offset >>> 8) << 5), offset & 0xff)
  else out.push(2 | ((length - 1) << 2), offset & 0xff, offset >>> 8)
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return [...bytes, rest]
}
