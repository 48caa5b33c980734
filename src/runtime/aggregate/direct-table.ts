import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import type { FoldTarget, ScannedRows } from './fold-target.ts'
import { NO_SUM } from './fold-target.ts'

/** Rows that a table counts to. */
const MOST_COUNTED = 0xffff_ffff
/** Rows, and the sum of all their second values, that packed places take before they are settled. */
const MOST_PACKED = 2 ** 20
const MOST_PACKED_SUM = 2 ** 32 - 1
/** When packed places take fewer rows than this, they are settled before kernels that scan add to them. */
const LEAST_LEFT = 2 ** 17

/**
 * A table of keys of 8 or 16 bits with a place for each, in their order: counts and sums. With two sums, rows are added to places of 16 bytes first, in which the second sum and
 * the count are one double, and now and then moved to counts and sums of their own: a row takes one line of the cache instead of two.
 */
export class DirectTable {
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #keyBytes: 1 | 2
  readonly #sums: number
  readonly #capacity: number
  #countsAt = 0
  #sumsAt = 0
  #packedAt = 0
  #length = 0
  #rows = 0
  #packedRows = 0
  #packedSum = 0
  /** Whether the rows that are being added go to packed places. */
  #packs = false

  constructor(memory: KernelMemory, kernels: Kernels, keyBytes: 1 | 2, sums: number) {
    this.#memory = memory
    this.#kernels = kernels
    this.#keyBytes = keyBytes
    this.#sums = sums
    this.#capacity = 256 ** keyBytes
  }

  /** Bytes of memory that a table takes. */
  static bytes(keyBytes: 1 | 2, sums: number): number {
    return 256 ** keyBytes * (4 + sums * 8 + (sums === 2 ? 16 : 0))
  }

  /** Takes its places, all empty. */
  clear(): void {
    this.#countsAt = this.#zeros(4)
    this.#sumsAt = this.#zeros(this.#sums * 8)
    if (this.#sums === 2) this.#packedAt = this.#zeros(16)
    this.#length = 0
    this.#rows = 0
    this.#packedRows = 0
    this.#packedSum = 0
  }

  /** Whether it can count so many rows more. */
  hasRoom(rows: number): boolean {
    return this.#rows + rows <= MOST_COUNTED
  }

  /** Keys that have rows. */
  get length(): number {
    this.#settle()
    return this.#length
  }

  /** To be called before `rows` rows are added, in parts; the sum of their second values is at most `secondSum`. */
  expect(rows: number, secondSum: number): void {
    this.#rows += rows
    this.#packs = this.#sums === 2 && rows <= MOST_PACKED && secondSum <= MOST_PACKED_SUM
    if (!this.#packs) return
    if (this.#packedRows + rows > MOST_PACKED || this.#packedSum + secondSum > MOST_PACKED_SUM) this.#settle()
    this.#packedRows += rows
    this.#packedSum += secondSum
  }

  /** Adds rows as `foldDirect` takes them. */
  add(keysAt: number, rows: number, skippedAt: number, valuesAt: number): void {
    const keys = [keysAt, this.#keyBytes, rows, skippedAt] as const
    if (this.#packs) this.#kernels.foldPacked(...keys, this.#packedAt, valuesAt)
    else this.#length += this.#kernels.foldDirect(...keys, this.#countsAt, this.#sumsAt, valuesAt, this.#sums)
  }

  /** Where kernels add rows, and how many. */
  target(): Pick<FoldTarget, 'keyBytes' | 'packed' | 'counts' | 'table' | 'limited' | 'rowsLeft' | 'sumLeft'> {
    const places = { keyBytes: this.#keyBytes, counts: this.#countsAt, table: this.#sumsAt }
    const rowsLeft = MOST_COUNTED - this.#rows
    if (this.#sums !== 2) return { ...places, packed: 0, limited: NO_SUM, rowsLeft, sumLeft: 0 }
    if (MOST_PACKED - this.#packedRows < LEAST_LEFT) this.#settle()
    const packed = { packed: this.#packedAt, limited: 1, sumLeft: MOST_PACKED_SUM - this.#packedSum }
    return { ...places, ...packed, rowsLeft: Math.min(rowsLeft, MOST_PACKED - this.#packedRows) }
  }

  /** Notes what kernels have added. */
  scanned({ rows, sum, fresh }: ScannedRows): void {
    this.#rows += rows
    this.#length += fresh
    if (this.#sums !== 2) return
    this.#packedRows += rows
    this.#packedSum += sum
  }

  /** Writes the keys that have rows as entries of `strideBytes`, with a count where there is room for it. */
  writeEntries(strideBytes: number, dst: number): void {
    this.#settle()
    this.#kernels.directEntries(this.#countsAt, this.#sumsAt, this.#capacity, this.#sums, strideBytes, dst)
  }

  #settle(): void {
    if (this.#packedRows === 0) return
    this.#length += this.#kernels.settleDirect(this.#packedAt, this.#capacity, this.#countsAt, this.#sumsAt)
    this.#packedRows = 0
    this.#packedSum = 0
  }

  #zeros(bytesOfKey: number): number {
    const length = this.#capacity * bytesOfKey
    const at = this.#memory.allocate(length)
    this.#memory.bytes(at, length).fill(0)
    return at
  }
}
