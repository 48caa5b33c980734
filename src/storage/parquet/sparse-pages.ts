import type { AddressColumn } from '../../flow/column.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { levelRun, packedLevels } from './levels.ts'
import { PAGE_ROWS, PAGES_PER_GROUP, ROW_GROUP_ROWS } from './rows.ts'

/** Makes the pages of IPv6 addresses: definition levels by family, then the addresses that are there. */
export class SparsePages {
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  /** The addresses that are there, back to back. */
  readonly #values: number
  readonly #pages: number
  readonly #bits: number

  constructor(memory: KernelMemory, kernels: Kernels) {
    this.#memory = memory
    this.#kernels = kernels
    this.#values = memory.allocate(ROW_GROUP_ROWS * 16)
    this.#pages = memory.allocate(pagesBytes())
    this.#bits = memory.allocate(PAGE_ROWS / 8)
  }

  static bytesNeeded(): number {
    return ROW_GROUP_ROWS * 16 + pagesBytes() + PAGE_ROWS / 8
  }

  /** Where the addresses of a column are, at which of them its pages begin, and the levels of each page. */
  pick(
    { family, v6 }: AddressColumn,
    bounds: readonly number[],
  ): { values: number; denseBounds: number[]; levels: Uint8Array[] } {
    const denseBounds = [0]
    const levels = bounds.slice(1).map((to, p): Uint8Array => {
      const from = bounds[p]!
      const count = this.#kernels.countBytes(family.byteOffset + from, to - from, 6)
      denseBounds.push(denseBounds[p]! + count)
      return this.#levelsOf(family.byteOffset + from, to - from, count)
    })
    const rows = bounds.at(-1)!
    if (denseBounds.at(-1)! > 0) this.#kernels.pick128(family.byteOffset, rows, v6.byteOffset, this.#values)
    return { values: this.#values, denseBounds, levels }
  }

  /** The bodies of the pages from their levels and the encoded addresses, which stand back to back at `at`. */
  join(levels: readonly Uint8Array[], at: number, pageBytes: Uint32Array): Uint8Array[] {
    let from = at
    let to = this.#pages
    return levels.map((level, page) => {
      const length = pageBytes[page]!
      const body = this.#memory.bytes(to, level.length + length)
      body.set(level)
      body.set(this.#memory.bytes(from, length), level.length)
      from += length
      to += body.length
      return body
    })
  }

  #levelsOf(family: number, rows: number, count: number): Uint8Array {
    if (count === 0) return levelRun(rows, 0)
    if (count === rows) return levelRun(rows, 1)
    return packedLevels(this.#memory.bytes(this.#bits, this.#kernels.equalBits(family, rows, 6, this.#bits)))
  }
}

/** Levels and addresses of a row group in pages. */
const pagesBytes = (): number => ROW_GROUP_ROWS * 18 + PAGES_PER_GROUP * 64
