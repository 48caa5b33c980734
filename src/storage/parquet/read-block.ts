import type { Batch } from '../../flow/batch.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { BlockDamage, BlockRows, ReadBlockOptions } from '../block/read.ts'
import { StorageError } from '../errors.ts'
import type { BlockInfo } from '../manifest/actions.ts'
import { PAGE_ROWS } from './encode-block.ts'
import type { FetchedChunk } from './fetch.ts'
import { fetchGroup } from './fetch.ts'
import { layOut, memoryNeeded } from './layout.ts'
import { leavesOf } from './leaves.ts'
import { openBlock } from './open-block.ts'
import type { LeafTarget } from './read-group.ts'
import { GroupReader } from './read-group.ts'

/**
 * Reads a Parquet block page by page: batches of up to 16,384 rows whose columns are views of kernel memory, reused from one to the
 * next. Only the chunks of the columns asked for are fetched, those of the next row group while the caller computes.
 */
export async function* readParquetBlock(options: ReadBlockOptions): AsyncGenerator<BlockRows> {
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
  const instance = borrowKernels(memoryNeeded(selected, wanted, block), options.kernels)
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
      yield* readGroup({ instance, batch, targets, scratch, block, onCorrupt }, fetched, first + i, firstRecord)
    }
  } finally {
    returnKernels(instance)
  }
}

function recordsBefore(block: BlockInfo, chunk: number): number {
  let records = 0
  for (let i = 0; i < chunk; i++) records += block.chunks[i]?.[2] ?? 0
  return records
}

interface Place {
  readonly instance: KernelInstance
  readonly batch: Batch
  readonly targets: readonly LeafTarget[]
  readonly scratch: number
  readonly block: BlockInfo
  readonly onCorrupt: ((damage: BlockDamage) => void) | undefined
}

/** Hands out the pages of one row group; one with a bad page is left out whole. */
function* readGroup(
  place: Place,
  fetched: readonly FetchedChunk[],
  chunk: number,
  firstRecord: number,
): Generator<BlockRows> {
  const { instance, batch, targets, scratch, block, onCorrupt } = place
  const [offset = 0, , rows = 0] = block.chunks[chunk] ?? []
  const chunks = fetched.map((part, i) => ({ ...part, target: targets[i] as LeafTarget }))
  const reader = new GroupReader({
    memory: instance.memory,
    kernels: instance.kernels,
    scratch,
    block: block.key,
    chunks,
  })
  try {
    reader.verify()
  } catch (error) {
    if (!onCorrupt || !(error instanceof StorageError)) throw error
    onCorrupt({ key: block.key, offset: Number(error.details.offset ?? offset), records: rows, error })
    return
  }
  for (let at = 0; at < rows; at += PAGE_ROWS) {
    reader.readPage(batch, Math.min(PAGE_ROWS, rows - at))
    yield { batch, firstRecord: firstRecord + at }
  }
}
