import type { Batch } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { createColumn } from '../../flow/column.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import type { ByteRange, ObjectStore } from '../store.ts'
import { PAGE_ROWS } from './encode-block.ts'
import type { Leaf } from './leaves.ts'
import { leavesOf } from './leaves.ts'
import type { ColumnChunk, RowGroup } from './metadata.ts'
import { readFooter } from './metadata.ts'
import type { LeafTarget } from './read-group.ts'
import { GroupReader, scratchBytes } from './read-group.ts'

/** Column chunks closer than this are fetched in one request. */
const COALESCE_BYTES = 64 << 10

/** No row group of a flow block comes near this; a footer that says so is corrupt. */
const MAX_MEMORY = 1 << 30

export interface ParquetReadOptions {
  readonly store: ObjectStore
  readonly block: BlockInfo
  /** Columns wanted; those the file does not have are left to their zero. */
  readonly columns: readonly ColumnSpec[]
  /** Row groups [first, first + count); all of them when absent. */
  readonly chunks?: { readonly first: number; readonly count: number }
  /** Told of a row group that cannot be read, which is then skipped; without it the error is thrown. */
  readonly onCorrupt?: (error: StorageError, chunk: number) => void
}

/**
 * Reads a Parquet block page by page: batches of up to 16,384 rows whose columns are views of kernel memory, reused from one to the
 * next. Only the chunks of the columns asked for are fetched, those of the next row group while the caller computes.
 */
export async function* readParquetBlock(
  options: ParquetReadOptions,
): AsyncGenerator<{ batch: Batch; firstRecord: number; chunk: number }> {
  const { store, block, columns, onCorrupt } = options
  const { groups, leaves } = await openBlock(store, block)
  const { first, count } = options.chunks ?? { first: 0, count: groups.length }
  const wanted = leavesOf(columns).flatMap((leaf) => {
    const index = leaves.findIndex(
      (stored) => stored.name === leaf.name && stored.physical === leaf.physical && stored.optional === leaf.optional,
    )
    return index < 0 ? [] : [{ leaf, index }]
  })
  const selected = groups.slice(first, first + count)
  const instance = borrowKernels(memoryNeeded(selected, wanted, block))
  try {
    const { batch, targets, scratch } = layOut(instance.memory, columns, wanted)
    const base = instance.memory.mark
    let pending = fetchGroup(store, block, selected[0], wanted)
    for (let i = 0; i < selected.length; i++) {
      const fetched = await pending
      pending = fetchGroup(store, block, selected[i + 1], wanted)
      pending.catch(() => undefined) // awaited on the next turn, or not needed when the caller stops early
      instance.memory.release(base)
      const firstRecord = recordsBefore(block, first + i)
      const group = { fetched, rows: (selected[i] as RowGroup).rows, targets, scratch }
      yield* readGroup(instance, group, batch, {
        block,
        firstRecord,
        chunk: first + i,
        ...(onCorrupt ? { onCorrupt } : {}),
      })
    }
  } finally {
    returnKernels(instance)
  }
}

interface Wanted {
  readonly leaf: Leaf
  /** Position of its column chunk in a row group. */
  readonly index: number
}

interface Fetched {
  readonly chunks: readonly { readonly chunk: ColumnChunk; readonly bytes: Uint8Array }[]
}

