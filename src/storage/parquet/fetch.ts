import { setImmediate } from 'node:timers/promises'
import { monotonicMs } from '../../flow/clock.ts'
import type { KernelMemory } from '../../kernels/memory.ts'
import { regionBytes } from '../../kernels/memory.ts'
import type { ByteRange, OpenObject } from '../store.ts'
import type { GroupChunks } from './footer.ts'
import type { ColumnChunk } from './metadata.ts'

/** Column chunks closer than this are fetched in one request: what lies between costs less than a request of its own. */
const COALESCE_BYTES = 256 << 10

/** Time after which the event loop has a turn where nothing is waited for: messages and leases of this thread would wait until the end of a block otherwise. */
const TURN_MS = 4
let lastTurn = 0

async function turn(): Promise<void> {
  if (monotonicMs() - lastTurn < TURN_MS) return
  await setImmediate()
  lastTurn = monotonicMs()
}

/** What is fetched of a row group. */
export interface GroupFetch extends GroupChunks {
  /** The parts of the object that hold the chunks, and where each goes behind the first. */
  readonly ranges: readonly ByteRange[]
  readonly places: readonly number[]
  /** Where each chunk lies behind the first byte of the first range. */
  readonly starts: readonly number[]
  /** Bytes of kernel memory that they take. */
  readonly bytes: number
}

/** A row group that has been fetched: its chunks lie at `at`. */
export interface FetchedGroup extends GroupFetch {
  readonly at: number
}

/** The fetches of row groups, neighbouring column chunks together. */
export const planFetches = (groups: readonly GroupChunks[]): GroupFetch[] => groups.map(planFetch)

function planFetch({ rows, chunks }: GroupChunks): GroupFetch {
  const ranges = coalesce(chunks)
  const places: number[] = []
  let bytes = 0
  for (const { length } of ranges) {
    places.push(bytes)
    bytes += regionBytes(length)
  }
  const starts = chunks.map(({ offset, sizeBytes }) => {
    const r = ranges.findIndex((range) => offset >= range.offset && offset + sizeBytes <= range.offset + range.length)
    return places[r]! + offset - ranges[r]!.offset
  })
  return { rows, chunks, ranges, places, starts, bytes }
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

/** Fetches row groups in order, some of them before they are asked for where the object cannot give them at once, into places of kernel memory that it takes in turn. */
export class GroupFetcher {
  readonly #options: FetcherOptions
  readonly #places: readonly number[]
  readonly #underWay: Promise<FetchedGroup>[] = []
  #next = 0

  constructor(options: FetcherOptions) {
    const { fetches, memory, ahead } = options
    this.#options = options
    const bytes = largestFetch(fetches)
    this.#places = Array.from({ length: ahead + 1 }, () => memory.allocate(bytes))
    if (!options.object.readNow) this.#startAhead()
  }

  /** The next row group, whose place is its own until the one after it is asked for; undefined behind the last. */
  async next(): Promise<FetchedGroup | undefined> {
    if (this.#underWay.length === 0) {
      const fetched = this.#fetchNow()
      if (fetched) {
        await turn()
        return fetched
      }
      this.#start()
    }
    const fetched = await this.#underWay[0]
    this.#underWay.shift()
    this.#startAhead()
    return fetched
  }

  /** The next row group when the object has all of it at hand. */
  #fetchNow(): FetchedGroup | undefined {
    const { object, fetches, memory } = this.#options
    const fetch = fetches[this.#next]
    if (!fetch || !object.readNow) return undefined
    const at = this.#places[this.#next % this.#places.length]!
    for (const [i, { offset, length }] of fetch.ranges.entries()) {
      const target = memory.bytes(at + fetch.places[i]!, length)
      const filled = object.readNow(target, offset)
      if (filled === undefined) return undefined
      target.fill(0, filled)
    }
    this.#next++
    return { ...fetch, at }
  }

  #startAhead(): void {
    while (this.#underWay.length < this.#options.ahead && this.#next < this.#options.fetches.length) this.#start()
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
  fetch: GroupFetch,
  memory: KernelMemory,
  at: number,
): Promise<FetchedGroup> {
  const { ranges, places } = fetch
  const results = await Promise.allSettled(
    ranges.map(async ({ offset, length }, i) => {
      const target = memory.bytes(at + places[i]!, length)
      target.fill(0, await object.readInto(target, offset))
    }),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return { ...fetch, at }
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
