import type { Kernels } from '../kernels/kernels.ts'
import type { KernelInstance } from '../kernels/pool.ts'
import type { GatherKernel } from '../kernels/signatures.ts'
import type { Batch } from './batch.ts'
import { batchBytes } from './batch.ts'
import type { AddressColumn, Column, ColumnSpec } from './column.ts'
import { createColumn } from './column.ts'
import { gatherColumn } from './gather.ts'

/** How the columns of one producer are gathered: by kernels where both sides lie in their memory. */
interface GatherPlan {
  readonly source: Batch['columns']
  readonly rows: Uint32Array
  readonly arrays: readonly { readonly gather: GatherKernel; readonly from: number; readonly to: number }[]
  readonly sparse: readonly { readonly from: AddressColumn; readonly to: AddressColumn }[]
  readonly others: readonly { readonly from: Column; readonly to: Column }[]
}

/** Gathers rows of batches into one of its own. */
export class Gatherer {
  readonly #capacity: number
  readonly #instance: KernelInstance | undefined
  #specs: readonly ColumnSpec[]
  #target: Batch
  #plan: GatherPlan | undefined
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
    if (this.#target.capacity < count) this.#take(from.capacity)
    let plan = this.#plan
    if (plan?.source !== from.columns || plan.rows !== rows) plan = this.#planFor(from.columns, rows)
    this.#plan = plan
    const { arrays, sparse, others } = plan
    for (let i = 0; i < arrays.length; i++) {
      const { gather, from, to } = arrays[i]!
      gather(from, rows.byteOffset, count, to)
    }
    for (let i = 0; i < sparse.length; i++) this.#gatherSparse(sparse[i]!, rows, count)
    for (let i = 0; i < others.length; i++) gatherColumn(others[i]!.from, rows, count, others[i]!.to)
    this.#target.length = count
    return this.#target
  }

  #change(specs: readonly ColumnSpec[]): void {
    const isSame = areSame(specs, this.#specs)
    this.#specs = specs
    if (!isSame) this.#take(this.#capacity)
  }

  #take(capacity: number): void {
    this.#target = targetOf(this.#specs, capacity, undefined)
    this.#plan = undefined
  }

  /** A plan is good as long as rows and arrays of the source stay where they are; those of text may move. */
  #planFor(source: Batch['columns'], rows: Uint32Array): GatherPlan {
    const arrays: GatherPlan['arrays'][number][] = []
    const sparse: GatherPlan['sparse'][number][] = []
    const others: GatherPlan['others'][number][] = []
    for (const [name, to] of Object.entries(this.#target.columns)) {
      const from = source[name]
      if (!from) continue
      const parts = this.#isInside(rows) ? this.#partsOf(from, to) : undefined
      if (!this.#instance || !parts) {
        others.push({ from, to })
        if (to.type === 'address') this.#zero.delete(to)
        continue
      }
      for (const [array, target] of parts) {
        const gather = gatherKernel(this.#instance.kernels, array.BYTES_PER_ELEMENT)
        arrays.push({ gather, from: array.byteOffset, to: target.byteOffset })
      }
      if (from.type === 'address' && to.type === 'address') sparse.push({ from, to })
    }
    return { source, rows, arrays, sparse, others }
  }

  /** The arrays of a column, but for IPv6 addresses, with those that take their values; undefined when one of them lies elsewhere. */
  #partsOf(from: Column, to: Column): (readonly [FixedArray, FixedArray])[] | undefined {
    if (to.valid) return undefined
    if (from.type === 'address' && to.type === 'address') {
      const { family, v4, v6 } = from
      if (![family, v4, v6, to.family, to.v4, to.v6].every((array) => this.#isInside(array))) return undefined
      return [
        [family, to.family],
        [v4, to.v4],
      ]
    }
    if (!('values' in from) || !('values' in to)) return undefined
    return this.#isInside(from.values) && this.#isInside(to.values) ? [[from.values, to.values]] : undefined
  }

  #gatherSparse({ from, to }: GatherPlan['sparse'][number], rows: Uint32Array, count: number): void {
    const { kernels } = this.#instance!
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

type FixedArray = ArrayBufferView & { readonly BYTES_PER_ELEMENT: number }

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
