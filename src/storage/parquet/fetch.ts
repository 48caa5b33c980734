import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import type { ByteRange, OpenObject } from '../store.ts'
import type { Wanted } from './layout.ts'
import type { ColumnChunk, RowGroup } from './metadata.ts'

/** Column chunks closer than this are fetched in one request. */
const COALESCE_BYTES = 64 << 10

/** One wanted column chunk, and the address of its packed bytes. */
export interface FetchedChunk {
  readonly chunk: ColumnChunk
  readonly at: number
}

/** Bytes of kernel memory that the wanted column chunks of a row group take. */
export function fetchBytes(group: RowGroup, wanted: readonly Wanted[]): number {
  return coalesce(chunksOf(group, wanted)).reduce((sum, { length }) => sum + room(length), 0)
}

/** Fetches the wanted column chunks of a row group to `at`, neighbours together. What the object lacks is zero, which no checksum takes. */
export async function fetchGroup(
  object: OpenObject,
  group: RowGroup,
  wanted: readonly Wanted[],
  memory: KernelMemory,
  at: number,
): Promise<FetchedChunk[]> {
  const chunks = chunksOf(group, wanted)
  const ranges = coalesce(chunks)
  const places: number[] = []
  for (let i = 0, next = at; i < ranges.length; next += room(ranges[i++]!.length)) places.push(next)
  const results = await Promise.allSettled(
    ranges.map(async ({ offset, length }, i) => {
      const target = memory.bytes(places[i]!, length)
      target.fill(0, await object.readInto(target, offset))
    }),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return chunks.map((chunk) => {
    const r = ranges.findIndex(
      (range) => chunk.offset >= range.offset && chunk.offset + chunk.sizeBytes <= range.offset + range.length,
    )
    return { chunk, at: places[r]! + chunk.offset - ranges[r]!.offset }
  })
}

/** Multiples of 16 bytes, with slack behind. */
const room = (length: number): number => Math.ceil((length + SLACK) / 16) * 16

const chunksOf = (group: RowGroup, wanted: readonly Wanted[]): ColumnChunk[] =>
  wanted.map(({ index }) => group.columns[index] as ColumnChunk)

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
