import type { BlockInfo } from '../manifest/actions.ts'
import type { BlockSource, ByteRange } from '../store.ts'
import type { Wanted } from './layout.ts'
import type { ColumnChunk, RowGroup } from './metadata.ts'

/** Column chunks closer than this are fetched in one request. */
const COALESCE_BYTES = 64 << 10

/** The packed bytes of one wanted column chunk. */
export interface FetchedChunk {
  readonly chunk: ColumnChunk
  readonly bytes: Uint8Array
}

/** Fetches the wanted column chunks of a row group, neighbours together. */
export async function fetchGroup(
  store: BlockSource,
  block: BlockInfo,
  group: RowGroup | undefined,
  wanted: readonly Wanted[],
): Promise<FetchedChunk[]> {
  if (!group) return []
  const chunks = wanted.map(({ index }) => group.columns[index] as ColumnChunk)
  const ranges = coalesce(chunks)
  const parts = await Promise.all(ranges.map((range) => store.read(block.key, range)))
  return chunks.map((chunk) => {
    const r = ranges.findIndex(
      (range) => chunk.offset >= range.offset && chunk.offset + chunk.sizeBytes <= range.offset + range.length,
    )
    const at = chunk.offset - (ranges[r] as ByteRange).offset
    return { chunk, bytes: (parts[r] as Uint8Array).subarray(at, at + chunk.sizeBytes) }
  })
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
