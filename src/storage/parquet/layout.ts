import type { Batch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { createColumn } from '../../flow/column.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import {
  LAYOUT,
  OPENED_WORDS,
  PAGE_CHUNK_WORDS,
  PAGE_COLUMN,
  PAGE_COLUMN_WORDS,
  PAGE_ENTRY_WORDS,
  PAGE_RUN_WORDS,
  SPARE_PAGE_ENTRIES,
} from '../../kernels/pages.ts'
import { fillDefault } from '../avro/fill.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { GroupChunks } from './footer.ts'
import { MAX_MEMORY } from './footer.ts'
import type { Leaf } from './leaves.ts'
import { PAGE_ROWS } from './rows.ts'

/** Kernel memory laid out for the pages of a block: what stays the same from one row group to the next. */
export interface PagePlace {
  readonly batch: Batch
  /** The leaves that are read, and the columns that hold them. */
  readonly targets: readonly LeafTarget[]
  /** The columns of `readPages`, one for each leaf. */
  readonly columnsAt: number
  /** The column chunks of `openPages`, and what it tells. */
  readonly chunksAt: number
  readonly toldAt: number
  /** Room for the plain bytes of a page. */
  readonly scratch: number
  /** Room for the IPv6 addresses of a page, back to back. */
  readonly dense: number
  /** Room for a word that kernels leave. */
  readonly wordAt: number
}

/** A leaf that is read, and the column that it is a part of. */
export interface LeafTarget {
  readonly leaf: Leaf
  readonly column: Column
}

/** Most pages that the column chunks of a row group have, dictionary included. */
export const mostPages = (rows: number): number => Math.ceil(rows / PAGE_ROWS) + 1

/** Bytes of the entries of a column chunk's pages. */
export const entriesBytes = (rows: number): number => (mostPages(rows) + SPARE_PAGE_ENTRIES) * PAGE_ENTRY_WORDS * 4

export interface MemoryOptions {
  readonly groups: readonly GroupChunks[]
  /** The leaves that are read, one for each chunk of a row group. */
  readonly wanted: readonly Leaf[]
  readonly block: BlockInfo
  /** Bytes of the largest row group as it is fetched. */
  readonly fetchBytes: number
  /** Row groups that are read while another is decoded. */
  readonly ahead: number
}

/** Words that kernels know of a leaf. */
const WORDS = PAGE_COLUMN_WORDS + PAGE_CHUNK_WORDS + PAGE_RUN_WORDS

/** Kernel memory for the columns, one page, the largest row group with its dictionaries, and those of its size that are read meanwhile. */
export function memoryNeeded({ groups, wanted, block, fetchBytes, ahead }: MemoryOptions): number {
  let decoded = 0
  for (const group of groups) {
    let bytes = 0
    for (const [i, leaf] of wanted.entries()) {
      const chunk = group.chunks[i]!
      if (chunk.hasDictionary) bytes += chunk.plainBytes * 2 + 4096
      if (leaf.layout === 'sparse') bytes += PAGE_ROWS * 16 + 4096
      bytes += entriesBytes(group.rows) + SLACK * 2
    }
    decoded = Math.max(decoded, bytes)
  }
  const columns = wanted.reduce((sum, leaf) => sum + PAGE_ROWS * leaf.bytes + WORDS * 4 + SLACK * 2, 0)
  const scratch = Math.max(0, ...wanted.map(scratchBytes))
  const needed = (fetchBytes + SLACK * 2) * (ahead + 1) + decoded + columns + scratch + 4096
  if (!(needed < MAX_MEMORY))
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected row groups below 1 GB, got ${needed} bytes`,
      { key: block.key },
    )
  return needed
}

/** Takes the column arrays and the page buffer out of kernel memory. */
export function layOut(memory: KernelMemory, columns: readonly ColumnSpec[], wanted: readonly Leaf[]): PagePlace {
  const scratch = memory.allocate(Math.max(0, ...wanted.map(scratchBytes)))
  const dense = wanted.some(({ layout }) => layout === 'sparse') ? memory.allocate(PAGE_ROWS * 16) : 0
  const columnsAt = memory.allocate(wanted.length * PAGE_COLUMN_WORDS * 4)
  const words = new Uint32Array(memory.memory.buffer, columnsAt, wanted.length * PAGE_COLUMN_WORDS)
  const targets: LeafTarget[] = []
  const made: { [name: string]: Column } = {}
  for (const spec of columns) {
    const { name, type, nullable = false } = spec
    let column: Column = createColumn(type, PAGE_ROWS, { nullable })
    const leaves = wanted.filter(({ column }) => column === name)
    let familyAt = 0
    for (const [i, leaf] of leaves.entries()) {
      const inKernel = leaf.layout !== 'nullable'
      const at = inKernel ? memory.allocate(PAGE_ROWS * leaf.bytes) : 0
      if (inKernel) column = { ...column, [leaf.part]: arrayAt(memory, leaf, at) } as Column // the part's array type is that of its width
      if (leaf.part === 'family') familyAt = at
      if (leaf.layout === 'sparse') memory.bytes(at, PAGE_ROWS * 16).fill(0)
      words.set(columnWords(leaf, at, familyAt), (targets.length + i) * PAGE_COLUMN_WORDS)
    }
    for (const leaf of leaves) targets.push({ leaf, column })
    if (leaves.length === 0) fillDefault(column, spec, PAGE_ROWS)
    made[name] = column
  }
  const batch = { length: 0, capacity: PAGE_ROWS, columns: made }
  const chunksAt = memory.allocate(wanted.length * PAGE_CHUNK_WORDS * 4)
  const toldAt = memory.allocate((OPENED_WORDS + wanted.length * PAGE_RUN_WORDS) * 4)
  return { batch, targets, columnsAt, chunksAt, toldAt, scratch, dense, wordAt: memory.allocate(4) }
}

/** What `readPages` knows of a leaf before there is a row group. */
function columnWords(leaf: Leaf, at: number, familyAt: number): Uint32Array {
  const words = new Uint32Array(PAGE_COLUMN_WORDS)
  words[PAGE_COLUMN.bytes] = leaf.bytes
  words[PAGE_COLUMN.target] = at
  words[PAGE_COLUMN.layout] = LAYOUT[leaf.layout]
  words[PAGE_COLUMN.isOptional] = leaf.optional ? 1 : 0
  words[PAGE_COLUMN.family] = familyAt
  words[PAGE_COLUMN.room] = scratchBytes(leaf)
  words[PAGE_COLUMN.isZero] = 1
  return words
}

function arrayAt(memory: KernelMemory, leaf: Leaf, at: number): Uint8Array | Uint16Array | Uint32Array | Float64Array {
  const { buffer } = memory.memory
  if (leaf.bytes === 2) return new Uint16Array(buffer, at, PAGE_ROWS)
  if (leaf.bytes === 4) return new Uint32Array(buffer, at, PAGE_ROWS)
  if (leaf.bytes === 8) return new Float64Array(buffer, at, PAGE_ROWS)
  return new Uint8Array(buffer, at, PAGE_ROWS * leaf.bytes)
}

/** The most plain bytes a data page of a leaf may have; text pages may be larger than their rows say and have a cap of their own. */
export function scratchBytes(leaf: Leaf): number {
  if (leaf.part === 'text') return MAX_TEXT_PAGE
  return PAGE_ROWS * Math.max(leaf.bytes, leaf.bytes === 8 ? 9 : 4) + 1024
}

const MAX_TEXT_PAGE = 16 << 20
