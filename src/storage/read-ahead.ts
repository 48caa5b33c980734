import type { BlockSource } from './store.ts'

/** Bytes of one object that may be on their way at a time, beside a single read of any size. */
const MOST_BYTES = 8 << 20

/** How many reads of up to `sizeBytes` to keep under way before their bytes are needed: what the store says is worth having, within what memory they may take. */
export function readsUnderWay({ readsAhead = 1 }: Pick<BlockSource, 'readsAhead'>, sizeBytes: number): number {
  return Math.max(1, Math.min(readsAhead, Math.floor(MOST_BYTES / Math.max(1, sizeBytes))))
}