async function openBlock(store: ObjectStore, block: BlockInfo): ReturnType<typeof openFooter> {
  try {
    return await openFooter(store, block)
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'corrupt') throw error
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected a readable footer, got a fault`,
      { key: block.key },
      error,
    )
  }
}

async function openFooter(store: ObjectStore, block: BlockInfo): Promise<ReturnType<typeof readFooter>> {
  const last = block.chunks.at(-1)
  const offset = last ? last[0] + last[1] : 4
  const bytes = await store.read(block.key, { offset, length: block.sizeBytes - offset })
  const length = bytes.length < 8 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const magic = new TextDecoder('latin1').decode(bytes.subarray(-4))
  if (magic !== 'PAR1' || length !== bytes.length - 8) {
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected a footer at byte ${offset}, got other bytes`,
      { key: block.key, offset },
    )
  }
  const footer = readFooter(bytes.subarray(0, length))
  if (!isConsistent(footer, block)) {
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected the row groups that the manifest says, got others`,
      { key: block.key },
    )
  }
  return footer
}

/** Whether the footer's row groups and column chunks lie where the manifest says that the chunks are. */
function isConsistent({ groups, leaves }: ReturnType<typeof readFooter>, block: BlockInfo): boolean {
  if (groups.length !== block.chunks.length) return false
  return groups.every(({ rows, columns }, i) => {
    const [offset = 0, length = 0, records = 0] = block.chunks[i] ?? []
    if (rows !== records || columns.length !== leaves.length) return false
    return columns.every(
      (chunk) =>
        chunk.offset >= offset &&
        chunk.sizeBytes >= 0 &&
        chunk.offset + chunk.sizeBytes <= offset + length &&
        chunk.plainBytes >= 0 &&
        chunk.plainBytes < MAX_MEMORY,
    )
  })
}

function recordsBefore(block: BlockInfo, chunk: number): number {
  let records = 0
  for (let i = 0; i < chunk; i++) records += block.chunks[i]?.[2] ?? 0
  return records
}

/** Kernel memory for the columns, one page, and the largest row group with its dictionaries. */
function memoryNeeded(groups: readonly RowGroup[], wanted: readonly Wanted[], block: BlockInfo): number {
  let largest = 0
  for (const group of groups) {
    let bytes = 0
    for (const { leaf, index } of wanted) {
      const chunk = group.columns[index] as ColumnChunk
      bytes += chunk.sizeBytes + SLACK * 4 + (chunk.hasDictionary ? chunk.plainBytes * 2 + 4096 : 0)
      if (leaf.layout === 'sparse') bytes += PAGE_ROWS * 16 + 4096
    }
    largest = Math.max(largest, bytes)
  }
  const columns = wanted.reduce((sum, { leaf }) => sum + PAGE_ROWS * leaf.bytes + SLACK * 2, 0)
  const scratch = Math.max(0, ...wanted.map(({ leaf }) => scratchBytes(leaf, PAGE_ROWS)))
  const needed = largest + columns + scratch + 4096
  if (!(needed < MAX_MEMORY))
    throw new StorageError(
      'corrupt',
      `parquet: block ${block.key} expected row groups below 1 GB, got ${needed} bytes`,
      { key: block.key },
    )
  return needed
}

/** Takes the column arrays and the page buffer out of kernel memory. */
function layOut(
  memory: KernelMemory,
  columns: readonly ColumnSpec[],
  wanted: readonly Wanted[],
): { batch: Batch; targets: LeafTarget[]; scratch: number } {
  const scratch = memory.allocate(Math.max(0, ...wanted.map(({ leaf }) => scratchBytes(leaf, PAGE_ROWS))))
  const targets: LeafTarget[] = []
  const made: { [name: string]: Column } = {}
  for (const { name, type, nullable = false } of columns) {
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

/** Fetches the wanted column chunks of a row group, neighbours together. */
async function fetchGroup(
  store: ObjectStore,
  block: BlockInfo,
  group: RowGroup | undefined,
  wanted: readonly Wanted[],
): Promise<Fetched> {
  if (!group) return { chunks: [] }
  const chunks = wanted.map(({ index }) => group.columns[index] as ColumnChunk)
  const ranges = coalesce(chunks)
  const parts = await Promise.all(ranges.map((range) => store.read(block.key, range)))
  return {
    chunks: chunks.map((chunk) => {
      const r = ranges.findIndex(
        (range) => chunk.offset >= range.offset && chunk.offset + chunk.sizeBytes <= range.offset + range.length,
      )
      const at = chunk.offset - (ranges[r] as ByteRange).offset
      return { chunk, bytes: (parts[r] as Uint8Array).subarray(at, at + chunk.sizeBytes) }
    }),
  }
}

function coalesce(chunks: readonly ColumnChunk[]): ByteRange[] {
  const sorted = [...chunks].sort((a, b) => a.offset - b.offset)
  const ranges: { offset: number; length: number }[] = []
  for (const { offset, sizeBytes } of sorted) {
    const last = ranges.at(-1)
    if (last && offset <= last.offset + last.length + COALESCE_BYTES)
      last.length = Math.max(last.length, offset + sizeBytes - last.offset)
    else ranges.push({ offset, length: sizeBytes })
  }
  return ranges
}

interface GroupPlace {
  readonly block: BlockInfo
  readonly firstRecord: number
  readonly chunk: number
  readonly onCorrupt?: (error: StorageError, chunk: number) => void
}

function* readGroup(
  { memory, kernels }: KernelInstance,
  {
    fetched,
    rows,
    targets,
    scratch,
  }: { fetched: Fetched; rows: number; targets: readonly LeafTarget[]; scratch: number },
  batch: Batch,
  { block, firstRecord, chunk, onCorrupt }: GroupPlace,
): Generator<{ batch: Batch; firstRecord: number; chunk: number }> {
  const chunks = fetched.chunks.map((part, i) => ({ ...part, target: targets[i] as LeafTarget }))
  const reader = new GroupReader({ memory, kernels, scratch, block: block.key, chunks })
  try {
    reader.verify()
  } catch (error) {
    if (!onCorrupt || !(error instanceof StorageError)) throw error
    onCorrupt(error, chunk)
    return
  }
  for (let at = 0; at < rows; at += PAGE_ROWS) {
    reader.readPage(batch, Math.min(PAGE_ROWS, rows - at))
    yield { batch, firstRecord: firstRecord + at, chunk }
  }
}
