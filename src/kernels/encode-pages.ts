import type { Kernels } from './kernels.ts'
import type { KernelMemory } from './memory.ts'
import type { EncodeKernel } from './signatures.ts'

/** Bytes of a value in kernel memory, and which kernel encodes such values. */
export type ValueBytes = 1 | 2 | 4 | 8 | 16

/** What an `encode*` kernel says about the pages that it made. */
export interface EncodedPages {
  /** The specification's number: 0 PLAIN, 5 DELTA_BINARY_PACKED, 8 RLE_DICTIONARY. */
  readonly encoding: number
  readonly entries: number
  /** Where the dictionary's bytes stand, those of the pages right behind. */
  readonly at: number
  readonly dictionaryBytes: number
  readonly pageBytes: Uint32Array
  /** Smallest and largest value; of 16-byte values any number. */
  readonly min: number
  readonly max: number
}

/** Bytes of the report in front of the sizes of pages; see assembly/parquet-encode.ts. */
const REPORT_HEAD = 32
/** Scratch whatever the values: a hash table, 32,768 distinct values, the differences of a block. */
const SCRATCH_HEAD = (2 << 18) + (16 << 15) + 1024

/** Scratch and output of the `encode*` kernels for one column chunk at a time, and the calls. */
export class PageEncoder {
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #bounds: number
  readonly #scratch: number
  readonly #out: number
  readonly #report: number

  /** Takes room for chunks of up to `rows` values in `pages` pages. */
  constructor(memory: KernelMemory, kernels: Kernels, { rows, pages }: { rows: number; pages: number }) {
    this.#memory = memory
    this.#kernels = kernels
    this.#bounds = memory.allocate((pages + 1) * 4)
    this.#report = memory.allocate(REPORT_HEAD + pages * 4)
    this.#scratch = memory.allocate(scratchBytes(rows, pages))
    this.#out = memory.allocate(outBytes(rows, pages))
  }

  /** The memory that an encoder takes. */
  static bytesNeeded(rows: number, pages: number): number {
    return scratchBytes(rows, pages) + outBytes(rows, pages) + pages * 8 + 1024
  }

  /**
   * Encodes the values at `values`: page `p` holds values [bounds[p], bounds[p + 1]). The result is valid until the next call; undefined for a number that is none of
   * 53 bits.
   */
  encode(values: number, bytes: ValueBytes, bounds: readonly number[]): EncodedPages | undefined {
    const pages = bounds.length - 1
    const { buffer } = this.#memory.memory
    new Uint32Array(buffer, this.#bounds, bounds.length).set(bounds)
    const kernel = kernelOf(this.#kernels, bytes)
    if (kernel(values, this.#bounds, pages, this.#scratch, this.#out, this.#report) < 0) return undefined
    const [min = 0, max = 0] = new Float64Array(buffer, this.#report, 2)
    const [encoding = 0, entries = 0, at = 0, dictionaryBytes = 0] = new Uint32Array(buffer, this.#report + 16, 4)
    const pageBytes = new Uint32Array(buffer, this.#report + REPORT_HEAD, pages)
    return { encoding, entries, at, dictionaryBytes, pageBytes, min, max }
  }
}

/** Indices of all rows and pages of differences behind the head. */
const scratchBytes = (rows: number, pages: number): number => SCRATCH_HEAD + rows * 10 + pages * 1152 + 64

/** PLAIN values of up to 16 bytes, or a dictionary and indices. */
const outBytes = (rows: number, pages: number): number => Math.max(rows * 16, (16 << 15) + rows * 2) + pages * 16 + 64

function kernelOf(kernels: Kernels, bytes: ValueBytes): EncodeKernel {
  switch (bytes) {
    case 1:
      return kernels.encode8
    case 2:
      return kernels.encode16
    case 4:
      return kernels.encode32
    case 8:
      return kernels.encode64
    case 16:
      return kernels.encode128
  }
}
