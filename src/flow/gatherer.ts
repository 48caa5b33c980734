import type { GatherKernel, Kernels } from '../kernels/kernels.ts'
import type { KernelInstance } from '../kernels/pool.ts'
import type { Batch } from './batch.ts'
import { batchBytes } from './batch.ts'
import type { AddressColumn, Column, ColumnSpec } from './column.ts'
import { createColumn } from './column.ts'
import { gatherColumn } from './gather.ts'

/** Gathers rows of batches into one of its own, by kernels where columns lie in their memory. */
export class Gatherer {
  readonly #capacity: number
  readonly #instance: KernelInstance | undefined
  #specs: readonly ColumnSpec[]
  #target: Batch
  /** Columns of the target whose IPv6 addresses are all zero. */
  readonly #zero = new Set<AddressColumn>()

  /** Takes memory of `instance` for batches of `capacity` rows of these columns; rows of other columns are gathered in memory of its own. */
  constructor(specs: readonly ColumnSpec[], capacity: number, instance: KernelInstance | undefined) {
    this.#capacity = capacity
    this.#instance = instance
    this.#specs = specs
    this.#target = targetOf(specs, capacity, instance)
  }

  /** Bytes of kernel memory that are taken at most. */
  static bytesNeeded(specs: readonly ColumnSpec[], capacity: number): number {
    return batchBytes(specs.filter(isFixed), capacity)
  }

  /** Rows `rows[0 .. count)` of a batch of the columns `specs`, in that order; good until the next call. */
  gather(from: Batch, specs: readonly ColumnSpec[], rows: Uint32Array, count: number): Batch {
    if (this.#specs !== specs) this.#change(specs)
    if (this.#target.capacity < count) this.#target = targetOf(specs, from.capacity, undefined)
    const { columns } = this.#target
    for (const name in columns) {
      const [source, target] = [from.columns[name], columns[name]!]
      if (!source || this.#gatherInside(source, rows, count, target)) continue
      gatherColumn(source, rows, count, target)
      if (target.type === 'address') this.#zero.delete(target)
    }
    this.#target.length = count
    return this.#target
  }

  #change(specs: readonly ColumnSpec[]): void {
    if (!areSame(specs, this.#specs)) this.#target = targetOf(specs, this.#capacity, undefined)
    this.#specs = specs
  }

  /** False where a part of either column lies elsewhere. */
  #gatherInside(from: Column, rows: Uint32Array, count: number, to: Column): boolean {
    if (!this.#instance || to.valid || !this.#isInside(rows)) return false
    const { kernels } = this.#instance
    if (from.type === 'address' && to.type === 'address') {
      const { family, v4, v6 } = from
      if (![family, v4, v6, to.family, to.v4, to.v6].every((array) => this.#isInside(array))) return false
      kernels.gather8(family.byteOffset, rows.byteOffset, count, to.family.byteOffset)
      kernels.gather32(v4.byteOffset, rows.byteOffset, count, to.v4.byteOffset)
      this.#gatherSparse(kernels, from, rows, count, to)
      return true
    }
    if (!('values' in from) || !('values' in to) || !this.#isInside(from.values) || !this.#isInside(to.values))
      return false
    const gather = gatherKernel(kernels, from.values.BYTES_PER_ELEMENT)
    gather(from.values.byteOffset, rows.byteOffset, count, to.values.byteOffset)
    return true
  }

  #gatherSparse(kernels: Kernels, from: AddressColumn, rows: Uint32Array, count: number, to: AddressColumn): void {
    if (kernels.countBytes(to.family.byteOffset, count, 6) > 0) {
      kernels.gatherSparse(from.family.byteOffset, from.v6.byteOffset, rows.byteOffset, count, to.v6.byteOffset)
      this.#zero.delete(to)
    } else if (!this.#zero.has(to)) {
      to.v6.fill(0)
      this.#zero.add(to)
    }
  }

  #isInside(array: ArrayBufferView): boolean {
    return array.buffer === this.#instance?.memory.memory.buffer
  }
}

/** Text and bytes move to larger arrays as they grow. */
const isFixed = ({ type }: ColumnSpec): boolean => type !== 'text' && type !== 'bytes'

function targetOf(specs: readonly ColumnSpec[], capacity: number, instance: KernelInstance | undefined): Batch {
  const columns: { [name: string]: Column } = {}
  for (const spec of specs) {
    const { name, type, nullable = false } = spec
    const options = instance && isFixed(spec) ? { nullable, make: instance.memory.make } : { nullable }
    columns[name] = createColumn(type, capacity, options)
  }
  return { length: 0, capacity, columns }
}

const areSame = (a: readonly ColumnSpec[], b: readonly ColumnSpec[]): boolean =>
  a.length === b.length &&
  a.every(({ name, type, nullable }, i) => {
    const other = b[i]!
    return name === other.name && type === other.type && nullable === other.nullable
  })

const gatherKernel = (kernels: Kernels, bytes: number): GatherKernel =>
  bytes === 1 ? kernels.gather8 : bytes === 2 ? kernels.gather16 : bytes === 4 ? kernels.gather32 : kernels.gather64
