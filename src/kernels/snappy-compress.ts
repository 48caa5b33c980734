/** Scratch of the kernel: a place of 16 bits for each hash. */
export const COMPRESS_TABLE_BYTES = 2 << 13

/** The most bytes that `length` bytes can take compressed. */
export const maxCompressedBytes = (length: number): number => 32 + length + Math.ceil(length / 6)

const MIN_MATCH = 6
const MARGIN = 15
/** The most bytes by which a match with the row before begins before its mark. */
const MOST_BEFORE = 16

/** TypeScript twin of the kernel `snappyCompress`: Snappy block format from `src`, the same bytes as the kernel's. */
export function snappyCompress(src: Uint8Array): Uint8Array {
  const writer = new SnappyWriter(src)
  let skip = 32
  for (let p = 1; p < writer.limit; ) {
    const size = writer.look(p)
    if (size > 0) {
      skip = 32
      p += size
      if (p < writer.limit) writer.note(p - 1)
    } else p += skip++ >>> 5
  }
  return writer.finish()
}

/** TypeScript twin of the kernel `snappyCompressRows`: of each row the places where a match may begin, of which the first `timeCount` match the row before, with what is in front of them. */
export function snappyCompressRows(
  src: Uint8Array,
  rows: readonly (readonly number[])[],
  timeCount: number,
): Uint8Array {
  const writer = new SnappyWriter(src)
  for (const [row, places] of rows.entries()) {
    for (const [i, place] of places.entries()) {
      if (place < writer.next || place >= writer.limit) continue
      if (i >= timeCount) writer.look(place)
      else if (row > 0) writer.match(place, place - rows[row - 1]![i]!, MOST_BEFORE)
    }
  }
  return writer.finish()
}

class SnappyWriter {
  /** Matches begin before it. */
  readonly limit: number
  /** Where what has not been written begins. */
  next = 0
  readonly #src: Uint8Array
  readonly #out: number[]
  readonly #table = new Uint16Array(COMPRESS_TABLE_BYTES / 2)

  constructor(src: Uint8Array) {
    this.#src = src
    this.#out = varint(src.length)
    this.limit = src.length - MARGIN
  }

  /** Writes a copy for what begins at `p`, when the same was seen before; returns its length, or 0. */
  look(p: number): number {
    const distance = (p - (this.#table[hash(this.#src, p)] as number)) & 0xffff
    this.note(p)
    return this.match(p, distance)
  }

  /** Writes a copy for what begins at `p`, or up to `mostBefore` bytes before it, when it begins `distance` before as well; returns its length, or 0. */
  match(p: number, distance: number, mostBefore = 0): number {
    const src = this.#src
    if (distance === 0 || distance > p || distance > 0xffff) return 0
    if (equalBytes(src, p - distance, p, p + MIN_MATCH) < MIN_MATCH) return 0
    const first = Math.max(this.next, p - mostBefore, distance)
    let begin = p
    while (begin > first && src[begin - 1] === src[begin - 1 - distance]) begin--
    const size = equalBytes(src, begin - distance, begin, src.length)
    if (begin > this.next) putLiteral(this.#out, src, this.next, begin)
    putCopy(this.#out, distance, size)
    this.next = begin + size
    return size
  }

  note(p: number): void {
    this.#table[hash(this.#src, p)] = p
  }

  finish(): Uint8Array {
    const src = this.#src
    if (this.next < src.length) putLiteral(this.#out, src, this.next, src.length)
    return Uint8Array.from(this.#out)
  }
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
