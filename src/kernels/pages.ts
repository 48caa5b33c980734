import { KERNEL_CODES } from './codes.ts'
import type { PageTarget } from './parquet.ts'
import {
  countBytes,
  decodeDelta,
  decodeDictionary,
  decodePlain32,
  decodePlain64,
  decodePlain128,
  spreadAddresses,
} from './parquet.ts'
import { snappyDecompress } from './snappy.ts'

/** What `pageHeaders` leaves of a page, as places of 32-bit words; see assembly/page-headers.ts. */
export const PAGE_ENTRY = {
  type: 0,
  body: 1,
  packedBytes: 2,
  plainBytes: 3,
  values: 4,
  encoding: 5,
  crc32: 6,
  levelBytes: 7,
  isPacked: 8,
} as const
export const PAGE_ENTRY_WORDS = 9
/** Entries for which `pageHeaders` needs room beside those of the pages. */
export const SPARE_PAGE_ENTRIES = 3

/** What `readPages` knows of a column, as places of 32-bit words; see assembly/pages.ts. */
export const PAGE_COLUMN = {
  pages: 0,
  count: 1,
  codec: 2,
  bytes: 3,
  target: 4,
  dictionary: 5,
  entries: 6,
  layout: 7,
  isOptional: 8,
  family: 9,
  room: 10,
  isZero: 11,
} as const
export const PAGE_COLUMN_WORDS = 12

/** 32-bit words of a column chunk as `openPages` is told of it, of what it tells, and of a run of bytes in that; see assembly/open-pages.ts. */
export const PAGE_CHUNK_WORDS = 5
export const OPENED_WORDS = 2
export const PAGE_RUN_WORDS = 3

/** How values lie in a page: one a row, one for each row whose family is 6, or by levels and outside of kernels. */
export const LAYOUT = { dense: 0, sparse: 1, nullable: 2 } as const

const PAGE_ROWS = 16_384
/** Types of pages and encodings, as the specification has them. */
const DATA = 0
const DATA_V2 = 3
const PLAIN = 0
const DELTA_BINARY_PACKED = 5
const RLE_DICTIONARY = 8

type Words<T> = { -readonly [K in keyof T]: number }
type PageEntry = Words<typeof PAGE_ENTRY>
type PageColumn = Words<typeof PAGE_COLUMN>

/** Twin of `readPages`, over the same memory. */
export function readPages(
  memory: Uint8Array,
  columns: number,
  count: number,
  number: number,
  rows: number,
  failed: number,
): number {
  for (let i = 0; i < count; i++) {
    const at = columns + i * PAGE_COLUMN_WORDS * 4
    const column = readWords(memory, at, PAGE_COLUMN)
    const code = readColumn(memory, column, number, rows)
    new DataView(memory.buffer).setUint32(at + PAGE_COLUMN.isZero * 4, column.isZero, true)
    if (code >= 0) continue
    new DataView(memory.buffer).setUint32(failed, i, true)
    return code
  }
  return 0
}

function readWords<T extends { readonly [name: string]: number }>(memory: Uint8Array, at: number, places: T): Words<T> {
  const view = new DataView(memory.buffer)
  const words = Object.entries(places).map(([name, place]) => [name, view.getUint32(at + place * 4, true)])
  return Object.fromEntries(words) as Words<T> // one word for each place
}

function readColumn(memory: Uint8Array, column: PageColumn, number: number, rows: number): number {
  if (number >= column.count) return KERNEL_CODES.truncated
  const page = readWords(memory, column.pages + number * PAGE_ENTRY_WORDS * 4, PAGE_ENTRY)
  if ((page.type !== DATA && page.type !== DATA_V2) || page.values !== rows) return KERNEL_CODES.badLength
  if (column.layout === LAYOUT.sparse) return readSparse(memory, column, page, rows)
  if (column.layout !== LAYOUT.dense) return 0
  const plain = unpackPage(memory, column, page)
  if (typeof plain === 'number') return plain
  return decode(memory, column, page.encoding, plain, rows, targetOf(memory, column, rows))
}

