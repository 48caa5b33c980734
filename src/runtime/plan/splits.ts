import type { BlockInfo, ChunkInfo } from '../../storage/manifest/actions.ts'
import type { Split, SplitPiece } from './plan.ts'

/** Milliseconds; open ends are infinite. */
export interface Bounds {
  readonly from: number
  readonly to: number
}

interface MutableSplit {
  pieces: SplitPiece[]
  records: number
  sizeBytes: number
}

export interface CutOptions {
  readonly bounds: Bounds
  /** Bytes of a split, about. */
  readonly splitBytes: number
  readonly countsSampling: boolean
}

/** Leaves out chunks outside the period and cuts the others, neighbours together, at the ends of chunks that are nearest to each multiple of `splitBytes`: so that splits are even, however large chunks are. */
export function cutSplits(
  blocks: readonly BlockInfo[],
  { bounds, splitBytes, countsSampling }: CutOptions,
): { splits: Split[]; prunedRecords: number; prunedBlocks: number; samplingUnknown: number } {
  const splits: Split[] = []
  let open: MutableSplit = { pieces: [], records: 0, sizeBytes: 0 }
  let cutBytes = 0
  let prunedRecords = 0
  let prunedBlocks = 0
  let samplingUnknown = 0
  blocks.forEach((block, index) => {
    const inside = isInside(block, bounds)
    if (inside) samplingUnknown += block.samplingUnknown
    const countSampling = countsSampling && !inside && block.samplingUnknown > 0
    let kept = 0
    block.chunks.forEach((chunk, number) => {
      if (!mayHold(chunk, bounds)) {
        prunedRecords += chunk[2]
        return
      }
      kept++
      const middle = cutBytes + open.sizeBytes + chunk[1] / 2
      if (open.sizeBytes > 0 && middle > (splits.length + 1) * splitBytes) {
        cutBytes += open.sizeBytes
        splits.push(open)
        open = { pieces: [], records: 0, sizeBytes: 0 }
      }
      addChunk(open, index, number, chunk, countSampling)
    })
    if (kept === 0) prunedBlocks++
  })
  if (open.pieces.length > 0) splits.push(open)
  return { splits, prunedRecords, prunedBlocks, samplingUnknown }
}

/** Adds a chunk to a split, to its last piece when it follows that. */
function addChunk(split: MutableSplit, block: number, number: number, chunk: ChunkInfo, countSampling: boolean): void {
  const last = split.pieces.at(-1)
  if (last && last.block === block && last.first + last.count === number)
    split.pieces[split.pieces.length - 1] = { ...last, count: last.count + 1 }
  else split.pieces.push({ block, first: number, count: 1, countSampling })
  split.sizeBytes += chunk[1]
  split.records += chunk[2]
}

/** Whether a chunk may hold rows that start in, or overlap, the period: its last time is that of any start or end. */
function mayHold([, , , minStart, lastTime]: ChunkInfo, { from, to }: Bounds): boolean {
  if (minStart === null || lastTime === null) return true
  return minStart < to && lastTime >= from
}

/** Whether every row of a block starts inside the period. */
function isInside({ minStart, maxStart }: BlockInfo, { from, to }: Bounds): boolean {
  if (from === Number.NEGATIVE_INFINITY && to === Number.POSITIVE_INFINITY) return true
  return minStart !== null && maxStart !== null && minStart >= from && maxStart < to
}
