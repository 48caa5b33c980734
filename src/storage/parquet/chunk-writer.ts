import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { COMPRESS_TABLE_BYTES, maxCompressedBytes } from '../../kernels/snappy-compress.ts'
import { crc32 } from '../crc32.ts'
import type { Encoding } from './metadata.ts'
import { MOST_HEADER_BYTES } from './metadata.ts'
import { PAGES_PER_GROUP, ROW_GROUP_ROWS } from './rows.ts'

/** Snappy must save at least this share of a column chunk, or readers are spared the work. */
export const WORTH_COMPRESSING = 0.9

/** A column chunk as it is stored. */
export interface WrittenChunk {
  /** Valid until the next chunk. */
  readonly bytes: Uint8Array
  readonly isPacked: boolean
  /** Bytes of headers, and of bodies that are not compressed. */
  readonly plainBytes: number
  /** Where the first page that is no dictionary begins. */
  readonly dataOffset: number
}

/** What a chunk is written by. */
export interface ChunkForm {
  readonly hasDictionary: boolean
  readonly encoding: Encoding
  /** Where the chunk will begin in memory that is not shared. */
  readonly offset: number
}

// Words of a page in the list; see assembly/put-pages.ts.
const WORDS = 8
const [AT, LENGTH, VALUES, STORED_AT, STORED_LENGTH, CRC, END] = [0, 1, 2, 3, 4, 5, 6] as const

/** All pages of a chunk and its dictionary. */
const MOST_PAGES = PAGES_PER_GROUP + 1
/** All bodies of the largest chunk, and what compressing them takes at most. */
const BODY_BYTES = ROW_GROUP_ROWS * 18 + (16 << 15) + MOST_PAGES * 64
const PACKED_BYTES = maxCompressedBytes(BODY_BYTES) + MOST_PAGES * 64
const CHUNK_BYTES = BODY_BYTES + MOST_PAGES * MOST_HEADER_BYTES

/** What V8 copies at once. */
const WORD_BYTES = 8

/** Makes column chunks of pages whose bodies lie in kernel memory, the dictionary first where there is one: two calls of kernels each, and a checksum for each page between. */
export class ChunkWriter {
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #pages: Uint32Array
  readonly #packed: number
  readonly #chunk: number
  readonly #table: number
  #count = 0
  #plainBytes = 0

  constructor(memory: KernelMemory, kernels: Kernels) {
    this.#memory = memory
    this.#kernels = kernels
    this.#pages = memory.make(Uint32Array, MOST_PAGES * WORDS)
    this.#packed = memory.allocate(PACKED_BYTES)
    this.#chunk = memory.allocate(CHUNK_BYTES + WORD_BYTES)
    this.#table = memory.allocate(COMPRESS_TABLE_BYTES)
  }

  static bytesNeeded(): number {
    return MOST_PAGES * WORDS * 4 + PACKED_BYTES + CHUNK_BYTES + COMPRESS_TABLE_BYTES
  }

  /** Adds a page of so many values, or the dictionary of so many entries. */
  add(at: number, length: number, values: number): void {
    const page = this.#count++ * WORDS
    this.#pages[page + AT] = at
    this.#pages[page + LENGTH] = length
    this.#pages[page + VALUES] = values
    this.#plainBytes += length
  }

  /** Makes the chunk of the pages that were added; the next begins empty. */
  finish({ hasDictionary, encoding, offset }: ChunkForm): WrittenChunk {
    const pages = this.#pages
    const [list, count, plainBytes] = [pages.byteOffset, this.#count, this.#plainBytes]
    const { packBodies, putPages } = this.#kernels
    const stored = packBodies(list, count, plainBytes * WORTH_COMPRESSING, this.#packed, this.#table)
    for (let page = 0; page < count * WORDS; page += WORDS) {
      const body = this.#memory.bytes(pages[page + STORED_AT]!, pages[page + STORED_LENGTH]!)
      pages[page + CRC] = crc32(body)
    }
    // Out of shared memory V8 copies byte by byte unless both sides begin alike.
    const at = this.#chunk + (offset % WORD_BYTES)
    const length = putPages(list, count, hasDictionary ? 1 : 0, encoding, at)
    this.#count = 0
    this.#plainBytes = 0
    return {
      bytes: this.#memory.bytes(at, length),
      isPacked: stored < 0,
      plainBytes: plainBytes + length - Math.abs(stored),
      dataOffset: hasDictionary ? pages[END]! : 0,
    }
  }
}
