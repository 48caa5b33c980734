import type { KernelMemory } from '../../kernels/memory.ts'
import { SLACK } from '../../kernels/memory.ts'
import type { ByteRange, OpenObject } from '../store.ts'
import type { Wanted } from './layout.ts'
import type { ColumnChunk, RowGroup } from './metadata.ts'

/** Column chunks closer than this are fetched in one request: what lies between costs less than a request of its own. */
const COALESCE_BYTES = 256 << 10

/** One wanted column chunk, and the address of its packed bytes. */
export interface FetchedChunk {
  readonly chunk: ColumnChunk
  readonly at: number
}

/** What is fetched of a row group. */
export interface GroupFetch {
  readonly chunks: readonly ColumnChunk[]
  /** The parts of the object that hold them. */
  readonly ranges: readonly ByteRange[]
  /** Bytes of kernel memory that they take. */
  readonly bytes: number
}

/** The fetches of the wanted column chunks of row groups, neighbours together. */
export function planFetches(groups: readonly RowGroup[], wanted: readonly Wanted[]): GroupFetch[] {
  return groups.map((group) => {
    const chunks = wanted.map(({ index }) => group.columns[index] as ColumnChunk)
    const ranges = coalesce(chunks)
    return { chunks, ranges, bytes: ranges.reduce((sum, { length }) => sum + room(length), 0) }
  })
}

/** The most bytes that one of the fetches takes. */
export const largestFetch = (fetches: readonly GroupFetch[]): number =>
  fetches.reduce((largest, { bytes }) => Math.max(largest, bytes), 0)

export interface FetcherOptions {
  readonly object: OpenObject
  /** The row groups to fetch, in order. */
  readonly fetches: readonly GroupFetch[]
  readonly memory: KernelMemory
  /** Row groups to have under way while one is read. */
  readonly ahead: number
}

/** Fetches row groups in order, some of them before they are asked for, into places of kernel memory that it takes in turn. */
export class GroupFetcher {
  readonly #options: FetcherOptions
  readonly #places: readonly number[]
  readonly #underWay: Promise<FetchedChunk[]>[] = []
  #next = 0

  constructor(options: FetcherOptions) {
    const { fetches, memory, ahead } = options
    this.#options = options
    const bytes = largestFetch(fetches)
    this.#places = Array.from({ length: ahead + 1 }, () => memory.allocate(bytes))
    for (let i = 0; i < ahead; i++) this.#start()
  }

  /** The next row group, whose place is its own until the one after it is asked for; undefined behind the last. */
  async next(): Promise<FetchedChunk[] | undefined> {
    const fetched = await this.#underWay[0]
    if (this.#underWay.shift()) this.#start()
    return fetched
  }

  /** Waits for what is under way, for its places are somebody else's afterwards. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  #start(): void {
    const { object, fetches, memory } = this.#options
    const fetch = fetches[this.#next]
    if (!fetch) return
    const place = this.#places[this.#next++ % this.#places.length]!
    const fetched = fetchGroup(object, fetch, memory, place)
    fetched.catch(() => undefined) // looked at in its turn, or never when the caller stops early
    this.#underWay.push(fetched)
  }
}

/** Fetches column chunks to `at`. What the object lacks is zero, which no checksum takes. */
async function fetchGroup(
  object: OpenObject,
  { chunks, ranges }: GroupFetch,
  memory: KernelMemory,
  at: number,
): Promise<FetchedChunk[]> {
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
