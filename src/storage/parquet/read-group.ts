import { kernelFault } from '../../kernels/codes.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import {
  OPENED_WORDS,
  PAGE_CHUNK_WORDS,
  PAGE_COLUMN,
  PAGE_COLUMN_WORDS,
  PAGE_ENTRY,
  PAGE_ENTRY_WORDS,
  PAGE_RUN_WORDS,
} from '../../kernels/pages.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import type { PlainKernel } from '../../kernels/signatures.ts'
import { crc32 } from '../crc32.ts'
import { StorageError } from '../errors.ts'
import type { FetchedGroup } from './fetch.ts'
import type { PagePlace } from './layout.ts'
import { entriesBytes, mostPages, scratchBytes } from './layout.ts'
import type { Leaf } from './leaves.ts'
import { PAGE } from './metadata.ts'
import { readNullable } from './nullable.ts'
import { readPageHeader } from './read-metadata.ts'

const ENTRY_BYTES = PAGE_ENTRY_WORDS * 4
const COLUMN_BYTES = PAGE_COLUMN_WORDS * 4

/** Reads the pages of row groups of a block, one at a time, whose column chunks lie in kernel memory. */
export class GroupReader {
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  /** All of the memory. */
  readonly #words: Uint32Array
  readonly #place: PagePlace
  readonly #block: string
  /** The row group at hand, its column chunks in the order of the place's leaves. */
  #group: FetchedGroup = { rows: 0, chunks: [], ranges: [], places: [], starts: [], bytes: 0, at: 0 }
  /** How many leaves, from the first, have their dictionaries. */
  #prepared = 0

  constructor({ memory, kernels }: KernelInstance, place: PagePlace, block: string) {
    this.#memory = memory
    this.#kernels = kernels
    this.#words = new Uint32Array(memory.memory.buffer)
    this.#place = place
    this.#block = block
  }