function readSparse(memory: Uint8Array, column: PageColumn, page: PageEntry, rows: number): number {
  const family = memory.subarray(column.family, column.family + rows)
  const count = countBytes(family, 6)
  column.isZero = count === 0 ? 1 : 0
  if (count === 0) {
    memory.fill(0, column.target, column.target + PAGE_ROWS * 16)
    return 0
  }
  const plain = unpackPage(memory, column, page)
  if (typeof plain === 'number') return plain
  const levels = plain.length < 4 ? plain.length : new DataView(plain.buffer, plain.byteOffset).getUint32(0, true) + 4
  if (levels > plain.length) return KERNEL_CODES.truncated
  const values = new Uint8Array(count * 16)
  const code = decode(memory, column, page.encoding, plain.subarray(levels), count, values)
  if (code < 0) return code
  const used = spreadAddresses(family, values, count, memory.subarray(column.target, column.target + rows * 16))
  return Math.min(used, 0)
}

/** The plain bytes of a page, or a code; twin of `unpackPage`. */
export function unpackPage(memory: Uint8Array, column: PageColumn, page: PageEntry): Uint8Array | number {
  const { codec, room, isOptional } = column
  const { type, body, packedBytes, plainBytes, levelBytes, isPacked } = page
  if (codec > 1) return KERNEL_CODES.badEncoding
  const packed = memory.subarray(body, body + packedBytes)
  if (type !== DATA_V2) {
    if (codec === 0) return packed
    return plainBytes > room ? KERNEL_CODES.outputTooSmall : decompress(packed, plainBytes)
  }
  if (levelBytes > Math.min(packedBytes, plainBytes) || (levelBytes > 0 && !isOptional)) return KERNEL_CODES.badLength
  const head = isOptional ? [new Uint8Array(Uint32Array.of(levelBytes).buffer), packed.subarray(0, levelBytes)] : []
  const plain = plainBytes - levelBytes
  if ((isOptional ? 4 + levelBytes : 0) + plain > room) return KERNEL_CODES.outputTooSmall
  const rest = packed.subarray(levelBytes)
  if (!isPacked || codec === 0) return rest.length === plain ? Buffer.concat([...head, rest]) : KERNEL_CODES.badLength
  const values = decompress(rest, plain)
  return typeof values === 'number' ? values : Buffer.concat([...head, values])
}

function decompress(packed: Uint8Array, plainBytes: number): Uint8Array | number {
  const plain = new Uint8Array(plainBytes)
  const length = snappyDecompress(packed, plain)
  return length < 0 ? length : plain.subarray(0, length)
}

function decode(
  memory: Uint8Array,
  column: PageColumn,
  encoding: number,
  plain: Uint8Array,
  count: number,
  target: PageTarget,
): number {
  const { bytes, entries } = column
  if (encoding === RLE_DICTIONARY) {
    const dictionary = targetOf(memory, { ...column, target: column.dictionary }, entries)
    return decodeDictionary(plain, count, dictionary, entries, target, bytes === 16 ? 16 : 1)
  }
  if (encoding === DELTA_BINARY_PACKED)
    return bytes === 16 ? KERNEL_CODES.badEncoding : decodeDelta(plain, count, target)
  if (encoding !== PLAIN) return KERNEL_CODES.badEncoding
  if (bytes === 16) return decodePlain128(plain, count, target as Uint8Array)
  if (target instanceof Float64Array) return decodePlain64(plain, count, target)
  return decodePlain32(plain, count, target)
}

function targetOf({ buffer }: Uint8Array, { bytes, target }: PageColumn, count: number): PageTarget {
  if (bytes === 2) return new Uint16Array(buffer, target, count)
  if (bytes === 4) return new Uint32Array(buffer, target, count)
  if (bytes === 8) return new Float64Array(buffer, target, count)
  return new Uint8Array(buffer, target, count * bytes)
}
