import type { Batch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { createColumn } from '../../flow/column.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import { fillDefault } from '../avro/fill.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import { fetchBytes } from './fetch.ts'
import type { Leaf } from './leaves.ts'
import type { ColumnChunk, RowGroup } from './metadata.ts'
import { MAX_MEMORY } from './open-block.ts'
import type { LeafTarget } from './read-group.ts'
import { scratchBytes } from './read-group.ts'
import { PAGE_ROWS } from './rows.ts'

/** A leaf that is read. */
export interface Wanted {
  readonly leaf: Leaf
  /** Position of its column chunk in a row group. */
  readonly index: number
}

/** Kernel memory for the columns, one page, and twice the largest row group with its dictionaries: one is read while the other is decoded. */
export function memoryNeeded(groups: readonly RowGroup[], wanted: readonly Wanted[], block: BlockInfo): number {
  let largest = 0
  let decoded = 0
  for (const group of groups) {
    let bytes = 0
    for (const { leaf, index } of wanted) {
      const chunk = group.columns[index] as ColumnChunk
      if (chunk.hasDictionary) bytes += chunk.plainBytes * 2 + 4096
      if (leaf.layout === 'sparse') bytes += PAGE_ROWS * 16 + 4096
    }
    decoded = Math.max(decoded, bytes)
    largest = Math.max(largest, fetchBytes(group, wanted))
  }
  const columns = wanted.reduce((sum, { leaf }) => sum + PAGE_ROWS * leaf.bytes + SLACK * 2, 0)
  const scratch = Math.max(0, ...wanted.map(({ leaf }) => scratchBytes(leaf)))
  const needed = (largest + SLACK * 2) * 2 + decoded + columns + scratch + 4096
  if (!(needed < MAX_MEMORY))
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected row groups below 1 GB, got ${needed} bytes`,
      { key: block.key },
    )
  return needed
}

/** Takes the column arrays and the page buffer out of kernel memory. */
export function layOut(
  memory: KernelMemory,
  columns: readonly ColumnSpec[],
  wanted: readonly Wanted[],
): { batch: Batch; targets: LeafTarget[]; scratch: number } {
  const scratch = memory.allocate(Math.max(0, ...wanted.map(({ leaf }) => scratchBytes(leaf))))
  const targets: LeafTarget[] = []
  const made: { [name: string]: Column } = {}
  for (const spec of columns) {
    const { name, type, nullable = false } = spec
    let column: Column = createColumn(type, PAGE_ROWS, { nullable })
    let familyAt = 0
    for (const { leaf } of wanted) {
      if (leaf.column !== name) continue
      const inKernel = leaf.layout !== 'nullable'
      const at = inKernel ? memory.allocate(PAGE_ROWS * leaf.bytes) : 0
      if (inKernel) column = { ...column, [leaf.part]: arrayAt(memory, leaf, at) } as Column // the part's array type is that of its width
      if (leaf.part === 'family') familyAt = at
      if (leaf.layout === 'sparse') memory.bytes(at, PAGE_ROWS * 16).fill(0)
      targets.push({ leaf, column, at, familyAt, isZero: true })
    }
    for (let i = 0; i < targets.length; i++)
      if (targets[i]?.leaf.column === name) targets[i] = { ...(targets[i] as LeafTarget), column }
    if (!targets.some(({ leaf }) => leaf.column === name)) fillDefault(column, spec, PAGE_ROWS)
    made[name] = column
  }
  return { batch: { length: 0, capacity: PAGE_ROWS, columns: made }, targets, scratch }
}

function arrayAt(memory: KernelMemory, leaf: Leaf, at: number): Uint8Array | Uint16Array | Uint32Array | Float64Array {
  const { buffer } = memory.memory
  if (leaf.bytes === 2) return new Uint16Array(buffer, at, PAGE_ROWS)
  if (leaf.bytes === 4) return new Uint32Array(buffer, at, PAGE_ROWS)
  if (leaf.bytes === 8) return new Float64Array(buffer, at, PAGE_ROWS)
  return new Uint8Array(buffer, at, PAGE_ROWS * leaf.bytes)
}
