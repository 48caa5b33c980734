import { crc32 } from 'node:zlib'
import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import { kernelFault } from '../../kernels/codes.ts'
import type { DictionaryKernel, Kernels, PlainKernel } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { StorageError } from '../errors.ts'
import type { Leaf } from './leaves.ts'
import type { ColumnChunk } from './metadata.ts'
import { CODEC, ENCODING, PAGE } from './metadata.ts'
import { readNullable } from './nullable.ts'
import type { ReadPage } from './read-metadata.ts'
import { readPageHeader } from './read-metadata.ts'
import { PAGE_ROWS } from './rows.ts'

/** A leaf that is read, and where its pages go. */
export interface LeafTarget {
  readonly leaf: Leaf
  readonly column: Column
  /** Address of the column's array in kernel memory; 0 for nullable and text columns, which TypeScript fills. */
  readonly at: number
  /** Address of the family array of an address column. */
  readonly familyAt: number
  /** Whether the array of IPv6 addresses is all zero, as most pages leave it. */
  isZero: boolean
}

/** A page and the address of its packed bytes. */
interface Page {
  readonly page: ReadPage
  readonly body: number
}

/** The plain bytes of a page. */
interface Unpacked {
  readonly body: number
  readonly length: number
}

/** Where a page is unpacked to. */
interface Room {
  readonly at: number
  readonly bytes: number
}

/** One column chunk in kernel memory, and how far its pages are read. */
interface ChunkCursor {
  readonly target: LeafTarget
  readonly chunk: ColumnChunk
  readonly at: number
  next: number
  readonly end: number
  /** The pages that lie before `next`, in order, once their checksums have been verified. */
  readonly pages: Page[]
  nextPage: number
  entries: number
  entriesAt: number
}

/** Reads the pages of one row group whose column chunks lie in kernel memory, a page of all columns at a time. */
export class GroupReader {
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #cursors: ChunkCursor[]
  readonly #scratch: number
  readonly #dense: number
  readonly #block: string