  /** Takes a row group: finds its pages and checks the CRC of each before a row is decoded, so that it is read whole or not at all. Throws StorageError `corrupt`. */
  open(group: FetchedGroup): void {
    this.#group = group
    this.#prepared = 0
    if (this.#openByKernel()) return
    this.#findPages()
    for (let first = 0; first < group.chunks.length; ) first = this.#checkRun(first)
  }

  /** Finds the pages, reads the dictionaries and checks CRCs where one kernel call can; false when something is unusual or wrong. */
  #openByKernel(): boolean {
    const { chunks, rows } = this.#group
    const { columnsAt, chunksAt, toldAt } = this.#place
    const words = this.#words
    for (let i = 0, word = chunksAt / 4; i < chunks.length; i++, word += PAGE_CHUNK_WORDS) {
      const { sizeBytes, codec, hasDictionary, plainBytes } = chunks[i]!
      words[word] = this.#startOf(i)
      words[word + 1] = sizeBytes
      words[word + 2] = codec
      words[word + 3] = hasDictionary ? 1 : 0
      words[word + 4] = plainBytes
    }
    const memory = this.#memory
    const room = memory.mark
    const end = room + memory.free
    if (this.#kernels.openPages(columnsAt, chunks.length, chunksAt, mostPages(rows), room, end, toldAt) < 0)
      return false
    memory.allocate(words[toldAt / 4]! - room)
    const runs = words[toldAt / 4 + 1]!
    for (let i = 0, word = toldAt / 4 + OPENED_WORDS; i < runs; i++, word += PAGE_RUN_WORDS)
      if (crc32(memory.bytes(words[word]!, words[word + 1]!)) !== words[word + 2]!) return false
    this.#prepared = chunks.length
    return true
  }

  #findPages(): void {
    const { chunks, rows } = this.#group
    const words = this.#words
    const most = mostPages(rows)
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]!
      const at = this.#startOf(i)
      const entries = this.#memory.allocate(entriesBytes(rows))
      const count = this.#kernels.pageHeaders(at, at + chunk.sizeBytes, entries, most)
      if (count < 0) throw this.#badHeader(i, count)
      const first = chunk.hasDictionary ? 1 : 0
      const column = this.#columnAt(i) / 4
      words[column + PAGE_COLUMN.pages] = entries + first * ENTRY_BYTES
      words[column + PAGE_COLUMN.count] = Math.max(0, count - first)
      words[column + PAGE_COLUMN.codec] = chunk.codec
      if (first > count) throw this.#corrupt(i, entries, 'a dictionary page', 'no page')
    }
  }

  /** Checks the CRCs of column chunks that lie back to back by one look at all of their bytes, and one by one when that finds damage. Returns the number of the chunk behind them. */
  #checkRun(first: number): number {
    const { chunks } = this.#group
    const from = this.#startOf(first)
    let to = from
    let expected = 0
    let next = first
    for (; next < chunks.length && this.#startOf(next) === to; next++) {
      expected = this.#kernels.chunkCrc(to, this.#entriesOf(next), this.#pagesOf(next), expected)
      to += chunks[next]!.sizeBytes
    }
    if (crc32(this.#memory.bytes(from, to - from)) !== expected >>> 0)
      for (let i = first; i < next; i++) this.#checkPages(i)
    return next
  }

  #checkPages(i: number): void {
    const entries = this.#entriesOf(i)
    for (let page = 0; page < this.#pagesOf(i); page++) this.#checkCrc(i, entries + page * ENTRY_BYTES)
  }

  /** Where the entries of a column chunk stand, that of a dictionary first. */
  #entriesOf(i: number): number {
    return this.#pageAt(i, this.#group.chunks[i]!.hasDictionary ? -1 : 0)
  }

  /** How many pages a column chunk has, its dictionary included. */
  #pagesOf(i: number): number {
    const pages = this.#words[this.#columnAt(i) / 4 + PAGE_COLUMN.count]!
    return this.#group.chunks[i]!.hasDictionary ? pages + 1 : pages
  }

  /** Decodes leaves [from, to) of page `number`, `rows` rows, into their columns. Throws StorageError `corrupt`. */
  read(from: number, to: number, number: number, rows: number): void {
    const { scratch, dense, wordAt, targets } = this.#place
    this.#prepare(to)
    const columns = this.#columnAt(from)
    const code = this.#kernels.readPages(columns, to - from, number, rows, scratch, dense, wordAt)
    if (code < 0) {
      const failed = from + this.#words[wordAt / 4]!
      throw this.#corrupt(failed, this.#pageAt(failed, number), 'a readable page', kernelFault(code))
    }
    for (let i = from; i < to; i++) if (targets[i]!.leaf.layout === 'nullable') this.#readNullable(i, number, rows)
  }

  /** Whether kernels can read all leaves by themselves. What is wrong with a dictionary is told when it is asked for. */
  isPlain(): boolean {
    const { targets } = this.#place
    if (targets.some(({ leaf }) => leaf.layout === 'nullable')) return false
    try {
      this.#prepare(targets.length)
    } catch {
      return false
    }
    return true
  }

  /** Reads the dictionaries of the leaves before `to`. */
  #prepare(to: number): void {
    for (; this.#prepared < to; this.#prepared++) this.#readDictionary(this.#prepared)
  }

  #readDictionary(i: number): void {
    const chunk = this.#group.chunks[i]!
    if (!chunk.hasDictionary) return
    const { leaf } = this.#place.targets[i]!
    const words = this.#words
    const entry = this.#pageAt(i, -1)
    const type = words[entry / 4 + PAGE_ENTRY.type]!
    if (type !== PAGE.DICTIONARY || leaf.layout === 'nullable')
      throw this.#corrupt(i, entry, 'a dictionary page', `page type ${type}`)
    const plainBytes = words[entry / 4 + PAGE_ENTRY.plainBytes]!
    if (plainBytes > chunk.plainBytes)
      throw this.#corrupt(i, entry, 'a dictionary within its column chunk', `${plainBytes} bytes`)
    // A dictionary may be larger than a page of values, for which there is scratch.
    const { at, length } = this.#unpack(i, entry, this.#memory.allocate(plainBytes), plainBytes)
    const values = words[entry / 4 + PAGE_ENTRY.values]!
    if (values * Math.max(leaf.bytes, 4) > length)
      throw this.#corrupt(i, entry, `${values} dictionary entries`, `${length} bytes`)
    const entries = this.#memory.allocate(values * leaf.bytes)
    const code = plainKernel(this.#kernels, leaf)(at, length, values, entries)
    if (code < 0) throw this.#corrupt(i, entry, 'a readable dictionary', kernelFault(code))
    words[this.#columnAt(i) / 4 + PAGE_COLUMN.dictionary] = entries
    words[this.#columnAt(i) / 4 + PAGE_COLUMN.entries] = values
  }

  #readNullable(i: number, number: number, rows: number): void {
    const { leaf, column } = this.#place.targets[i]!
    const { at, length } = this.#unpack(i, this.#pageAt(i, number), this.#place.scratch, scratchBytes(leaf))
    readNullable(leaf, column, this.#memory.bytes(at, length), rows)
  }

  /** The plain bytes of a page: where they lie, or unpacked to `to`. */
  #unpack(i: number, entry: number, to: number, room: number): { at: number; length: number } {
    const { wordAt } = this.#place
    const length = this.#kernels.unpackPage(this.#columnAt(i), entry, to, room, wordAt)
    if (length < 0) throw this.#corrupt(i, entry, 'a page that can be unpacked', kernelFault(length))
    return { at: this.#words[wordAt / 4]!, length }
  }

  #checkCrc(i: number, entry: number): void {
    const words = this.#words
    const packed = this.#memory.bytes(words[entry / 4 + PAGE_ENTRY.body]!, words[entry / 4 + PAGE_ENTRY.packedBytes]!)
    const expected = words[entry / 4 + PAGE_ENTRY.crc32]!
    if (crc32(packed) !== expected) throw this.#corrupt(i, entry, `page CRC ${expected}`, 'another')
  }

  /** Where a column chunk lies. */
  #startOf(i: number): number {
    return this.#group.at + this.#group.starts[i]!
  }

  /** Where the column of a leaf stands. */
  #columnAt(i: number): number {
    return this.#place.columnsAt + i * COLUMN_BYTES
  }

  /** Where the entry of a data page stands; that of a dictionary is before the first. */
  #pageAt(i: number, number: number): number {
    return this.#words[this.#columnAt(i) / 4 + PAGE_COLUMN.pages]! + number * ENTRY_BYTES
  }

  /** Says which header of a column chunk is wrong, as far as TypeScript finds fault with it. */
  #badHeader(i: number, code: number): StorageError {
    const { sizeBytes } = this.#group.chunks[i]!
    const bytes = this.#memory.bytes(this.#startOf(i), sizeBytes)
    for (let offset = 0; offset < bytes.length; ) {
      const { page, next } = readPageHeader(bytes, offset)
      if (page.packedBytes < 0 || next + page.packedBytes > bytes.length)
        return this.#corruptAt(i, next, 'a whole page', `${page.packedBytes} bytes`)
      offset = next + page.packedBytes
    }
    return this.#corruptAt(i, sizeBytes, 'pages of flow blocks', kernelFault(code))
  }

  #corrupt(i: number, entry: number, expected: string, got: string): StorageError {
    const end = this.#words[entry / 4 + PAGE_ENTRY.body]! + this.#words[entry / 4 + PAGE_ENTRY.packedBytes]!
    return this.#corruptAt(i, end - this.#startOf(i), expected, got)
  }

  /** `at` is a place in the column chunk. */
  #corruptAt(i: number, at: number, expected: string, got: string): StorageError {
    const offset = this.#group.chunks[i]!.offset + at
    const { name } = this.#place.targets[i]!.leaf
    const where = `parquet: block ${this.#block} column ${name} near byte ${offset}`
    return new StorageError('corrupt', `${where} expected ${expected}, got ${got}`, { key: this.#block, offset })
  }
}

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
