import type { Column } from '../../flow/column.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SCAN_SLICE as SLICE } from '../../kernels/scan.ts'
import type { EntryLayout } from './entry-layout.ts'
import type { Numbers } from './numbers.ts'
import { numbersOf } from './numbers.ts'
import type { AddressPart } from './wide-packer.ts'
import type { KeyPart } from './word-packer.ts'

/** Rows that a kernel adds by one call: where it finds their keys and values, and their marks if some are passed over (else 0). */
export interface SlicePlaces {
  readonly count: number
  readonly keysAt: number
  readonly valuesAt: number
  readonly skippedAt: number
}

/** Rows of a batch: the parts of their keys, addresses of both families in kernel memory, a column for each sum, and the rows to pass over, ascending. */
export interface SlicedRows {
  readonly keys: readonly (KeyPart | AddressPart)[]
  readonly values: readonly Column[]
  readonly rows: number
  readonly skipped: Uint32Array
}

/** Room for the keys, values and marks of a slice of rows, where they have to be copied into the memory of kernels. */
export class SliceRoom {
  readonly keysAt: number
  readonly #memory: KernelMemory
  readonly #kernels: Kernels
  readonly #width: number
  /** Whether a key is a number of its own, not words. */
  readonly #isDirect: boolean
  /** Where values of keys are copied that do not lie in this memory. */
  readonly #partAt: number
  readonly #valuesAt: number
  /** Addresses of the values of each sum, for the kernel. */
  readonly #addresses: Uint32Array
  readonly #skippedAt: number

  constructor(memory: KernelMemory, kernels: Kernels, { keys, sums }: EntryLayout, isDirect: boolean) {
    this.#memory = memory
    this.#kernels = kernels
    this.#width = keys.width
    this.#isDirect = isDirect
    this.keysAt = memory.allocate(SLICE * keys.width * 4)
    this.#partAt = memory.allocate(SLICE * 8)
    this.#valuesAt = memory.allocate(SLICE * 8 * Math.max(1, sums.length))
    this.#addresses = new Uint32Array(memory.memory.buffer, memory.allocate(sums.length * 4), sums.length)
    this.#skippedAt = memory.allocate(SLICE)
  }

  /** Where kernels find the addresses of values. */
  get valuesAt(): number {
    return this.#addresses.byteOffset
  }

  /** Places rows a slice after the other; each is in its place until the next is asked for. */
  *slices({ keys, values, rows, skipped }: SlicedRows): Generator<SlicePlaces, void, undefined> {
    const arrays = values.map(numbersOf)
    let next = 0
    for (let from = 0; from < rows; from += SLICE) {
      const count = Math.min(SLICE, rows - from)
      const keysAt = this.#placeKeys(keys, from, count)
      for (let sum = 0; sum < arrays.length; sum++)
        this.#addresses[sum] = this.#placeValues(arrays[sum]!, sum, from, count)
      const first = next
      while (next < skipped.length && skipped[next]! < from + count) next++
      const skippedAt = next === first ? 0 : this.#mark(skipped.subarray(first, next), from)
      yield { count, keysAt, valuesAt: this.valuesAt, skippedAt }
    }
  }

  /** Whether an array lies in the memory of the kernels. */
  isInside(array: ArrayBufferView): boolean {
    return array.buffer === this.#memory.memory.buffer
  }

  /** Where the kernel finds the keys of a slice: a column that is all of the key where it lies, the words of several packed. */
  #placeKeys(parts: readonly (KeyPart | AddressPart)[], from: number, count: number): number {
    const width = this.#width
    const [first] = parts
    if (first && 'values' in first && (this.#isDirect || (width === 1 && first.values.BYTES_PER_ELEMENT === 4)))
      return this.#placePart(first, from, count, this.keysAt)
    for (const part of parts) {
      const dst = this.keysAt + part.word * 4
      if ('addresses' in part) {
        const { family, v4, v6 } = part.addresses
        const at = [family.byteOffset + from, v4.byteOffset + from * 4, v6.byteOffset + from * 16] as const
        this.#kernels.packAddresses(...at, count, dst, width)
        continue
      }
      const src = this.#placePart(part, from, count, this.#partAt)
      const { values, flip } = part
      if (values instanceof Float64Array) this.#kernels.packDoubles(src, flip, count, dst, width)
      else if (values instanceof BigUint64Array || values instanceof BigInt64Array)
        this.#kernels.packLongs(src, flip, count, dst, width)
      else this.#kernels.packWords(src, values.BYTES_PER_ELEMENT, count, dst, width)
    }
    return this.keysAt
  }

  /** Where the values of a slice lie, or have been copied. */
  #placePart({ values }: KeyPart, from: number, count: number, place: number): number {
    const size = values.BYTES_PER_ELEMENT
    const at = values.byteOffset + from * size
    if (this.isInside(values)) return at
    this.#memory.bytes(place, count * size).set(new Uint8Array(values.buffer, at, count * size))
    return place
  }

  #placeValues(values: Numbers, sum: number, from: number, count: number): number {
    if (values instanceof Float64Array && this.isInside(values)) return values.byteOffset + from * 8
    const at = this.#valuesAt + sum * SLICE * 8
    new Float64Array(this.#memory.memory.buffer, at, count).set(values.subarray(from, from + count))
    return at
  }

  #mark(skipped: Uint32Array, from: number): number {
    const marks = this.#memory.bytes(this.#skippedAt, SLICE)
    marks.fill(0)
    for (let i = 0; i < skipped.length; i++) marks[skipped[i]! - from] = 1
    return this.#skippedAt
  }
}