  /** `chunks` are the column chunks and where in kernel memory their bytes lie. */
  constructor(options: {
    memory: KernelMemory
    kernels: Kernels
    scratch: number
    block: string
    chunks: readonly { target: LeafTarget; chunk: ColumnChunk; at: number }[]
  }) {
    const { memory, kernels, scratch, block, chunks } = options
    this.#memory = memory
    this.#kernels = kernels
    this.#scratch = scratch
    this.#dense = chunks.some(({ target }) => target.leaf.layout === 'sparse') ? memory.allocate(PAGE_ROWS * 16) : 0
    this.#block = block
    this.#cursors = chunks.map(({ target, chunk, at }) => {
      const end = at + chunk.sizeBytes
      return { target, chunk, at, next: at, end, pages: [], nextPage: 0, entries: 0, entriesAt: 0 }
    })
  }

  /** Checks the CRC of every page before one is decoded, so that a row group is read whole or not at all. Throws StorageError `corrupt`. */
  verify(): void {
    for (const cursor of this.#cursors) {
      while (cursor.next < cursor.end) {
        const { page, body } = this.#readHeader(cursor)
        cursor.pages.push({ page, body })
        if (crc32(this.#memory.bytes(body, page.packedBytes)) !== page.crc32)
          throw this.#corrupt(cursor, `page CRC ${page.crc32}`, 'another')
      }
    }
  }

  /** Decodes the next `rows` rows of every column into the batch's columns. Throws StorageError `corrupt`. */
  readPage(batch: Batch, rows: number): void {
    for (const cursor of this.#cursors) {
      if (cursor.chunk.hasDictionary && cursor.entriesAt === 0) this.#readDictionary(cursor)
      this.#readValues(cursor, rows)
    }
    batch.length = rows
  }

  #readDictionary(cursor: ChunkCursor): void {
    const packed = this.#page(cursor)
    const { page } = packed
    const { leaf } = cursor.target
    if (page.type !== PAGE.DICTIONARY || leaf.layout === 'nullable')
      throw this.#corrupt(cursor, 'a dictionary page', `page type ${page.type}`)
    if (page.plainBytes > cursor.chunk.plainBytes)
      throw this.#corrupt(cursor, 'a dictionary within its column chunk', `${page.plainBytes} bytes`)
    // A dictionary may be larger than a page of values, for which there is scratch.
    const room = { at: this.#memory.allocate(page.plainBytes), bytes: page.plainBytes }
    const { body, length } = this.#unpack(cursor, packed, room)
    if (page.values * Math.max(leaf.bytes, 4) > length)
      throw this.#corrupt(cursor, `${page.values} dictionary entries`, `${length} bytes`)
    cursor.entriesAt = this.#memory.allocate(page.values * leaf.bytes)
    cursor.entries = page.values
    this.#check(cursor, plainKernel(this.#kernels, leaf)(body, length, page.values, cursor.entriesAt))
  }

  #readValues(cursor: ChunkCursor, rows: number): void {
    const packed = this.#page(cursor)
    const { page } = packed
    const { leaf, column } = cursor.target
    if ((page.type !== PAGE.DATA && page.type !== PAGE.DATA_V2) || page.values !== rows)
      throw this.#corrupt(cursor, `a data page of ${rows} rows`, `${page.values}`)
    const room = { at: this.#scratch, bytes: scratchBytes(leaf) }
    const { body, length } = this.#unpack(cursor, packed, room)
    if (leaf.layout === 'nullable') readNullable(leaf, column, this.#memory.bytes(body, length), rows)
    else if (leaf.layout === 'sparse') this.#readSparse(cursor, page, { body, length, rows })
    else this.#decode(cursor, page.encoding, { body, length, count: rows, dst: cursor.target.at })
  }

  #decode(
    cursor: ChunkCursor,
    encoding: number,
    { body, length, count, dst }: { body: number; length: number; count: number; dst: number },
  ): void {
    const { leaf } = cursor.target
    if (encoding === ENCODING.RLE_DICTIONARY) {
      this.#check(
        cursor,
        dictionaryKernel(this.#kernels, leaf)(body, length, count, cursor.entriesAt, cursor.entries, dst),
      )
    } else if (encoding === ENCODING.DELTA_BINARY_PACKED && leaf.bytes <= 8)
      this.#check(cursor, deltaKernel(this.#kernels, leaf)(body, length, count, dst))
    else if (encoding === ENCODING.PLAIN)
      this.#check(cursor, plainKernel(this.#kernels, leaf)(body, length, count, dst))
    else throw this.#corrupt(cursor, 'an encoding of flow blocks', `${encoding}`)
  }

  /** The IPv6 addresses of a page: the family column, decoded before, says which rows have one. */
  #readSparse(
    cursor: ChunkCursor,
    page: ReadPage,
    { body, length, rows }: { body: number; length: number; rows: number },
  ): void {
    const { target } = cursor
    const { at, familyAt } = target
    const count = this.#kernels.countBytes(familyAt, rows, 6)
    if (count === 0) {
      if (!target.isZero) this.#memory.bytes(at, PAGE_ROWS * 16).fill(0)
      target.isZero = true
      return
    }
    target.isZero = false
    const levels = length < 4 ? length : new DataView(this.#memory.memory.buffer).getUint32(body, true) + 4
    if (levels > length) throw this.#corrupt(cursor, 'definition levels', `${length} bytes`)
    this.#decode(cursor, page.encoding, { body: body + levels, length: length - levels, count, dst: this.#dense })
    this.#check(cursor, this.#kernels.spread128(familyAt, rows, this.#dense, count, at))
  }

  /** The next page of those that are verified. */
  #page(cursor: ChunkCursor): Page {
    const next = cursor.pages[cursor.nextPage++]
    if (!next) throw this.#corrupt(cursor, 'another page', 'the end')
    return next
  }

  /** The header of the page at `next` and the address of its packed bytes; moves on behind it. */
  #readHeader(cursor: ChunkCursor): Page {
    const { page, next } = readPageHeader(
      this.#memory.bytes(cursor.at, cursor.end - cursor.at),
      cursor.next - cursor.at,
    )
    const body = cursor.at + next
    if (Math.min(page.packedBytes, page.plainBytes, page.values) < 0 || body + page.packedBytes > cursor.end)
      throw this.#corrupt(cursor, 'a whole page', `${page.packedBytes} bytes`)
    cursor.next = body + page.packedBytes
    return { page, body }
  }

  /** Unpacks a page, where it is packed, into `room`. */
  #unpack(cursor: ChunkCursor, { page, body }: Page, room: Room): Unpacked {
    const { codec } = cursor.chunk
    if (codec !== CODEC.UNCOMPRESSED && codec !== CODEC.SNAPPY) throw this.#corrupt(cursor, 'codec SNAPPY', `${codec}`)
    if (page.type === PAGE.DATA_V2) return this.#unpackV2(cursor, { page, body }, room)
    if (codec === CODEC.UNCOMPRESSED) return { body, length: page.packedBytes }
    this.#checkFits(cursor, page.plainBytes, room)
    const length = this.#kernels.snappyDecompress(body, page.packedBytes, room.at, page.plainBytes)
    this.#check(cursor, length)
    return { body: room.at, length }
  }

  /** A data page V2 as one of V1: the levels, when there are any, behind their length, then the values. */
  #unpackV2(cursor: ChunkCursor, { page, body }: Page, room: Room): Unpacked {
    const { levelBytes, packedBytes, plainBytes } = page
    const { leaf } = cursor.target
    if (levelBytes < 0 || levelBytes > Math.min(packedBytes, plainBytes) || (levelBytes > 0 && !leaf.optional))
      throw this.#corrupt(cursor, 'levels within the page', `${levelBytes} bytes`)
    const head = leaf.optional ? 4 + levelBytes : 0
    const [packed, plain] = [packedBytes - levelBytes, plainBytes - levelBytes]
    this.#checkFits(cursor, head + plain, room)
    if (head > 0) {
      new DataView(this.#memory.memory.buffer).setUint32(room.at, levelBytes, true)
      this.#memory.bytes(room.at + 4, levelBytes).set(this.#memory.bytes(body, levelBytes))
    }
    if (page.isPacked && cursor.chunk.codec === CODEC.SNAPPY) {
      const length = this.#kernels.snappyDecompress(body + levelBytes, packed, room.at + head, plain)
      this.#check(cursor, length)
      return { body: room.at, length: head + length }
    }
    if (packed !== plain) throw this.#corrupt(cursor, `${plain} plain bytes`, `${packed}`)
    this.#memory.bytes(room.at + head, plain).set(this.#memory.bytes(body + levelBytes, plain))
    return { body: room.at, length: head + plain }
  }

  #checkFits(cursor: ChunkCursor, plainBytes: number, room: Room): void {
    if (plainBytes > room.bytes) throw this.#corrupt(cursor, 'a page within its rows', `${plainBytes} bytes`)
  }

  #check(cursor: ChunkCursor, result: number): void {
    if (result < 0) throw this.#corrupt(cursor, 'a readable page', kernelFault(result))
  }

  #corrupt(cursor: ChunkCursor, expected: string, got: string): StorageError {
    const last = cursor.pages[cursor.nextPage - 1]
    const offset = cursor.chunk.offset + (last ? last.body + last.page.packedBytes : cursor.next) - cursor.at
    const where = `parquet: block ${this.#block} column ${cursor.target.leaf.name} near byte ${offset}`
    return new StorageError('corrupt', `${where} expected ${expected}, got ${got}`, { key: this.#block, offset })
  }
}

