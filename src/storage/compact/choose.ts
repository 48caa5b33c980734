import type { BlockInfo } from '../manifest/actions.ts'

export interface ChooseOptions {
  /** Only blocks all of whose flows ended before this time, milliseconds; Infinity takes every block. */
  readonly sealedBefore: number
  /** Flows of a compacted block, about: groups are closed when the next block would go beyond it. */
  readonly targetRecords: number
  /** A last group of fewer blocks than this, and of less than half the target, is left for later. */
  readonly minBlocks: number
}

/**
 * Which blocks to compact together: sealed Avro blocks of one schema, neighbours in time. A block without times is sealed at once.
 * The same snapshot and options give the same groups.
 */
export function chooseGroups(
  blocks: readonly BlockInfo[],
  { sealedBefore, targetRecords, minBlocks }: ChooseOptions,
): BlockInfo[][] {
  const sealed = blocks.filter(
    ({ format, maxEnd }) => format === 'avro' && (maxEnd ?? Number.NEGATIVE_INFINITY) < sealedBefore,
  )
  sealed.sort(
    (a, b) => compareText(a.schemaId, b.schemaId) || (a.minStart ?? 0) - (b.minStart ?? 0) || compareText(a.key, b.key),
  )
  const groups: BlockInfo[][] = []
  let records = 0
  for (const block of sealed) {
    const open = groups.at(-1)
    const fits = open && open[0]?.schemaId === block.schemaId && records + block.records <= targetRecords
    if (fits) open.push(block)
    else groups.push([block])
    records = fits ? records + block.records : block.records
  }
  const last = groups.at(-1)
  if (last && last.length < minBlocks && records < targetRecords / 2) groups.pop()
  return groups
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
