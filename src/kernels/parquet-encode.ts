import { MINIBLOCK, packMiniblock } from './miniblock.ts'
import type { PageTarget } from './parquet.ts'

/** The values of one column in one row group, encoded page by page the way that is smallest. */
export interface EncodedValues {
  /** PLAIN bytes of the dictionary and its size, when the pages are dictionary indices. */
  readonly dictionary?: { readonly bytes: Uint8Array; readonly entries: number }
  readonly encoding: 'plain' | 'dictionary' | 'delta'
  readonly pages: readonly Uint8Array[]
}

/** Above this many entries a dictionary no longer fits the fast caches of a reader. */
const MAX_ENTRIES = 1 << 15

/**
 * TypeScript twin of the `encode*` kernels. Encodes the values of one row group. Page `p` holds values [bounds[p], bounds[p + 1]); `width` is the number of array elements of a
 * value: 1, or 16 for IPv6 addresses.
 */
export function encodeValues(values: PageTarget, bounds: readonly number[], width: number): EncodedValues {
  const count = bounds.at(-1) ?? 0
  const wide = values instanceof Float64Array
  const plainBytes = count * (wide ? 8 : width === 16 ? 16 : 4)
  const dictionary = buildDictionary(values, count, width)
  const bits = bitWidth(dictionary?.entries ?? 0)
  const dictionaryBytes = dictionary ? dictionary.bytes.length + (count * bits) / 8 : Number.POSITIVE_INFINITY
  // Delta cannot do better than a dictionary whose indices are short.
  const delta =
    width === 1 && (!dictionary || bits > 6) ? deltaPages(doublesOf(values, count), bounds, wide) : undefined
  const deltaBytes = delta ? delta.reduce((sum, page) => sum + page.length, 0) : Number.POSITIVE_INFINITY
  if (dictionary && dictionaryBytes <= deltaBytes && dictionaryBytes < plainBytes) {
    return {
      dictionary,
      encoding: 'dictionary',
      pages: pagesOf(bounds, (from, to) => packIndices(dictionary.indices, from, to, bits)),
    }
  }
  if (delta && deltaBytes < plainBytes) return { encoding: 'delta', pages: delta }
  return { encoding: 'plain', pages: pagesOf(bounds, (from, to) => plainPage(values, from, to, width)) }
}

/**
 * The first `count` values as doubles. Loops that see arrays of one kind only are compiled for it, and are several times as fast as those that see all kinds;
 * the conversion is a small part of that.
 */
function doublesOf(values: PageTarget, count: number): Float64Array {
  return values instanceof Float64Array ? values : new Float64Array(values.subarray(0, count))
}

function pagesOf(bounds: readonly number[], encode: (from: number, to: number) => Uint8Array): Uint8Array[] {
  const pages: Uint8Array[] = []
  for (let p = 0; p + 1 < bounds.length; p++) pages.push(encode(bounds[p] as number, bounds[p + 1] as number))
  return pages
}

/** Bits of the largest index into a dictionary of `entries`. */
const bitWidth = (entries: number): number => (entries <= 1 ? 0 : 32 - Math.clz32(entries - 1))

/** PLAIN: little-endian INT32, INT64, or the bytes as they are. */
export function plainPage(values: PageTarget, from: number, to: number, width: number): Uint8Array {
  const count = to - from
  if (width === 16) return new Uint8Array((values as Uint8Array).slice(from * 16, to * 16))
  if (values instanceof Float64Array) {
    const words = new Uint32Array(count * 2)
    for (let i = 0; i < count; i++) {
      const value = values[from + i] as number
      words[2 * i] = value
      words[2 * i + 1] = Math.floor(value / 4294967296)
    }
    return new Uint8Array(words.buffer)
  }
  return new Uint8Array(Uint32Array.from(values.subarray(from, to)).buffer)
}

interface Dictionary {
  readonly bytes: Uint8Array
  readonly entries: number
  readonly indices: Uint16Array
}

/** The distinct values in order of appearance, or undefined when there are too many. */
function buildDictionary(values: PageTarget, count: number, width: number): Dictionary | undefined {
  const indices = new Uint16Array(count)
  const firsts =
    values.BYTES_PER_ELEMENT < 4 && width === 1
      ? distinctSmall(new Uint16Array(values.subarray(0, count)), indices)
      : distinctWords(values, count, width, indices)
  if (!firsts) return undefined
  const entries = firsts.length
  const distinct = new (values.constructor as new (length: number) => PageTarget)(entries * width)
  for (let e = 0; e < entries; e++) {
    for (let k = 0; k < width; k++) distinct[e * width + k] = values[(firsts[e] as number) * width + k] as number
  }
  return { bytes: plainPage(distinct, 0, entries, width), entries, indices }
}

/** Rows of the first appearance of each 8- or 16-bit value; `indices` gets the entry of every row. */
function distinctSmall(values: Uint16Array, indices: Uint16Array): Int32Array | undefined {
  const count = values.length
  const entryOf = new Int32Array(65_536)
  const firsts = new Int32Array(MAX_ENTRIES)
  let entries = 0
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    let entry = entryOf[value] as number
    if (entry === 0) {
      if (entries === MAX_ENTRIES) return undefined
      firsts[entries] = i
      entry = ++entries
      entryOf[value] = entry
    }
    indices[i] = entry - 1
  }
  return firsts.subarray(0, entries)
}