/** The most plain bytes a data page of a leaf may have; text pages may be larger than their rows say and have a cap of their own. */
export function scratchBytes(leaf: Leaf): number {
  if (leaf.part === 'text') return MAX_TEXT_PAGE
  return PAGE_ROWS * Math.max(leaf.bytes, leaf.bytes === 8 ? 9 : 4) + 1024
}

const MAX_TEXT_PAGE = 16 << 20

const dictionaryKernel = (kernels: Kernels, leaf: Leaf): DictionaryKernel =>
  leaf.bytes === 1
    ? kernels.dictionary8
    : leaf.bytes === 2
      ? kernels.dictionary16
      : leaf.bytes === 4
        ? kernels.dictionary32
        : leaf.bytes === 8
          ? kernels.dictionary64
          : kernels.dictionary128

const plainKernel = (kernels: Kernels, leaf: Leaf): PlainKernel =>
  leaf.bytes === 1
    ? kernels.plain8
    : leaf.bytes === 2
      ? kernels.plain16
      : leaf.bytes === 4
        ? kernels.plain4
        : leaf.bytes === 8
          ? kernels.plain64
          : kernels.plain128

const deltaKernel = (kernels: Kernels, leaf: Leaf): PlainKernel =>
  leaf.bytes === 1
    ? kernels.delta8
    : leaf.bytes === 2
      ? kernels.delta16
      : leaf.bytes === 4
        ? kernels.delta32
        : kernels.delta64
