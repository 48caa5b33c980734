import type { BlockInfo } from '../manifest/actions.ts'

/** Neighbouring chunks of a block that are read at once. */
export interface ChunkRun {
  readonly block: BlockInfo
  readonly first: number
  readonly count: number
  /** Their place in the file. */
  readonly offset: number
  readonly length: number
  readonly records: number
  /** The row of the part where theirs begin. */
  readonly row: number
}

/** What becomes one Parquet block. */
export interface Part {
  readonly runs: readonly ChunkRun[]
  readonly records: number
}

/** Runs are no longer than this, but for a chunk that is: with the header of the block they are read in one range. */
const RUN_BYTES = (4 << 20) - (64 << 10)

/** Cuts the blocks of a group, in order, into parts of about the same size, of at most `mostRecords` flows each but for a single chunk that has more. */
export function partsOf(group: readonly BlockInfo[], mostRecords: number): Part[] {
  const total = group.reduce((sum, block) => sum + block.records, 0)
  const even = Math.ceil(total / Math.ceil(total / mostRecords))
  const largest = Math.max(0, ...group.flatMap((block) => block.chunks.map(([, , records]) => records)))
  const most = Math.min(mostRecords, even + largest)
  const parts: { runs: ChunkRun[]; records: number }[] = []
  for (const block of group) {
    for (const [index, [offset, length, records]] of block.chunks.entries()) {
      let part = parts.at(-1)
      if (!part || (part.records > 0 && part.records + records > most)) {
        part = { runs: [], records: 0 }
        parts.push(part)
      }
      const last = part.runs.at(-1)
      if (last?.block === block && offset === last.offset + last.length && last.length + length <= RUN_BYTES) {
        const longer = { count: last.count + 1, length: last.length + length, records: last.records + records }
        part.runs[part.runs.length - 1] = { ...last, ...longer }
      } else part.runs.push({ block, first: index, count: 1, offset, length, records, row: part.records })
      part.records += records
    }
  }
  return parts
}
