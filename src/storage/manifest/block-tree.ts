import type { BlockInfo } from './actions.ts'
import type { Period } from './snapshot.ts'
import type { PageRef, TreeKind } from './tree.ts'

/** The live blocks of a dataset, by key. */

/** A page of blocks. Times are milliseconds, over the blocks that have them. */
export interface BlockPageRef extends PageRef {
  readonly sizeBytes: number
  readonly records: number
  readonly minStart: number | null
  readonly maxStart: number | null
  readonly maxEnd: number | null
  /** Blocks on the page without times. */
  readonly untimed: number
}

/** A block that became live, or null for one that is no more. */
export type BlockChange = BlockInfo | null

/** What blocks add up to. */
export type BlockTotals = Omit<BlockPageRef, keyof PageRef>

export const BLOCK_TREE: TreeKind<BlockInfo, BlockChange, BlockPageRef> = {
  pageEntries: 2048,
  keyOf: (block) => block.key,
  groupOf: dayFolder,
  merge: (_, change) => change ?? undefined,
  describe: (page, blocks) => ({ ...page, ...blocks.reduce(addBlockTotals, NO_BLOCKS) }),
}

/** The folder two above the block: the day for `data/flows/2026-11-21/00/<ulid>.avro`. It groups; its text is given no meaning. */
function dayFolder(key: string): string {
  const file = key.lastIndexOf('/')
  return key.slice(0, Math.max(0, key.lastIndexOf('/', file - 1)))
}

export const NO_BLOCKS: BlockTotals = {
  sizeBytes: 0,
  records: 0,
  minStart: null,
  maxStart: null,
  maxEnd: null,
  untimed: 0,
}

export function addBlockTotals(totals: BlockTotals, block: BlockInfo): BlockTotals {
  return {
    sizeBytes: totals.sizeBytes + block.sizeBytes,
    records: totals.records + block.records,
    minStart: least(totals.minStart, block.minStart),
    maxStart: greatest(totals.maxStart, block.maxStart),
    maxEnd: greatest(totals.maxEnd, block.maxEnd),
    untimed: totals.untimed + (block.minStart === null ? 1 : 0),
  }
}

export const least = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b)

export const greatest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b)

/** Whether a block, or a page, may hold a flow that starts in the period or overlaps it; those without times always may. */
export function mayTouch(
  { minStart, maxStart, maxEnd }: { minStart: number | null; maxStart: number | null; maxEnd: number | null },
  { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: Period,
): boolean {
  if (minStart === null) return true
  return minStart < to && Math.max(maxStart ?? minStart, maxEnd ?? minStart) >= from
}