/** The same for values of `size` 32-bit words, by open addressing. */
function distinctWords(values: PageTarget, count: number, width: number, indices: Uint16Array): Int32Array | undefined {
  const size = (values.BYTES_PER_ELEMENT * width) / 4
  const words = new Uint32Array(values.buffer, values.byteOffset, count * size)
  const slots = new Int32Array(MAX_ENTRIES * 4)
  const mask = slots.length - 1
  const firsts = new Int32Array(MAX_ENTRIES)
  let entries = 0
  for (let i = 0; i < count; i++) {
    // Two thirds distinct in the first part: the rest of the row group will not be better.
    if (i === 8192 && entries > 5461) return undefined
    let slot = hashWords(words, i * size, size) & mask
    let entry = slots[slot] as number
    while (entry !== 0 && !equalWords(words, i * size, (firsts[entry - 1] as number) * size, size)) {
      slot = (slot + 1) & mask
      entry = slots[slot] as number
    }
    if (entry === 0) {
      if (entries === MAX_ENTRIES) return undefined
      firsts[entries] = i
      entry = ++entries
      slots[slot] = entry
    }
    indices[i] = entry - 1
  }
  return firsts.subarray(0, entries)
}

function hashWords(words: Uint32Array, at: number, size: number): number {
  let h = Math.imul(words[at] as number, 0x9e3779b1)
  for (let k = 1; k < size; k++) h = Math.imul((h ^ (words[at + k] as number)) + k, 0x85ebca6b) ^ (h >>> 13)
  return (h ^ (h >>> 15)) >>> 0
}

function equalWords(words: Uint32Array, a: number, b: number, size: number): boolean {
  for (let k = 0; k < size; k++) if (words[a + k] !== words[b + k]) return false
  return true
}

/** Dictionary indices as one bit-packed run behind the byte that gives the width; a width of 0 needs an RLE run. */
function packIndices(indices: Uint16Array, from: number, to: number, bits: number): Uint8Array {
  const count = to - from
  if (bits === 0) return Uint8Array.from([0, ...varint(count * 2)])
  const groups = (count + 7) >>> 3
  const header = varint(groups * 2 + 1)
  const page = new Uint8Array(1 + header.length + groups * bits)
  page[0] = bits
  page.set(header, 1)
  let at = 1 + header.length
  let buffer = 0
  let filled = 0
  for (let i = from; i < to; i++) {
    buffer |= (indices[i] as number) << filled
    filled += bits
    while (filled >= 8) {
      page[at++] = buffer
      buffer >>>= 8
      filled -= 8
    }
  }
  if (filled > 0) page[at] = buffer
  return page
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}

const BLOCK = 128

/**
 * DELTA_BINARY_PACKED (Encodings.md): blocks of 128 values, four miniblocks each. Undefined when a value is so large that a delta may need more than 53 bits,
 * or 32 for a 32-bit leaf.
 */
function deltaPages(values: Float64Array, bounds: readonly number[], isWide: boolean): Uint8Array[] | undefined {
  const count = bounds.at(-1) ?? 0
  const limit = isWide ? 2 ** 51 : 2 ** 31
  for (let i = 0; i < count; i++) if (!(Math.abs(values[i] as number) < limit)) return undefined
  return pagesOf(bounds, (from, to) => deltaPage(values, from, to))
}

function deltaPage(values: Float64Array, from: number, to: number): Uint8Array {
  const count = to - from
  const page = new Uint8Array(40 + Math.ceil(count / BLOCK) * (14 + BLOCK * 7))
  let at = put(page, 0, [
    ...varint(BLOCK),
    ...varint(BLOCK / MINIBLOCK),
    ...varint(count),
    ...varint(zigzag(values[from] as number)),
  ])
  const deltas = new Float64Array(BLOCK)
  for (let start = from + 1; start < to; start += BLOCK) {
    const n = Math.min(BLOCK, to - start)
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < n; i++) {
      const delta = (values[start + i] as number) - (values[start + i - 1] as number)
      deltas[i] = delta
      if (delta < least) least = delta
    }
    at = put(page, at, varint(zigzag(least)))
    const widths = at
    at += BLOCK / MINIBLOCK
    for (let m = 0; m * MINIBLOCK < n; m++) {
      let most = 0
      for (let i = m * MINIBLOCK; i < Math.min(n, (m + 1) * MINIBLOCK); i++)
        most = Math.max(most, (deltas[i] as number) - least)
      const bits = most < 2 ** 32 ? 32 - Math.clz32(most) : Math.floor(Math.log2(most)) + 1
      page[widths + m] = bits
      at = packMiniblock(page, at, deltas, m * MINIBLOCK, Math.min(n, (m + 1) * MINIBLOCK), least, bits)
    }
  }
  return page.subarray(0, at)
}

const zigzag = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2)

function put(page: Uint8Array, at: number, bytes: readonly number[]): number {
  page.set(bytes, at)
  return at + bytes.length
}
